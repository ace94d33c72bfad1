"""The line that says where the figures come from."""

import os
import platform
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def line(directory: Path) -> str:
    """Processor, versions, what a durable write costs here, how busy it is, and the commit.

    Args:
        directory: Where the databases will lie: the write is timed on that disk.
    """
    model = next(
        (
            text.partition(":")[2].strip()
            for text in Path("/proc/cpuinfo").read_text().splitlines()
            if text.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"fdatasync {_sync_ms(directory):.2f} ms, load average {os.getloadavg()[0]:.2f}, "
        f"commit {_commit()}, {time.strftime('%Y-%m-%d')}"
    )


def _sync_ms(directory: Path) -> float:
    """Median of 50 times: append 4 KiB, then fdatasync."""
    path = directory / f"sync-{os.getpid()}"
    took: list[int] = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(50):
            os.write(file, bytes(4096))
            started = time.monotonic_ns()
            os.fdatasync(file)
            took.append(time.monotonic_ns() - started)
    finally:
        os.close(file)
        path.unlink()
    return statistics.median(took) / 1e6


def _commit() -> str:
    found = _git("rev-parse", "--short", "HEAD")
    if not found:
        return "none"
    return f"{found} with changes" if _git("status", "--porcelain", "-uno") else found


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
