"""Trigger: from what a caller asks for to runs that cannot be lost any more."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw, UnsetType

from hairtrigger.errors import BadRequest, HairtriggerError, NotFound, TooLarge, Unprocessable
from hairtrigger.rules import limits
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import RunOptions
from hairtrigger.store.asking import Call, Debounce, NewRun, OneTime, Stored
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit, is_heard
from hairtrigger.wire import ids, packets, tracing
from hairtrigger.wire.options import TriggerOptions

DEV_TTL_MS = 600_000
KEY_TTL_MS = 30 * 86_400_000
_TYPE = {name: position for position, name in enumerate(packets.TYPES)}
_NO_OPTIONS = TriggerOptions()


@dataclass(slots=True)
class Item:
    """One run that a caller asks for."""

    task: str
    payload: Raw | UnsetType = UNSET
    options: TriggerOptions | None = None
    function: str = "trigger"
    source: str | None = None
    trace: str | None = None  # see wire/tracing


@dataclass(slots=True)
class Outcome:
    """The run's number, and whether an idempotency key found it rather than made it."""

    id: int
    cached: bool = False


async def trigger(
    store: Store,
    env: Environment,
    items: Sequence[Item],
    *,
    request_key: str | None = None,
    one_time: OneTime | None = None,
) -> list[Outcome | HairtriggerError]:
    """Make a run of every item; one that cannot be made is answered by its error and harms no other.

    ``request_key`` names the request: repeated within a day, it answers the same runs.
    ``one_time`` is a token that makes runs once: a second use is refused.

    Raises:
        Unavailable: the database cannot take it now; nothing was made.
    """
    answers: list[Outcome | HairtriggerError] = []
    runs: list[NewRun] = []
    places: list[int] = []
    for item in items:
        try:
            run = read_item(store, env, item)
        except HairtriggerError as error:
            answers.append(error)
        else:
            places.append(len(answers))
            answers.append(Outcome(run.id))
            runs.append(run)
    if runs:
        made = await store.trigger(Call(env.id, runs, request_key, one_time))
        for place, one in zip(places, made, strict=True):
            answers[place] = one.error or Outcome(one.id, one.cached)
        store.expect(run.delay_until for run in runs)
        if is_heard("runs.triggered"):
            emit("runs.triggered", env=env.slug, count=len(runs))
    return answers


def read_item(store: Store, env: Environment, item: Item) -> NewRun:
    """Check one item and bring it into the engine's terms.

    Raises:
        BadRequest, Unprocessable, TooLarge: saying which option and why.
    """
    given = item.options
    if given is None or given == _NO_OPTIONS:
        given = _NO_OPTIONS
    number = store.make_id()
    run = NewRun(number, env.id, limits.task_id(item.task), ids.created_at(number))
    if env.is_development:
        run.default_ttl_ms = DEV_TTL_MS
    _set_payload(run, item.payload, given.payload_type)
    options = RunOptions(
        function=item.function, source=item.source, trace=tracing.checked(item.trace)
    )
    if given is not _NO_OPTIONS:
        now = store.now()  # not before the run's number: a delay counts from its creation at least
        _set_order(run, options, given, now)
        _set_limits(store, env, run, options, given)
        _set_keys(run, options, given, now)
    run.options = options
    return run


def _set_payload(run: NewRun, payload: Raw | UnsetType, kind: str | None) -> None:
    """Store the text as it was sent, once it is known that a worker can read it."""
    kind = kind or packets.JSON
    if kind not in _TYPE:
        raise BadRequest(f"Unknown payloadType {kind!r}. Known: {', '.join(packets.TYPES)}.")
    if isinstance(payload, UnsetType):
        return
    raw = bytes(payload)
    if kind == packets.JSON and not raw.startswith(b'"'):
        packets.check_json(raw)
        text = raw.decode()
    else:
        try:
            value = msgspec.json.decode(raw, type=str)
        except ValueError as error:
            raise BadRequest(f"A payload of type {kind} must be a string ({error}).") from None
        kind, text = _text_payload(kind, value)
    if len(text) * 4 >= packets.STORED_FROM:  # it may be large; most are known not to be
        body = text.encode()
        if len(body) > limits.MAX_PAYLOAD_BYTES:
            raise TooLarge(f"The payload is larger than {limits.MAX_PAYLOAD_BYTES} bytes.")
        if kind != packets.STORE and len(body) >= packets.STORED_FROM:
            run.stored = Stored(kind, body)
            kind, text = packets.STORE, packets.new_path()
    run.payload, run.payload_type = text, _TYPE[kind]


def _text_payload(kind: str, value: str) -> tuple[str, str]:
    """A payload that came as a string: of JSON text that does not parse, the string itself is meant."""
    if kind == packets.TEXT:
        return kind, value
    if kind == packets.STORE:
        if not value:
            raise BadRequest("A payload of type application/store must be a storage path.")
        return kind, value
    try:
        packets.check_json(value)
    except BadRequest:
        if kind == packets.SUPER_JSON or value[:1] in ("{", "["):
            raise
        return packets.TEXT, value
    return kind, value


def _set_order(run: NewRun, options: RunOptions, given: TriggerOptions, now: int) -> None:
    """When it may start, and before whom."""
    if given.delay is not None:
        run.delay_until = limits.instant(given.delay, now, "delay")
        if run.delay_until > now:
            options.delayed_until = run.delay_until
    if given.ttl is not None:
        run.ttl_ms = limits.ttl_ms(given.ttl)
    if given.priority is not None:
        options.priority_ms = run.priority_ms = limits.priority_ms(given.priority)
    if given.queue is not None:
        name = given.queue.name
        run.queue = name if name == f"task/{run.task}" else limits.queue_name(name)
    if given.concurrency_key is not None:
        run.ckey = limits.concurrency_key(given.concurrency_key)


def _set_limits(
    store: Store, env: Environment, run: NewRun, options: RunOptions, given: TriggerOptions
) -> None:
    """How often and how long, on which version, for whom."""
    run.max_attempts = limits.max_attempts(given.max_attempts)
    run.max_duration_ms = limits.max_duration_ms(given.max_duration)
    run.tags = limits.tags(given.tags)
    options.machine, options.test = given.machine, given.test
    if not isinstance(given.metadata, UnsetType):
        options.metadata = limits.metadata(bytes(given.metadata))
    if given.lock_to_version is not None:
        version = store.catalog.version(env.id, given.lock_to_version)
        if version is None:
            raise Unprocessable(f"No version {given.lock_to_version} in this environment.")
        run.version = version.id
    if given.parent_run_id is not None:
        run.parent = ids.parse("run", given.parent_run_id)
        if run.parent is None:
            raise NotFound(f"Parent run {given.parent_run_id} not found.")


def _set_keys(run: NewRun, options: RunOptions, given: TriggerOptions, now: int) -> None:
    """What makes two triggers one."""
    if given.idempotency_key is not None:
        run.key = options.idempotency_key = limits.idempotency_key(given.idempotency_key)
        options.key_options = given.idempotency_key_options
        ttl = given.idempotency_key_ttl
        run.key_ttl_ms = KEY_TTL_MS if ttl is None else limits.key_ttl_ms(ttl)
    if given.debounce is not None:
        delay, longest = limits.debounce(given.debounce)
        run.debounce = Debounce(
            given.debounce.key, delay, given.debounce.mode == "trailing", longest
        )
        options.debounce_key = given.debounce.key
        options.delayed_until = run.delay_until or now + delay
        run.delay_until = options.delayed_until
