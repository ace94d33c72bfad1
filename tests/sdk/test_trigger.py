"""Triggering: what travels, what is refused before it does, and how concurrent calls go together."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

import msgspec
import pytest

from hairtrigger import (
    InvalidDuration,
    PayloadValidationError,
    Queue,
    UnknownOption,
    Unprocessable,
    idempotency_keys,
    task,
    tasks,
)  # fmt: skip
from hairtrigger.sdk import coalesce
from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.wire.options import CoalescedTrigger, Triggered
from hairtrigger.wire.worker import RunInfo
from tests.sdk.answering import Answering, Asked, Reply

ROUTE = "POST /api/hairtrigger/v1/triggers"


class Welcome(TypedDict):
    user_id: str
    email: str


@dataclass
class Order:
    number: int
    note: str = "none"
    lines: list[str] = field(default_factory=list)


def sent(api: Answering) -> list[dict[str, Any]]:
    """The triggers of all requests."""
    return [item for asked in api.to(ROUTE) for item in asked.json]


@pytest.fixture
def inside_a_run() -> Iterator[Scope]:
    info = RunInfo(
        id="run_7",
        lease=1,
        attempt=2,
        task="t",
        max_attempts=3,
        created_at=0,
        queue="q",
        version="1",
    )
    scope = Scope.for_run(info, environment="dev", project="p", emit=lambda event: None)
    token = SCOPE.set(scope)
    yield scope
    SCOPE.reset(token)


@pytest.mark.acceptance("S19", "S23", "S24", "S25")
async def test_a_trigger_sends_task_and_payload_and_gives_a_handle(api: Answering) -> None:
    @task(id="send-welcome-email")
    async def send_welcome_email(payload: Welcome) -> None:
        raise AssertionError("the body must not run here")

    handle = await send_welcome_email.trigger({"user_id": "u", "email": "é@x.org"})

    assert handle.id.startswith("run_")
    assert handle.task_id == "send-welcome-email"
    assert not handle.is_cached
    assert sent(api) == [
        {"task": "send-welcome-email", "payload": {"user_id": "u", "email": "é@x.org"}}
    ]


@pytest.mark.acceptance("S19")
@pytest.mark.parametrize(
    ("payload", "where"),
    [({"user_id": "u"}, "email"), ({"user_id": "u", "email": 3}, "email: "), ("x", "dict|object")],
)
async def test_a_payload_of_another_shape_is_refused_before_anything_is_sent(
    api: Answering, payload: Any, where: str
) -> None:
    @task
    async def send(payload: Welcome) -> None: ...

    with pytest.raises(PayloadValidationError, match=f"does not fit send: .*{where}"):
        await send.trigger(payload)

    assert api.asked == []


async def test_defaults_of_the_type_are_filled_in_by_the_caller(api: Answering) -> None:
    @task
    async def ship(order: Order) -> None: ...

    await ship.trigger(Order(1))
    await ship.trigger({"number": 2})  # type: ignore[arg-type]  # a plain dict is fine at run time

    assert [item["payload"] for item in sent(api)] == [
        {"number": 1, "note": "none", "lines": []},
        {"number": 2, "note": "none", "lines": []},
    ]


async def test_a_text_travels_as_text_and_nothing_as_nothing(api: Answering) -> None:
    @task
    async def say(words: str) -> None: ...

    @task
    async def tick() -> None: ...

    await say.trigger('{"not": "json"}')
    await tick.trigger()

    assert sent(api) == [
        {"task": "say", "payload": '{"not": "json"}', "options": {"payloadType": "text/plain"}},
        {"task": "tick"},
    ]


@pytest.mark.acceptance("S36")
async def test_a_task_without_a_payload_refuses_one(api: Answering) -> None:
    @task
    async def tick() -> None: ...

    with pytest.raises(PayloadValidationError, match="takes no payload"):
        await tick.trigger({"a": 1})  # type: ignore[call-overload]  # planted

    assert api.asked == []


async def test_a_value_without_a_json_form_is_refused_with_its_path(api: Answering) -> None:
    @task
    async def anything(payload: Any) -> None: ...

    with pytest.raises(PayloadValidationError, match=r"value\.a\[1\]"):
        await anything.trigger({"a": [1, object()]})

    assert api.asked == []


@pytest.mark.acceptance("S91")
async def test_any_json_travels_unchanged(api: Answering) -> None:
    @task
    async def process_webhook(payload: Any) -> None: ...

    deep = {"event": "x", "data": {"n": [1, 2.5, -0.0, None, True, "é\u2028"], "big": 2**63}}

    await process_webhook.trigger(deep)

    assert sent(api)[0]["payload"] == deep


async def test_every_option_travels_under_its_wire_name(api: Answering) -> None:
    at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

    await tasks.trigger(
        "t", 1, delay=at, ttl=timedelta(minutes=10), queue=Queue("emails"), concurrency_key="k",
        priority=2.5, tags=["a", "b"], metadata={"x": 1}, max_attempts=4, max_duration=60,
        machine="small-2x", version="20260301.1", idempotency_key="order-7",
        idempotency_key_ttl="1h30m",
        debounce={"key": "d", "delay": 30, "mode": "trailing", "max_delay": "5m"},
    )  # fmt: skip

    options = sent(api)[0]["options"]
    assert len(options.pop("idempotencyKey")) == 64
    assert options == {
        "delay": "2026-03-01T09:30:00.000Z", "ttl": "10m", "queue": {"name": "emails"},
        "concurrencyKey": "k", "priority": 2.5, "tags": ["a", "b"], "metadata": {"x": 1},
        "maxAttempts": 4, "maxDuration": 60, "machine": "small-2x",
        "lockToVersion": "20260301.1", "idempotencyKeyTTL": "5400s",
        "idempotencyKeyOptions": {"key": "order-7", "scope": "run"},
        "debounce": {"key": "d", "delay": "30s", "mode": "trailing", "maxDelay": "5m"},
    }  # fmt: skip


async def test_a_delay_may_be_text_seconds_or_a_timedelta(api: Answering) -> None:
    for delay in ("1h30m", 90, timedelta(days=2)):
        await tasks.trigger("t", delay=delay)
    before = datetime.now(UTC)
    await tasks.trigger("t", delay=0.25)

    delays = [item["options"]["delay"] for item in sent(api)]
    assert delays[:3] == ["1h30m", "1m30s", "2d"]
    due = datetime.fromisoformat(delays[3])
    assert timedelta(seconds=0.2) < due - before < timedelta(seconds=5)


async def test_a_misspelt_option_is_refused_with_the_right_one(api: Answering) -> None:
    with pytest.raises(UnknownOption, match=r"'dely'.*Did you mean 'delay'"):
        await tasks.trigger("t", dely="1h")  # type: ignore[call-arg]  # planted
    with pytest.raises(InvalidDuration, match="soon"):
        await tasks.trigger("t", delay="soon")

    assert api.asked == []


async def test_a_refusal_of_one_trigger_is_its_callers_alone(api: Answering) -> None:
    def one_in_two(asked: Asked) -> Reply:
        items = msgspec.json.decode(asked.body, type=list[CoalescedTrigger])
        bad = Triggered(error="Too many tags.", code="unprocessable", status=422)
        return 200, [bad if item.task == "bad" else Triggered(id="run_ok") for item in items]

    api.replies[ROUTE] = one_in_two

    good = asyncio.ensure_future(tasks.trigger("good"))
    with pytest.raises(Unprocessable, match="Too many tags"):
        await tasks.trigger("bad")

    assert (await good).id == "run_ok"
    assert len(api.to(ROUTE)) == 1


async def test_concurrent_triggers_travel_together_and_stay_themselves(api: Answering) -> None:
    handles = await asyncio.gather(*(tasks.trigger(f"t{n}", n) for n in range(1_200)))

    requests = api.to(ROUTE)
    assert len(requests) <= 5
    assert max(len(asked.json) for asked in requests) <= coalesce.MAX_ITEMS
    assert len({handle.id for handle in handles}) == 1_200
    assert all(handle.id == f"run_{handle.task_id}" for handle in handles)


async def test_large_payloads_are_spread_over_several_requests(api: Answering) -> None:
    await asyncio.gather(*(tasks.trigger("t", {"x": "a" * 900_000}) for _ in range(5)))

    assert [len(asked.json) for asked in api.to(ROUTE)] == [2, 2, 1]


async def test_a_caller_that_gives_up_does_not_take_the_others_along(api: Answering) -> None:
    impatient = asyncio.ensure_future(tasks.trigger("impatient"))
    patient = asyncio.ensure_future(tasks.trigger("patient"))
    await asyncio.sleep(0)
    impatient.cancel()

    handle = await patient

    assert handle.task_id == "patient"
    assert impatient.cancelled()


async def test_inside_a_run_the_new_run_knows_its_parent(
    api: Answering, inside_a_run: Scope
) -> None:
    await tasks.trigger("child")

    assert sent(api)[0]["options"] == {"parentRunId": "run_7"}


def test_keys_are_hashed_as_trigger_dev_does(inside_a_run: Scope) -> None:
    create = idempotency_keys.create
    keys = [create("a", scope=scope) for scope in ("run", "attempt", "global")]

    assert len({*keys}) == 3
    assert create(["a", "b"], scope="global") == create("a-b", scope="global")
    assert create("a", scope="global") == (
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    )
    assert create("x" * 64) == "x" * 64
    assert create(keys[0]) is keys[0]


async def test_a_key_frees_its_task(api: Answering) -> None:
    key = idempotency_keys.create("order-7", scope="global")
    api.replies[f"POST /api/v1/idempotencyKeys/{key}/reset"] = (200, {"id": str(key)})

    await idempotency_keys.reset("send", "order-7")

    assert api.asked[0].json == {"taskIdentifier": "send"}
