"""PgQueuer's worker, as `pgq run` starts it: `pgqueuer_worker 100` fetches 100 jobs at a time. A second
number is how many it may have at once. (The program itself fails on its option for the log level.)"""

import sys

import pgqueuer
import uvloop

from benchmarks.peers.pgqueuer_tasks import make


def main(batch: int, at_once: int | None = None) -> None:
    """Work until told to stop."""
    uvloop.run(pgqueuer.run(make, batch_size=batch, max_concurrent_tasks=at_once))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
