"""What we know of a task: its function, its types, its options, its hooks.

Made by the decorators, read by ``Task`` (to send a payload) and by the worker (to run the body).
"""

import re
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from hairtrigger.errors import PayloadValidationError, ProjectError
from hairtrigger.sdk import retry_policy
from hairtrigger.sdk.config import Config
from hairtrigger.sdk.hooks import Hooks
from hairtrigger.sdk.options import (
    Cron,
    Isolation,
    Queue,
    ScheduledTaskOptions,
    TaskOptions,
    refuse_unknown,
)  # fmt: skip
from hairtrigger.sdk.payloads import PayloadType
from hairtrigger.sdk.scheduled import ScheduledPayload
from hairtrigger.wire import durations
from hairtrigger.wire.worker import (
    CronManifest,
    Packet,
    QueueManifest,
    RetryPolicy,
    TaskManifest,
)  # fmt: skip

_COROUTINE, _STAR_ARGS, _STAR_KWARGS = 0x80, 0x04, 0x08  # flags of a code object
_SHAPE = (
    "A task takes its payload, and may take the context after it: "
    "def {name}(payload: ..., ctx: Context). Put several values into one payload, "
    "such as a TypedDict or a dataclass."
)


class Definition:
    """A task as its decorator saw it.

    ``fn`` is the function itself, ``file`` and ``line`` say where it is, ``export`` under which name.
    ``retry`` is None when the task has none of its own. ``isolation`` is where its body runs.
    """

    __slots__ = (
        "_output", "_payload", "cron", "export", "file", "fn", "has_context", "has_payload", "hooks",
        "id", "is_async", "isolation", "line", "options", "retry", "scheduled",
    )  # fmt: skip

    def __init__(
        self, fn: Callable[..., Any], options: Mapping[str, Any], *, scheduled: bool = False
    ) -> None:
        code = fn.__code__
        known = ScheduledTaskOptions if scheduled else TaskOptions
        self.fn, self.scheduled = fn, scheduled
        self.file, self.line, self.export = code.co_filename, code.co_firstlineno, fn.__qualname__
        self.id: str = options.get("id") or fn.__name__.strip("_").replace("_", "-")
        refuse_unknown(f"@task {self.id!r}", options, known.__annotations__)
        self.options = cast("ScheduledTaskOptions", dict(options))
        self.is_async = bool(code.co_flags & _COROUTINE)
        self.has_payload, self.has_context = _parameters(fn)
        self.isolation: Isolation = self.options.get("isolation") or (
            "loop" if self.is_async else "thread"
        )
        given = self.options.get("retry")
        self.retry = None if given is None else retry_policy.policy(given, f"@task {self.id!r}")
        self.cron = _cron(self.options.get("cron"), self.id)
        self.hooks = Hooks()
        self._payload: PayloadType | None = None
        self._output: PayloadType | None = None
        self._check()

    def _check(self) -> None:
        if self.isolation not in ("loop", "thread", "process"):
            raise ProjectError(
                f"@task {self.id!r}: isolation is loop, thread or process, not {self.isolation!r}."
            )
        if self.isolation == "loop" and not self.is_async:
            raise ProjectError(
                f'@task {self.id!r}: isolation="loop" needs an async function; '
                "a sync body would stop every other run on the loop."
            )
        if len(self.id) > 128:
            raise ProjectError(f"@task {self.id!r}: an id has at most 128 characters.")

    @property
    def payload_type(self) -> Any:
        """The annotation of the payload, resolved; ``Any`` when there is none."""
        return self._payloads.annotation

    @property
    def _payloads(self) -> PayloadType:
        if self._payload is None:
            annotation = ScheduledPayload if self.scheduled else _annotation(self.fn, 0)
            self._payload = PayloadType(self.id, annotation)
        return self._payload

    def parse(self, value: Any) -> Any:
        """The payload that the body receives, from decoded JSON; None for a body that takes none.

        Raises:
            PayloadValidationError: when the value does not fit the annotation.
        """
        return self._payloads.parse(value) if self.has_payload else None

    def encode_payload(self, value: Any) -> Packet | None:
        """A payload as it travels; None when there is none.

        Raises:
            PayloadValidationError: when the value does not fit the annotation or has no JSON form.
        """
        if not self.has_payload and not self.scheduled:
            if value is not None:
                raise PayloadValidationError(self.id, ["the task takes no payload"])
            return None
        if value is None and self.payload_type is Any:
            return None
        return self._payloads.encode(value)

    def parse_output(self, value: Any) -> Any:
        """The output as the type that the function says it returns.

        The plain value stands where it does not fit: another version of the code may have written it.
        """
        if self._output is None:
            self._output = PayloadType(self.id, _annotation(self.fn, None))
        try:
            return self._output.parse(value)
        except (ValueError, ProjectError):
            return value

    def parse_shown(self, value: Any) -> Any:
        """The payload of a run as the body sees it, or the plain value where it does not fit."""
        try:
            return self.parse(value)
        except (ValueError, ProjectError):
            return value

    def policy(self, config: Config) -> RetryPolicy:
        """The retry rule: the task's own as a whole, else the project's default, else the built-in one.

        In development there is one attempt only when the project says ``enabled_in_dev: False``.
        """
        chosen = self.retry or config.retry
        if config.retries_here():
            return chosen
        return RetryPolicy(1, chosen.factor, chosen.min_timeout_in_ms, chosen.max_timeout_in_ms)

    def manifest(self, config: Config) -> TaskManifest:
        """What a server is told about the task.

        Raises:
            ProjectError: for a payload type that cannot travel.
        """
        options = self.options
        max_duration = options.get("max_duration", config.max_duration)
        ttl = options.get("ttl", config.ttl)
        return TaskManifest(
            id=self.id,
            file=_shown(self.file, config.root),
            export=self.export,
            retry=self.policy(config),
            queue=self._queue(),
            max_duration_ms=None if max_duration is None else round(max_duration * 1000),
            ttl_ms=None if ttl is None else durations.to_ms(ttl, "ttl"),
            scheduled=self.scheduled,
            cron=self.cron,
            description=options.get("description") or _first_line(self.fn.__doc__),
            payload_schema=self._payloads.schema() if self.has_payload else None,
            machine=options.get("machine", config.machine),
        )

    @property
    def queue_name(self) -> str:
        """The queue of the task's runs unless a trigger names another."""
        queue = self._queue()
        return f"task/{self.id}" if queue is None else queue.name

    def _queue(self) -> QueueManifest | None:
        given, limit = self.options.get("queue"), self.options.get("concurrency_limit")
        if given is None:
            return None if limit is None else QueueManifest(f"task/{self.id}", limit)
        declared = given.manifest() if isinstance(given, Queue) else QueueManifest(given)
        return declared if limit is None else replace(declared, concurrency_limit=limit)


