"""Is it as fast after ten minutes of full load as in the first?

Method: the client keeps between 10,000 and 20,000 runs waiting with batch triggers (fewer for a slower
peer), while the worker works them off, for ten minutes (one when quick). Begun runs are counted for
every tenth of that time; the figure is the last tenth over the first. History stays in the database.
"""

import sys
import time

from benchmarks import figures, session
from benchmarks.running import Running, Sample, opened
from benchmarks.session import Session

SECONDS, WINDOWS, FEED = 600.0, 10, 10_000


def ask(now: Session) -> None:
    """Answer the question."""
    length_s = SECONDS * (0.1 if now.quick else 1) / WINDOWS
    shares: dict[str, float] = {}
    for system in now.systems:
        print(f"  {system.name}", file=sys.stderr)
        with opened(system) as running:
            samples = _windows(running, length_s, round(FEED * system.share))
        figures.print_rates(
            f"{system.name} under full load, each line {length_s:.0f} s",
            {f"window {number}": [one] for number, one in enumerate(samples, 1)},
        )
        shares[system.name] = samples[-1].rate / samples[0].rate
    print()
    for name, share in shares.items():
        print(f"  {name}: last over first: {share:.3f}")


def _windows(running: Running, length_s: float, feed: int) -> list[Sample]:
    """Rates of so many seconds each, while at least `feed` runs wait."""
    triggered, feeding = running.begun, False
    mark, samples = running.mark(), list[Sample]()
    while len(samples) < WINDOWS:
        if not feeding and triggered - running.begun < feed:
            running.client.send("batch", count=feed)
            feeding = True
        elif feeding and running.client.has_answer():
            running.client.receive()
            triggered, feeding = triggered + feed, False
        elif time.monotonic_ns() - mark.at_ns >= length_s * 1e9:
            samples.append(running.since(mark))
            mark = running.mark()
        else:
            time.sleep(0.005)
    return samples


if __name__ == "__main__":
    session.main(ask, __doc__)
