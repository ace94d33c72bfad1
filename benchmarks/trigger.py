"""How fast are triggers acknowledged?

Method: no worker is up; a trigger counts when its call has returned, which means that the run is
durable. Single calls with 1 and with 64 waiting at any time; for ours once more with one POST per
run around the SDK, which may send calls that wait together in one request; and the fastest way
that each system has for many: 1,000 to a batch (ours), to a transaction (DBOS) or to a statement
(Procrastinate, PgQueuer), one call after the other where there is no batch (Huey, Celery, Dramatiq). Ours
crosses HTTP to the server, the peers write to the database themselves. On Redis a call returns before
the run is on disk. 64 callers are coroutines for ours, Procrastinate and PgQueuer, else threads.
"""

from dataclasses import replace
from typing import Any

from benchmarks import figures, session
from benchmarks.running import Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System

KINDS: dict[str, tuple[str, dict[str, Any], int]] = {
    "Single triggers, 1 in flight": ("trigger", {"flight": 1}, 10_000),
    "Single triggers, 64 in flight": ("trigger", {"flight": 64}, 40_000),
    "One POST per run, 64 in flight": ("plain", {"flight": 64}, 40_000),
    "Batch triggers": ("batch", {}, 100_000),
}
Found = tuple[Sample, list[int]]


def ask(now: Session) -> None:
    """Answer the question."""
    found = now.gather(lambda system: measure(system, now))
    for title in KINDS:
        of = {
            name: [one[title] for one in rounds if title in one] for name, rounds in found.items()
        }
        answered = {name: rounds for name, rounds in of.items() if rounds}
        if not answered:
            continue
        rates = {name: [sample for sample, _ in rounds] for name, rounds in answered.items()}
        figures.print_rates(title, rates)
        times = {
            name: [figures.spread(took) for _, took in rounds if took]
            for name, rounds in answered.items()
        }
        if all(times.values()):
            figures.print_times(f"{title}: one call", times)


def measure(system: System, now: Session) -> dict[str, Found]:
    """Every kind of trigger once, on one database."""
    found: dict[str, Found] = {}
    with opened(system) as running:
        running.stop_worker()
        for title, (command, arguments, full) in KINDS.items():
            if command == "plain" and not system.server:
                continue
            flight = arguments.get("flight", 1)
            count = now.size(full, system) // flight * flight
            first = running.mark()
            answer = running.client.ask(command, count=count, **arguments)
            window = running.since(first)
            sample = replace(window, runs=count, seconds=answer["seconds"])
            found[title] = sample, answer.get("took_ns", [])
    return found


if __name__ == "__main__":
    session.main(ask, __doc__)