def reference(task_id: str, payload: Any = Any, output: Any = Any) -> Definition:
    """The definition of a task whose code lives elsewhere: its id, and the types it is known to have."""

    def elsewhere(payload: Any) -> Any:
        raise ProjectError(f"The code of {task_id!r} is not here: it can be triggered, not called.")

    made = Definition(elsewhere, {"id": task_id})
    made.has_payload = payload is not None and payload is not type(None)
    made._payload, made._output = PayloadType(task_id, payload), PayloadType(task_id, output)
    return made


def _parameters(fn: Callable[..., Any]) -> tuple[bool, bool]:
    """Whether a function takes a payload, and whether it takes the context."""
    code = fn.__code__
    names = code.co_varnames[: code.co_argcount]
    wrong = code.co_kwonlyargcount or code.co_flags & (_STAR_ARGS | _STAR_KWARGS)
    if wrong or len(names) > 2 or (len(names) == 2 and not _is_context(fn, names[1])):
        raise ProjectError(
            f"{fn.__qualname__}({', '.join(names)}) in {code.co_filename}:{code.co_firstlineno} "
            "cannot be a task. " + _SHAPE.format(name=fn.__name__)
        )
    if len(names) == 1 and names[0] in fn.__annotations__ and _is_context(fn, names[0]):
        raise ProjectError(
            f"{fn.__qualname__}({names[0]}) in {code.co_filename}:{code.co_firstlineno} takes the "
            "context only. A task without a payload has no parameters; ask current() for the context."
        )
    return len(names) > 0, len(names) > 1


def _is_context(fn: Callable[..., Any], name: str) -> bool:
    annotation = fn.__annotations__.get(name)
    if annotation is None:
        return name in ("ctx", "context")
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return text.rpartition(".")[2] == "Context"


def _annotation(fn: Callable[..., Any], position: int | None) -> Any:
    """The resolved annotation of a parameter, or of the result when ``position`` is None."""
    name = "return" if position is None else fn.__code__.co_varnames[position]
    written = fn.__annotations__.get(name, Any)
    if isinstance(written, str):
        try:
            written = typing.get_type_hints(fn, include_extras=True)[name]
        except NameError as error:
            if position is None:
                return Any
            raise ProjectError(
                f"The payload type {written!r} of {fn.__qualname__} cannot be found: {error}. "
                "Import it outside of TYPE_CHECKING."
            ) from None
    return Any if written is None else written


def _cron(given: str | Cron | None, task_id: str) -> CronManifest | None:
    if given is None:
        return None
    if isinstance(given, str):
        return CronManifest(given)
    refuse_unknown(f"cron of {task_id!r}", given, Cron.__annotations__)
    if "pattern" not in given:
        raise ProjectError(f"cron of {task_id!r} has no pattern.")
    where = given.get("environments")
    return CronManifest(
        given["pattern"], given.get("timezone", "UTC"), None if where is None else list(where)
    )


def _first_line(doc: str | None) -> str:
    return re.split(r"\n\s*\n", doc.strip(), maxsplit=1)[0].replace("\n", " ") if doc else ""


def _shown(file: str, root: Path) -> str:
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
