"""The line that says where the figures come from."""

import os
import platform
import random
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES, STEPS, WALKS, REST_S = 65_536, 20_000, 30, 0.05


def line(directory: Path) -> str:
    """Processor, versions, what a durable write costs here and what a rest does, how busy it is, and the commit.

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
        f"fdatasync {_sync_ms(directory):.2f} ms, "
        f"memory {_slower_rested():.1f} times as slow after {REST_S * 1000:.0f} ms of rest, "
        f"load average {os.getloadavg()[0]:.2f}, "
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


def _slower_rested() -> float:
    """How much longer the same walk through a table of numbers takes after a rest than at once, medians of 30.

    It says how far the caches are emptied while nothing runs here, by other machines on the same processor for
    instance. Latencies of an idle system grow with it: every process begins from memory then.
    """
    order = random.Random(0).sample(range(1, PLACES), PLACES - 1)
    following = dict(zip([0, *order], [*order, 0], strict=True))

    def walk() -> int:
        started, at = time.monotonic_ns(), 0
        for _ in range(STEPS):
            at = following[at]
        return time.monotonic_ns() - started

    def rested() -> int:
        time.sleep(REST_S)
        return walk()

    at_once = statistics.median(walk() for _ in range(WALKS))
    return statistics.median(rested() for _ in range(WALKS)) / at_once


def _commit() -> str:
    found = _git("rev-parse", "--short", "HEAD")
    if not found:
        return "none"
    return f"{found} with changes" if _git("status", "--porcelain", "-uno") else found


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
