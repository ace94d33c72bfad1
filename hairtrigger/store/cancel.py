"""Cancel: a run and every unfinished descendant of it."""

from hairtrigger.errors import NotFound
from hairtrigger.rules.attempts import CANCELED, Finish
from hairtrigger.store import settle
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, each, fetch
from hairtrigger.store.settle import Ends
from hairtrigger.wire.statuses import FinalStatus, LiveState


def cancel(
    catalog: Catalog, now: int, *, env: int, run_id: int
) -> Steps[tuple[list[int], list[int]]]:
    """Cancel what has not started at once, and tell the holders of what runs.

    Answers the runs that changed and the worker sessions to be told. A finished run is left as it is.

    Raises:
        NotFound: no such run in this environment.
    """
    if not (yield fetch("run_exists", run_id, env)):
        raise NotFound("Run not found")
    changed: list[int] = []
    workers: set[int] = set()
    ends = Ends()
    generation = [run_id]
    while generation:
        running = []
        found = yield fetch("to_cancel", generation)
        if not found and not changed:
            break  # it was over already: what it left running is left alone
        for row in found:
            changed.append(row[0])
            if row[4] == LiveState.RUNNING:
                running.append((row[0], row[6], row[8]))
                workers.add(row[5])
            else:
                settle.end(ends, row, Finish(FinalStatus.CANCELED, error=CANCELED), now)
        yield each("request_cancel", running)
        generation = [row[0] for row in (yield fetch("children_to_cancel", generation))]
    yield from settle.write_ends(catalog, ends, now)
    return changed, sorted(workers)
