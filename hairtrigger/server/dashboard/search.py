"""What a list of runs is narrowed to: the members of its query, and the words of its search field.

``status:failed task:fetch-* tag:user_42 -queue:emails duration:>5s attempt:>1 "connection reset"``: words with a
colon are terms, everything else is looked for in id, task, tags, idempotency key and error message.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hairtrigger.errors import BadRequest, InvalidDuration
from hairtrigger.rules.project import Environment
from hairtrigger.server.dashboard import syntax
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.syntax import Term
from hairtrigger.server.dashboard.words import STATUS
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.narrowing import Inside, Pattern, RunFilter
from hairtrigger.wire import durations, ids, statuses

_LIVE = frozenset(
    ("QUEUED", "EXECUTING", "WAITING", "REATTEMPTING", "DELAYED", "PENDING_VERSION", "DEQUEUED")
)
KEYS = {
    "status": "Status", "task": "Task", "tag": "Tag", "version": "Version", "queue": "Queue",
    "key": "Concurrency key", "batch": "Batch", "schedule": "Schedule", "error": "Error", "machine": "Machine",
    "test": "Test", "root": "Root runs", "attempt": "Attempts", "duration": "Duration",
    "idempotency": "Idempotency key", "bulk": "Bulk action",
}  # fmt: skip
_BOUND = re.compile(r"(?P<sign>[<>]=?)?(?P<value>.+)")


@dataclass(slots=True)
class Search:
    """What is asked for. ``terms`` are for people; the rest is what they mean."""

    terms: list[Term] = field(default_factory=list)
    text: str = ""
    statuses: list[str] = field(default_factory=list)
    task_id: int | None = None  # when one task, and nothing else, is asked for
    wanted: RunFilter = field(default_factory=RunFilter)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the status and the time is asked for."""
        return any(term.key != "status" for term in self.terms) or bool(self.text)

    def filter(self, over: Range, now: int) -> RunFilter:
        """The filter over a range of creation. What is not over yet is listed whenever it was created."""
        wanted = self.wanted
        if not self.statuses or not set(self.statuses) <= _LIVE:
            wanted.created_from = over.start
            wanted.created_to = over.end - 1 if over.end <= now else None
        return wanted


def read(query: Mapping[str, str], catalog: Catalog, env: Environment) -> Search:
    """What a page's query asks for.

    Raises:
        BadRequest: an unknown key or status, or a value that cannot be understood; it says which are known.
    """
    found = Search()
    for term in syntax.read(query, KEYS, dotted=True):
        if term.key:
            _term(found, term, catalog, env)
        else:
            found.wanted.text.append(term.value)
    found.text = query.get("q", "")
    tasks = found.wanted.tasks
    only = [term for term in found.terms if term.key != "status"]
    if len(tasks) == 1 and [term.key for term in only] == ["task"] and not found.wanted.text:
        entry = catalog.task(env.id, tasks[0])
        found.task_id = entry.id if entry is not None else None
    return found


def _term(found: Search, term: Term, catalog: Catalog, env: Environment) -> None:
    wanted, value = found.wanted, term.value
    found.terms.append(term)
    match term.key:
        case "status":
            status = _status(value)
            names = (
                [name for name in STATUS if name in statuses.PUBLIC] if term.negative else [status]
            )
            names = [name for name in names if not term.negative or name != status]
            found.statuses += names
            wanted.statuses = [*wanted.statuses, *names]
        case "task" | "queue" | "version" | "tag" | "machine" if (
            not term.negative and "*" not in value
        ):
            member = f"{term.key}s"
            setattr(wanted, member, [*getattr(wanted, member), value])
        case "task" | "queue" | "version" | "tag" | "machine":
            wanted.patterns.append(Pattern(term.key, value, term.negative))
        case "key":
            wanted.patterns.append(Pattern("key", value, term.negative))
        case "idempotency":
            wanted.patterns.append(Pattern("idempotency", value, term.negative))
        case "schedule" | "batch":
            prefix = {"schedule": "sched", "batch": "batch"}[term.key]
            setattr(wanted, term.key, ids.parse(prefix, value) or 0)
        case "bulk":
            wanted.bulk = ids.parse("bulk", value) or 0
        case "error":
            wanted.error = value
        case "test":
            wanted.is_test = _flag(value) != term.negative
        case "root":
            wanted.root_only = _flag(value) != term.negative
        case "attempt":
            wanted.attempts = _bounds(value, "attempt")
        case "duration":
            wanted.took_ms = _bounds(value, "duration")
        case key if key.partition(".")[0] in ("payload", "output", "metadata"):
            of, _, path = key.partition(".")
            wanted.inside.append(Inside(of, path, value, term.negative))
        case _:
            raise BadRequest(
                f"Unknown search term {term.key[:40]!r}. Known: {', '.join(KEYS)}, payload, output, metadata. "
                "Put words with a colon in quotes to look for them as they are."
            )


def _status(value: str) -> str:
    name = value.upper().replace("-", "_").replace(" ", "_")
    if name in STATUS and name != "PAUSED":
        return name
    known = statuses.canonical(name)
    if known is None:
        raise BadRequest(f"Unknown status {value[:40]!r}. Known: {', '.join(STATUS).lower()}.")
    return known


def _flag(value: str) -> bool:
    return value.lower() in ("1", "true", "yes", "only")


def _bounds(value: str, key: str) -> tuple[int | None, int | None]:
    """``>5s``, ``<2``, ``3``, ``250ms..1s``: from and to, both inclusive."""
    match = _BOUND.fullmatch(value)
    assert match is not None, "any text matches"
    read = _ms if key == "duration" else int
    try:
        if ".." in value:
            low, _, high = value.partition("..")
            return read(low), read(high)
        number = read(match["value"])
    except (ValueError, InvalidDuration):
        raise BadRequest(
            f"{key}:{value[:30]} cannot be understood. Write it like "
            + ("duration:>5s or duration:250ms..1s." if key == "duration" else "attempt:>1.")
        ) from None
    match match["sign"]:
        case ">":
            return number + 1, None
        case ">=":
            return number, None
        case "<":
            return None, number - 1
        case "<=":
            return None, number
    return number, number


def _ms(text: str) -> int:
    """``5s``, ``1h30m``, ``250ms``."""
    return (
        int(text[:-2]) if text[:-2].isdecimal() and text.endswith("ms") else durations.parse(text)
    )


def choices(catalog: Catalog, env: Environment) -> dict[str, list[str]]:
    """What filters offer: tasks, queues and versions of the environment."""
    return {
        "task": sorted(task.name for task in catalog.tasks.values() if task.env == env.id),
        "queue": sorted(queue.name for queue in catalog.queues_of(env.id)),
        "version": [
            one.name
            for one in sorted(catalog.versions.values(), key=lambda one: -one.id)[:50]
            if one.env == env.id
        ],
    }
