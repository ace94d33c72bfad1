"""How long from the call of trigger() to the first line of the task?

Method: 200 single triggers, 30 to 70 ms apart at random so that they keep no step with a poller.
Each carries the client's monotonic clock as its payload; the task's first line reads the same
clock. First on the idle system. Then its capacity is found: single triggers as fast as they are
acknowledged, until all are completed. Then 200 more while a second client triggers at an even 30 %
of that capacity: each system bears 30 % of its own, so a faster one bears more runs.
"""

from dataclasses import dataclass

from benchmarks import figures, session, stamps
from benchmarks.running import Running, Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System

PROBES, APART_S, LOAD = 200, 0.05, 0.3


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies in ns, idle and loaded; the system's capacity, and the load it bore."""

    idle: list[int]
    loaded: list[int]
    capacity: Sample
    load: Sample


def ask(now: Session) -> None:
    """Answer the question."""
    found = now.gather(lambda system: measure(system, now))
    idle = {name: [figures.spread(one.idle) for one in of] for name, of in found.items()}
    loaded = {name: [figures.spread(one.loaded) for one in of] for name, of in found.items()}
    figures.print_times("Trigger to first line, idle", idle)
    figures.print_times("Trigger to first line, at 30 % load", loaded)
    capacity = {name: [one.capacity for one in of] for name, of in found.items()}
    load = {name: [one.load for one in of] for name, of in found.items()}
    figures.print_rates("Capacity: single triggers to completed", capacity)
    figures.print_rates("The load it bore", load)


def measure(system: System, now: Session) -> Latency:
    """Idle, capacity and loaded, on one database."""
    probes = PROBES // 4 if now.quick else PROBES
    with opened(system) as running:
        idle = _probe(running, probes)

        first = running.mark()
        count = now.size(20_000, system) // system.flight * system.flight
        running.client.ask("trigger", count=count, flight=system.flight)
        running.until_settled(first.begun + count)
        capacity = running.since(first)

        loader = running.start_client("loader")
        seconds = probes * APART_S * 1.5 + 2
        loader.send("load", per_second=capacity.rate * LOAD, seconds=seconds)
        running.until_begun(running.begun + 10)
        start = running.mark()
        loaded = _probe(running, probes)
        load = running.since(start)
        loader.receive()
        return Latency(idle, loaded, capacity, load)


def _probe(running: Running, count: int) -> list[int]:
    """Latencies of `count` probes; load beside them carries no instant and is left out."""
    skip = running.begun
    running.client.ask("probe", count=count)
    found: list[int] = []

    def arrived() -> bool:
        pairs = stamps.read(running.stamps_file, skip=skip)
        found[:] = [began - asked for asked, began in pairs if asked]
        return len(found) >= count

    running.until(arrived, every_s=0.1)
    return found


if __name__ == "__main__":
    session.main(ask, __doc__)
