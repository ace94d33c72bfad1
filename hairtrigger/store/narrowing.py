"""What a list of runs is narrowed to, and whether one candidate is among them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import msgspec

from hairtrigger.rules.run import RunOptions
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row
from hairtrigger.wire import ids, statuses
from hairtrigger.wire.statuses import LiveState

_options = msgspec.json.Decoder(RunOptions)
_json = msgspec.json.Decoder()
_NO_OPTIONS = RunOptions()
_Bounds = tuple[int | None, int | None]  # from and to, both inclusive


class Pattern(NamedTuple):
    """``of`` is task, queue, version, tag, machine, key or idempotency; ``text`` may hold stars."""

    of: str
    text: str
    negative: bool = False


class Inside(NamedTuple):
    """A value in ``of`` (payload, output or metadata): at a path with dots, or anywhere in its text."""

    of: str
    path: str
    value: str
    negative: bool = False


@dataclass(slots=True)
class RunFilter:
    """What a list is narrowed to; several values of one member mean any of them, several members all.

    Instants and durations in ms. ``text``: words, each of which is in id, task, tags, idempotency key, error
    message, or payload. REATTEMPTING is a status here: waiting between two attempts.
    """

    statuses: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    machines: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    schedule: int | None = None
    batch: int | None = None
    is_test: bool | None = None
    created_from: int | None = None
    created_to: int | None = None
    error: str | None = None  # a fingerprint
    bulk: int | None = None  # an action that touched or made them
    root_only: bool | None = None
    attempts: _Bounds | None = None
    took_ms: _Bounds | None = None
    patterns: list[Pattern] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    inside: list[Inside] = field(default_factory=list)

    @property
    def batch_leads(self) -> bool:
        """Whether the runs that are looked at are those of the batch: a key may have found some of them."""
        return self.bulk is None and self.error is None and self.schedule is None

    @property
    def reads_options(self) -> bool:
        """Whether it takes what a run was triggered with."""
        return self.is_test is not None or bool(self.machines or self.patterns or self.reads_inside)

    @property
    def reads_inside(self) -> bool:
        """Whether it takes more than a run's narrow row."""
        return bool(self.text or self.inside)


@dataclass(slots=True)
class Candidate:
    """A row of ``briefs``, and of ``searched`` when that was asked for."""

    id: int
    task: int
    queue: int
    version: int | None
    schedule: int | None
    batch: int | None
    opts: str | None
    state: int | None
    fence: int | None
    flags: int | None
    final: int | None
    ckey: str | None
    parent: int | None
    attempt: int | None
    started_at: int | None
    finished_at: int | None
    tags: str | None
    inside: Row | None = None

    @property
    def status(self) -> str:
        if self.final is not None:
            return statuses.of_final(self.final)
        state, fence = self.state or 0, self.fence or 0
        if state == LiveState.DELAYED and fence:
            return "REATTEMPTING"
        return statuses.of_live(state, fence, self.flags or 0)


def matches(catalog: Catalog, wanted: RunFilter, one: Candidate, now: int) -> bool:
    """Whether a candidate is among what is wanted; its tags have been looked at when only whole ones are
    asked for."""
    if wanted.statuses and not _has_status(wanted.statuses, one.status):
        return False
    options = _options.decode(one.opts) if one.opts and wanted.reads_options else _NO_OPTIONS
    task, queue = catalog.tasks[one.task].name, catalog.queues[one.queue].name
    version = catalog.versions[one.version].name if one.version is not None else None
    took = None if one.started_at is None else (one.finished_at or now) - one.started_at
    if not (
        _among(wanted.tasks, task)
        and _among(wanted.queues, queue)
        and _among(wanted.versions, version)
        and _among(wanted.machines, options.machine)
        and (wanted.is_test is None or wanted.is_test == options.test)
        and (wanted.schedule is None or one.schedule == wanted.schedule)
        and (wanted.batch is None or wanted.batch_leads or one.batch == wanted.batch)
        and (wanted.root_only is None or wanted.root_only == (one.parent is None))
        and _within(wanted.attempts, one.attempt)
        and _within(wanted.took_ms, took)
    ):
        return False
    if not (wanted.patterns or wanted.reads_inside):
        return True
    shown: dict[str, list[str | None]] = {
        "task": [task], "queue": [queue.removeprefix("task/"), queue], "version": [version],
        "machine": [options.machine], "key": [one.ckey], "tag": _tags(one),
        "idempotency": [options.key_options.key if options.key_options else None, options.idempotency_key],
    }  # fmt: skip
    return all(
        _fits(pattern.text, shown[pattern.of]) != pattern.negative for pattern in wanted.patterns
    ) and _reads(wanted, one, shown)


def _has_status(wanted: Sequence[str], status: str) -> bool:
    """A run between two attempts executes, for those who know only the public statuses."""
    return status in wanted or (status == "REATTEMPTING" and "EXECUTING" in wanted)


def _reads(wanted: RunFilter, one: Candidate, shown: dict[str, list[str | None]]) -> bool:
    if not wanted.reads_inside:
        return True
    _, payload, output, error, metadata, _ = one.inside or (0,) + (None,) * 5
    if wanted.text:
        known = (
            text for of in ("task", "tag", "key", "idempotency", "queue") for text in shown[of]
        )
        hay = "\n".join(filter(None, (ids.public("run", one.id), *known, error, payload))).lower()
        if not all(word.lower() in hay for word in wanted.text):
            return False
    texts = {"payload": payload, "output": output, "metadata": metadata or _metadata(one)}
    return all(
        _holds(texts[inside.of], inside.path, inside.value) != inside.negative
        for inside in wanted.inside
    )


def _metadata(one: Candidate) -> str | None:
    return _options.decode(one.opts).metadata if one.opts else None


def _tags(one: Candidate) -> list[str | None]:
    changed = one.inside[5] if one.inside is not None else None
    text = changed or one.tags
    return list(_json.decode(text)) if text else []


def _fits(pattern: str, texts: Sequence[str | None]) -> bool:
    return any(text is not None and fnmatchcase(text.lower(), pattern.lower()) for text in texts)


def _holds(text: str | None, path: str, value: str) -> bool:
    """Whether a JSON text has a value at a path, or anywhere when there is no path."""
    if text is None:
        return False
    if not path:
        return value.lower() in text.lower()
    try:
        found = at_path(_json.decode(text), path)
    except (msgspec.DecodeError, LookupError):
        return False
    said = found if isinstance(found, str) else msgspec.json.encode(found).decode()
    return _fits(value, [said])


def at_path(value: Any, path: str) -> Any:
    """What stands in a decoded JSON value at a path with dots, such as ``user.emails.0``.

    Raises:
        LookupError: nothing does.
    """
    for name in path.split("."):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            raise LookupError(name)
    return value


def _within(bounds: _Bounds | None, value: int | None) -> bool:
    if bounds is None:
        return True
    low, high = bounds
    return value is not None and (low is None or value >= low) and (high is None or value <= high)


def _among(wanted: Sequence[str], name: str | None) -> bool:
    return not wanted or name in wanted
