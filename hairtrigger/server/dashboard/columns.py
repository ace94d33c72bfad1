"""The columns of the list of runs: which there are, which a page shows, and what stands in them.

Status and task are always there. The others are named in the page's address, in their order, so that a link or a
saved view has them: ``columns=queue,payload.userId,metadata.progress,duration``.
"""

from typing import Any

import msgspec
from markupsafe import Markup

from hairtrigger.errors import BadRequest
from hairtrigger.rules.run import Run
from hairtrigger.server.dashboard import graphics, jsons
from hairtrigger.store.narrowing import at_path
from hairtrigger.wire import packets

COLUMNS = {
    "id": "Run", "queue": "Queue", "version": "Version", "attempt": "Attempt", "created": "Created",
    "bar": "Duration drawn", "duration": "Duration", "waited": "Waited", "key": "Concurrency key",
    "started": "Started", "finished": "Finished", "computed": "Computed for", "error": "Error",
}  # fmt: skip
DEFAULT = ("id", "queue", "version", "attempt", "created", "bar", "duration")
NUMBERS = frozenset(("attempt", "duration", "waited", "computed"))
"""Those that stand at the right."""
VALUES = ("payload", "output", "metadata")
MOST, LONGEST = 20, 200


def read(text: str) -> list[str]:
    """The columns that an address names; the usual ones when it names none.

    Raises:
        BadRequest: there is no such column, or too many are named; it says which there are.
    """
    named = list(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    for one in named:
        if one not in COLUMNS and not is_value(one):
            raise BadRequest(
                f"There is no column {one[:50]!r}. There are {', '.join(COLUMNS)}, and values such as "
                "payload.userId, output.total or metadata.progress."
            )
    if len(named) > MOST:
        raise BadRequest(f"A list shows at most {MOST} columns.")
    return named or list(DEFAULT)


def is_value(column: str) -> bool:
    """Whether it is something in a payload, an output or metadata."""
    of, dot, path = column.partition(".")
    return of in VALUES and bool(dot and path) and len(column) <= LONGEST


def title(column: str) -> str:
    """What stands above it."""
    return COLUMNS.get(column, column)


def value(run: Run, column: str) -> Markup | None:
    """What a run has at a path, as a cell; a share between 0 and 1 is drawn under a name that says so. None
    where it has nothing there."""
    of, _, path = column.partition(".")
    try:
        found = at_path(_decoded(run, of), path)
    except (LookupError, ValueError):
        return None
    if path.endswith("progress") and isinstance(found, int | float) and 0 <= found <= 1:
        return graphics.progress(float(found))
    return jsons.line(found)


def _decoded(run: Run, of: str) -> Any:
    if of == "metadata":
        return msgspec.json.decode(run.metadata or run.options.metadata or "{}")
    kind, text = (run.payload if of == "payload" else run.output) or (packets.JSON, "null")
    if kind == packets.STORE:
        raise LookupError("it lies apart")
    return msgspec.json.decode(packets.shown(kind, text))
