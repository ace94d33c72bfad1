"""The form of a trigger: what was typed, what is wrong with it by field, and what it asks for.

Used by the test page and by the replay dialog, so that both take the same options and say the same of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from hairtrigger.engine.tasks import Task
from hairtrigger.errors import HairtriggerError, Unprocessable
from hairtrigger.rules import limits, schemas
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.rules.schemas import Problem
from hairtrigger.store.store import Store
from hairtrigger.wire import packets
from hairtrigger.wire.options import MACHINES, QueueOption, ReplayBody, TriggerOptions

FIELDS = (
    "queue", "concurrency_key", "delay", "ttl", "tags", "max_attempts", "max_duration", "priority", "version",
    "idempotency_key", "machine",
)  # fmt: skip
LATEST = "latest"


@dataclass(slots=True)
class Form:
    """What was typed: ``values`` by field, ``payload`` as text. ``errors`` by field, ``problems`` of the
    payload."""

    values: dict[str, str] = field(default_factory=dict)
    payload: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    read: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors or self.problems)

    @property
    def raw(self) -> Raw | UnsetType:
        """The payload as it travels; nothing when nothing was typed."""
        return Raw(self.payload.encode()) if self.payload.strip() else UNSET

    @property
    def options(self) -> TriggerOptions:
        """What it asks for, as a trigger's options."""
        given: dict[str, Any] = {
            name: self.read.get(name) for name in FIELDS if name not in ("queue", "version")
        }
        queue, version = self.read.get("queue"), self.read.get("version")
        return TriggerOptions(
            **given, queue=QueueOption(queue) if queue else None, lock_to_version=version
        )

    @property
    def replay(self) -> ReplayBody:
        """The same as what a replay changes. Tags that were taken away are none."""
        given: dict[str, Any] = {name: self.read.get(name) for name in FIELDS}
        if given["tags"] is None and "tags" in self.values:
            given["tags"] = []
        body = ReplayBody(**given)
        if not isinstance(self.raw, UnsetType):
            body.payload, body.payload_type = self.raw, packets.JSON
        return body


def read(store: Store, env: Environment, task: Task | None, given: Mapping[str, str]) -> Form:
    """What was typed, checked field by field. ``task`` is None when its payload's schema is not known.

    The payload may not fit its schema when the form says ``anyway``: how a task meets a wrong one can be tried
    too.
    """
    form = Form({name: given.get(name, "").strip() for name in FIELDS if name in given})
    form.payload = given.get("payload", "")
    now = store.now()
    for name, text in form.values.items():
        if not text:
            continue
        try:
            form.read[name] = _READERS[name](text, now)
            if name == "version":
                form.read[name] = _version(store, env, text)
        except HairtriggerError as error:
            form.errors[name] = str(error)
        except ValueError:
            form.errors[name] = f"{_said(name)} must be a number, not {text[:20]!r}."
    form.problems = problems(task, form.payload, lenient=bool(given.get("anyway")))
    return form


def problems(task: Task | None, text: str, *, lenient: bool = False) -> list[Problem]:
    """What is wrong with a payload: it is no JSON, or not what the task's schema wants (unless ``lenient``)."""
    schema = task.schema if task is not None else None
    if not text.strip():
        return [Problem((), "is missing")] if schema and not lenient else []
    try:
        packets.check_json(text)
        value = msgspec.json.decode(text)
    except (HairtriggerError, ValueError) as error:
        return [Problem((), str(error))]
    return schemas.problems(schema, value) if schema and not lenient else []


def beginning(task: Task) -> str:
    """A payload to begin with, from the task's schema; empty when it has none."""
    found = schemas.example(task.schema) if task.schema else None
    return pretty(msgspec.json.encode(found).decode()) if task.schema else ""


def of_run(run: Run, task: Task) -> Form:
    """The form that would make a run like this one; without what would make it the same run, or a later one."""
    form = Form(
        {
            "queue": "" if run.queue == task.queue_name else run.queue,
            "concurrency_key": run.concurrency_key or "",
            "tags": ", ".join(run.tags),
            "ttl": f"{run.ttl_ms // 1000}s" if run.ttl_ms else "",
            "max_duration": str(run.max_duration_ms // 1000) if run.max_duration_ms else "",
            "max_attempts": _unless(run.max_attempts, task),
            "priority": f"{run.options.priority_ms / 1000:g}" if run.options.priority_ms else "",
            "machine": run.options.machine or "",
        }
    )
    form.payload = editable(run.payload)
    return form


def _unless(attempts: int, task: Task) -> str:
    """A number of attempts that is not the task's own."""
    own = task.manifest.retry.max_attempts if task.manifest is not None else None
    return "" if attempts == own else str(attempts)


def editable(packet: tuple[str, str] | None) -> str:
    """A payload as text for an editor: JSON, indented. Empty for none, and for one that lies apart."""
    if packet is None or packet[0] == packets.STORE:
        return ""
    return pretty(bytes(packets.shown(*packet)).decode())


def pretty(text: str) -> str:
    """A JSON text, indented; one that is none stays as it is."""
    try:
        return msgspec.json.format(text, indent=2)
    except ValueError:
        return text


def _version(store: Store, env: Environment, name: str) -> str | None:
    if name == LATEST:
        return None
    if store.catalog.version(env.id, name) is None:
        raise Unprocessable(f"No version {name[:40]} in this environment.")
    return name


def _queue(text: str, _: int) -> str:
    return text if text.startswith("task/") else limits.queue_name(text)


def _delay(text: str, now: int) -> str:
    limits.instant(text, now, "delay")
    return text


def _ttl(text: str, _: int) -> str | int:
    value = int(text) if text.isdecimal() else text
    limits.ttl_ms(value)
    return value


def _machine(text: str, _: int) -> str:
    if text not in MACHINES:
        raise Unprocessable(f"Unknown machine {text[:20]!r}. Known: {', '.join(MACHINES)}.")
    return text


def _checked(check: Callable[[Any], object], kind: type) -> Callable[[str, int], Any]:
    def read_(text: str, _: int) -> Any:
        value = kind(text)
        check(value)
        return value

    return read_


def _said(name: str) -> str:
    return name.replace("_", " ").capitalize()


_READERS: dict[str, Callable[[str, int], Any]] = {
    "queue": _queue,
    "concurrency_key": _checked(limits.concurrency_key, str),
    "delay": _delay,
    "ttl": _ttl,
    "tags": lambda text, _: limits.tags([tag.strip() for tag in text.split(",")]),
    "max_attempts": _checked(limits.max_attempts, int),
    "max_duration": _checked(limits.max_duration_ms, float),
    "priority": _checked(limits.priority_ms, float),
    "version": lambda text, _: text,
    "idempotency_key": _checked(limits.idempotency_key, str),
    "machine": _machine,
}
