"""Alerts over the API: who is told of failures."""

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.engine import alerting as engine
from hairtrigger.engine.alerting import Alert, Changes, Told
from hairtrigger.server import answers, sending
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids


class DeliveryObject(msgspec.Struct, rename="camel", kw_only=True):
    """A message of an alert. ``nextAt``: when it is tried, while it has not ended."""

    id: str
    task: str
    state: str
    failures: int
    last_at: str
    last_run: str
    message: str
    tries: int
    problem: str | None = None
    next_at: str | None = None
    ended_at: str | None = None


class AlertObject(msgspec.Struct, rename="camel", kw_only=True):
    """``to`` is shown in part, as far as it may be a secret. ``secret`` is there when it was made just now."""

    id: str
    name: str
    type: str
    tasks: tuple[str, ...]
    channel: str
    to: str
    enabled: bool
    created_at: str
    deliveries: list[DeliveryObject] = []
    secret: str | UnsetType = UNSET
    over: str | UnsetType = UNSET


class AlertList(msgspec.Struct):
    data: list[AlertObject]


class CreateAlert(msgspec.Struct, forbid_unknown_fields=True):
    """``over``: for ``queue.latency``, how long a run may wait, such as ``5m``."""

    name: str
    type: str
    channel: str
    to: str
    tasks: list[str] = []
    enabled: bool = True
    over: str | None = None


class ChangeAlert(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays as it is. Another ``channel`` needs a ``to``."""

    name: str | None = None
    type: str | None = None
    channel: str | None = None
    to: str | None = None
    tasks: list[str] | None = None
    enabled: bool | None = None
    over: str | None = None


class Tested(msgspec.Struct):
    """``problem``: why the test did not arrive."""

    delivered: bool
    problem: str | None = None


class Deleted(msgspec.Struct):
    id: str


_create = msgspec.json.Decoder(CreateAlert)
_change = msgspec.json.Decoder(ChangeAlert)


async def list_all(call: Call) -> Answer:
    """The environment's alerts by name, each with its last messages."""
    store = call.server.store
    found = await engine.list_all(store, call.caller.env)
    return answers.json(
        AlertList([_shown(one, await engine.last_told(store, one)) for one in found])
    )


async def create(call: Call) -> Answer:
    """Make an alert; the secret of a webhook is in this answer only."""
    body = await call.read(_create)
    made, secret = await engine.create(
        call.server.store, call.server.vault, call.caller.env, name=body.name, kind=body.type,
        channel=body.channel, to=body.to, tasks=body.tasks, enabled=body.enabled,
        over_ms=None if body.over is None else durations.parse(body.over, "over"),
    )  # fmt: skip
    shown = _shown(made, [])
    shown.secret = secret or UNSET
    return answers.json(shown)


async def update(call: Call) -> Answer:
    """Change an alert; what is left out stays. A secret is in the answer when a webhook is new to it."""
    body = await call.read(_change)
    number, server = call.number("alert", "alert"), call.server
    given = Changes(
        name=body.name, kind=body.type, channel=body.channel, to=body.to, tasks=body.tasks,
        enabled=body.enabled, over_ms=None if body.over is None else durations.parse(body.over, "over"),
    )  # fmt: skip
    changed, secret = await engine.change(
        server.store, server.vault, call.caller.env, number, given
    )
    shown = _shown(changed, await engine.last_told(server.store, changed))
    shown.secret = secret or UNSET
    return answers.json(shown)


async def delete(call: Call) -> Answer:
    """Delete an alert, with what it still had to tell."""
    number = call.number("alert", "alert")
    await engine.delete(call.server.store, call.caller.env, number)
    return answers.json(Deleted(ids.public("alert", number)))


async def test(call: Call) -> Answer:
    """Send a test of an alert now, and say whether it arrived."""
    server = call.server
    alert = await engine.retrieve(server.store, call.caller.env, call.number("alert", "alert"))
    problem = await sending.test(server.store, server.vault, server.settings, alert)
    return answers.json(Tested(problem is None, problem))


def _shown(alert: Alert, told: list[Told]) -> AlertObject:
    return AlertObject(
        id=ids.public("alert", alert.id), name=alert.name, type=alert.kind, tasks=alert.tasks,
        channel=alert.channel, to=alert.shown, enabled=alert.enabled,
        created_at=durations.iso(alert.created_at), deliveries=[_told(one) for one in told],
        over=UNSET if alert.over_ms is None else durations.to_text(alert.over_ms),
    )  # fmt: skip


def _told(one: Told) -> DeliveryObject:
    return DeliveryObject(
        id=ids.public("delivery", one.id), task=one.task, state=one.state, failures=one.failures,
        last_at=durations.iso(one.last_at), last_run=ids.public("run", one.run), message=one.message,
        tries=one.tries, problem=one.problem,
        next_at=None if one.next_at is None else durations.iso(one.next_at),
        ended_at=None if one.ended_at is None else durations.iso(one.ended_at),
    )  # fmt: skip


_PATH = "/api/hairtrigger/v1/alerts"
ROUTES = (
    Route("GET", _PATH, list_all, "secret", returns=AlertList),
    Route("POST", _PATH, create, "secret", body=CreateAlert, returns=AlertObject, audited=True),
    Route(
        "PUT",
        _PATH + "/{alert}",
        update,
        "secret",
        body=ChangeAlert,
        returns=AlertObject,
        audited=True,
    ),
    Route("DELETE", _PATH + "/{alert}", delete, "secret", returns=Deleted, audited=True),
    Route("POST", _PATH + "/{alert}/test", test, "secret", returns=Tested, audited=True),
)
