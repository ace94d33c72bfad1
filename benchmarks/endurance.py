"""Is it as fast after ten minutes of full load as in the first?

Method: ours only. The client keeps between 10,000 and 20,000 runs waiting with batch triggers,
while the worker works them off, for ten minutes (one when quick). Begun runs are counted for every
tenth of that time; the figure is the last tenth over the first. History stays in the database.
"""

import time

from benchmarks import figures, session
from benchmarks.running import Running, Sample, opened
from benchmarks.session import Session

SECONDS, WINDOWS, BACKLOG, FEED = 600.0, 10, 10_000, 10_000


def ask(now: Session) -> None:
    """Answer the question."""
    ours = next((one for one in now.systems if one.server), None)
    if ours is None:
        return
    length_s = SECONDS * (0.1 if now.quick else 1) / WINDOWS
    with opened(ours) as running:
        samples = _windows(running, length_s)
    figures.print_rates(
        f"Under full load, each line {length_s:.0f} s (here the ratio is the first line ÷ it)",
        {f"window {number}": [one] for number, one in enumerate(samples, 1)},
    )
    print(f"\n  last over first: {samples[-1].rate / samples[0].rate:.3f}")


def _windows(running: Running, length_s: float) -> list[Sample]:
    triggered, feeding = running.begun, False
    mark, samples = running.mark(), list[Sample]()
    while len(samples) < WINDOWS:
        if not feeding and triggered - running.begun < BACKLOG:
            running.client.send("batch", count=FEED)
            feeding = True
        elif feeding and running.client.has_answer():
            running.client.receive()
            triggered, feeding = triggered + FEED, False
        elif time.monotonic_ns() - mark.at_ns >= length_s * 1e9:
            samples.append(running.since(mark))
            mark = running.mark()
        else:
            time.sleep(0.005)
    return samples


if __name__ == "__main__":
    session.main(ask, __doc__)
