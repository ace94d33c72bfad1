"""What do traces and shipped logs cost a drain?

Method: as `drain.py`, in turns without telemetry, with Axiom (two events a run), with an Axiom that cannot be
reached, and with OpenTelemetry (a span a run), nine rounds. They send to a collector on the same machine that
reads and answers; its CPU time is printed, and not counted as ours, but it takes what the drain could have had.
Ratios are of rates of one round, then their median. Only ours is asked.
"""

import contextlib
import dataclasses
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

import psutil

from benchmarks import figures, session
from benchmarks.databases import free_port
from benchmarks.drain import fed_and_drained
from benchmarks.processes import Role
from benchmarks.running import Sample, opened
from benchmarks.session import Session
from benchmarks.systems import HERE, System

RUNS, ROUNDS = 100_000, 9
OURS: tuple[Role, ...] = ("database", "server", "worker", "children")
_NONE = "none"
Found = Mapping[str, Sequence[tuple[Sample, float]]]


def ask(now: Session) -> None:
    """Answer the question."""
    for system in now.ours:
        with _collector() as (url, process):
            often = dataclasses.replace(now, rounds=1 if now.quick else ROUNDS)
            found = often.gather(
                lambda one: measure(one, now.size(RUNS), process), _with_telemetry(system, url)
            )
        _print(found)


def measure(system: System, count: int, collector: psutil.Process) -> tuple[Sample, float]:
    """Drain `count` runs once: the sample, and the CPU time (µs) a run of the collector."""
    with opened(system) as running:
        running.stop_worker()
        before = _cpu_us(collector)
        return fed_and_drained(running, count), (_cpu_us(collector) - before) / count


def _with_telemetry(system: System, url: str) -> list[System]:
    axiom = {"AXIOM_TOKEN": "xaat-bench", "AXIOM_DATASET": "bench", "AXIOM_URL": url}
    sending: dict[str, dict[str, str]] = {
        _NONE: {},
        "Axiom": axiom,
        "Axiom, away": {**axiom, "AXIOM_URL": f"http://127.0.0.1:{free_port()}"},
        "OpenTelemetry": {"OTEL_EXPORTER_OTLP_ENDPOINT": url},
    }
    return [
        dataclasses.replace(system, name=name, environment=environment)
        for name, environment in sending.items()
    ]


@contextlib.contextmanager
def _collector() -> Iterator[tuple[str, psutil.Process]]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.collector", str(port)]
    process = subprocess.Popen(command, cwd=HERE.parent)
    try:
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _cpu_us(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system) * 1e6


def _print(found: Found) -> None:
    rates = {name: [one.rate for one, _ in samples] for name, samples in found.items()}
    rows = []
    for name, samples in found.items():
        middle = statistics.median(rates[name])
        costs = [[one.cpu_per_run(role) for one, _ in samples] for role in OURS]
        costs += [[one.cpu_per_run(*OURS) for one, _ in samples], [other for _, other in samples]]
        rows.append([
            name, f"{middle:,.0f}", f"{min(rates[name]):,.0f} to {max(rates[name]):,.0f}",
            f"{_beside(rates[name], rates[_NONE]):.3f}", *(f"{statistics.median(one):,.1f}" for one in costs),
        ])  # fmt: skip
    head = ["", "runs/s", "lowest to highest", f"÷ {_NONE}", *(f"{role} µs" for role in OURS)]
    figures.print_table("Drain with telemetry", [*head, "ours µs/run", "collector µs"], rows)


def _beside(rates: Sequence[float], usual: Sequence[float]) -> float:
    """The median over the rounds of what each is of the one without telemetry in its own round."""
    return statistics.median(one / other for one, other in zip(rates, usual, strict=True))


if __name__ == "__main__":
    session.main(ask, __doc__)
