"""How long until something answers?

Method: `hairtrigger dev` in a copy of the project without a database, from the start of the
process to its ready line, which it prints when server and worker are up. Import time: a fresh
interpreter that imports the package against one that imports nothing, in turn, 20 of each; the
difference of the medians, in wall and in CPU time. Each system in its own interpreter.
"""

import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import figures, session
from benchmarks.databases import free_port
from benchmarks.running import WORK
from benchmarks.session import Session
from benchmarks.systems import HERE, System

READY_S = 60.0


def ask(now: Session) -> None:
    """Answer the question."""
    ours = [one for one in now.systems if one.server]
    if ours:
        found = [_dev_ms(ours[0]) for _ in range(1 if now.quick else 7)]
        figures.print_table(
            "Cold start of `dev`",
            ["", "ready ms", "lowest to highest"],
            [
                [
                    ours[0].name,
                    f"{statistics.median(found):,.0f}",
                    f"{min(found):,.0f} to {max(found):,.0f}",
                ]
            ],
        )
    imports = {one.name: [_import_ms(one, 5 if now.quick else 20)] for one in now.systems}
    figures.print_times("Import, above a bare interpreter", imports)


def _dev_ms(system: System) -> float:
    assert system.project
    with tempfile.TemporaryDirectory(dir=WORK, prefix="cold") as directory:
        project = shutil.copytree(system.project, Path(directory) / "project")
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        started = time.monotonic_ns()
        process = subprocess.Popen(
            [system.server[0], "dev", "--port", str(free_port())],
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        with process.stdout:
            said: list[str] = []
            for line in process.stdout:
                said.append(line)
                if "ready in" in line:
                    break
            took = (time.monotonic_ns() - started) / 1e6
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
        process.wait(READY_S)
        if not any("ready in" in line for line in said):
            raise RuntimeError("dev ended before it was ready: " + "".join(said))
        return took


def _import_ms(system: System, rounds: int) -> dict[str, float]:
    python = system.client[0]
    bare: list[tuple[float, float]] = []
    full: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        bare.append(_python_ms(python, "pass"))
        full.append(_python_ms(python, f"import {system.name}"))
    names = ("import wall ms", "import CPU ms")
    return {
        name: statistics.median(one[place] for one in full[1:])
        - statistics.median(one[place] for one in bare[1:])
        for place, name in enumerate(names)
    }


def _python_ms(python: str, code: str) -> tuple[float, float]:
    """Wall and CPU time of one interpreter, in ms."""
    before, started = os.times(), time.monotonic_ns()
    subprocess.run([python, "-c", code], cwd=HERE.parent, check=True)
    wall, after = (time.monotonic_ns() - started) / 1e6, os.times()
    used = after.children_user + after.children_system
    return wall, (used - before.children_user - before.children_system) * 1e3


if __name__ == "__main__":
    session.main(ask, __doc__)
