"""Alerts: who is told of failures, what is to be told, and which server tells it.

What is to be told is noted when failures are grouped, in the same transaction: each failure once, and nothing is
added to the way of a run. A storm is gathered: one message of an alert about a task in ``WINDOW_MS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from hairtrigger.engine.failures import Seen
from hairtrigger.engine.projects import Vault as Vault
from hairtrigger.errors import BadRequest, NotFound, Unavailable
from hairtrigger.rules import alerts as rules
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.store.store import Store, one
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids, webhooks

LEASE_MS = 60_000
CLAIM = 10  # that one server sends at once
STATES = ("waiting", "sending", "sent", "failed")
SHOWN = 5
_RESOLVED, _UNRESOLVED = 1, 0
_names = msgspec.json.Decoder(list[str])


class Target(msgspec.Struct, frozen=True):
    """Where to, and the secret that it is signed with; sealed in the database."""

    to: str
    secret: str = ""


_target = msgspec.json.Decoder(Target)


@dataclass(frozen=True, slots=True)
class Alert:
    """``shown`` is where to, as people may see it. No ``tasks`` are all. ``created_at`` is in ms."""

    id: int
    env: int
    name: str
    kind: str
    tasks: tuple[str, ...]
    channel: str
    shown: str
    sealed: str
    enabled: bool
    created_at: int
    over_ms: int | None = None  # of an alert of queues: how long a run may wait

    def open(self, vault: Vault) -> Target:
        """Where to.

        Raises:
            Unavailable: it was sealed under another master key.
        """
        text = vault.open(self.sealed)
        if text is None:
            raise Unavailable(
                f"The alert {self.name} was sealed under another master key than this server's. Give every "
                "server the same HAIRTRIGGER_MASTER_KEY, or make the alert anew."
            )
        return _target.decode(text)


@dataclass(frozen=True, slots=True)
class Changes:
    """What of an alert is to be other than it was; what is None stays."""

    name: str | None = None
    kind: str | None = None
    channel: str | None = None
    to: str | None = None
    tasks: Sequence[str] | None = None
    enabled: bool | None = None
    over_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One message of an alert: what became of it. Instants in ms; ``next_at`` while it is not at its end."""

    id: int
    task: str
    state: str
    failures: int
    last_at: int
    run: int
    message: str
    tries: int
    problem: str | None
    next_at: int | None
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that this server is to send now. Instants in ms."""

    id: int
    alert: int
    env: int
    task: str
    failures: int
    first_at: int
    last_at: int
    run: int
    fingerprint: str
    type: str
    message: str
    opens_at: int
    tries: int


async def list_all(store: Store, env: Environment) -> list[Alert]:
    """All of an environment, by name."""
    return [_alert(row) for row in await store.read(one("alerts_of", env.id), quick=True)]


async def retrieve(store: Store, env: Environment, number: int) -> Alert:
    """One of them.

    Raises:
        NotFound: there is none of that number.
    """
    for alert in await list_all(store, env):
        if alert.id == number:
            return alert
    raise _unknown(number)


async def last_told(store: Store, alert: Alert) -> list[Told]:
    """Its last ``SHOWN`` messages, newest first."""
    return [
        Told(
            row[0], row[2], STATES[row[3]], row[4], row[5], row[6], row[7], row[8], row[9],
            row[10] if row[11] is None else None, row[11],
        )
        for row in await store.read(one("last_deliveries", alert.id, SHOWN), quick=True)
    ]  # fmt: skip


async def create(
    store: Store, vault: Vault, env: Environment, *, name: str, kind: str, channel: str, to: str,
    tasks: Sequence[str] = (), enabled: bool = True, over_ms: int | None = None,
) -> tuple[Alert, str]:  # fmt: skip
    """Make an alert; answers the secret that its webhooks are signed with, too, which is never shown again.

    Raises:
        BadRequest: it cannot be, its name is taken, or there are too many.
    """
    rules.check(name, kind, channel, to, tasks, over_ms)
    secret = webhooks.new_secret() if channel == "webhook" else ""
    sealed = _seal(vault, to, secret)
    made = Alert(
        store.make_id(), env.id, name.strip(), kind, tuple(sorted(set(tasks))), channel,
        rules.shown(channel, to), sealed, enabled, 0, over_ms,
    )  # fmt: skip

    def make(_: Catalog, now: int) -> Steps[Alert]:
        there = yield fetch("alerts_of", env.id)
        if any(row[2] == made.name for row in there):
            raise _taken(made.name)
        if len(there) >= rules.MOST:
            raise BadRequest(f"An environment has at most {rules.MOST} alerts.")
        yield fetch(
            "insert_alert", made.id, env.id, made.name, kind, _stored(made.tasks), channel, made.shown, sealed,
            int(enabled), now, over_ms,
        )  # fmt: skip
        return replace(made, created_at=now)

    return await store.change(make), secret


async def change(
    store: Store, vault: Vault, env: Environment, number: int, given: Changes
) -> tuple[Alert, str]:
    """Change an alert; answers it, and the new secret that its webhooks are signed with when it tells by one that it
    did not tell by before. What failed while it was off is not made up for, and what waits to be told of another
    kind is not told.

    Raises:
        NotFound: there is none of that number. BadRequest: it cannot be, or its name is taken. Unavailable: it was
        sealed under another master key.
    """

    def make(_: Catalog, __: int) -> Steps[tuple[Alert, str]]:
        there = [_alert(row) for row in (yield fetch("alerts_of", env.id))]
        before = next((one for one in there if one.id == number), None)
        if before is None:
            raise _unknown(number)
        after, secret = _changed(before, given, vault)
        if any(one.name == after.name and one.id != number for one in there):
            raise _taken(after.name)
        yield fetch(
            "update_alert", number, after.name, after.kind, _stored(after.tasks), after.channel,
            after.shown, after.sealed, int(after.enabled), after.over_ms,
        )  # fmt: skip
        if after.kind != before.kind:
            yield fetch("drop_waiting_deliveries", number)
        return after, secret

    changed: tuple[Alert, str] = await store.change(make)
    return changed


def _changed(before: Alert, given: Changes, vault: Vault) -> tuple[Alert, str]:
    """An alert as it is to be, and the secret that is new."""
    kind, channel = given.kind or before.kind, given.channel or before.channel
    if channel != before.channel and given.to is None:
        raise BadRequest(f"Say where to: {before.name} told by {before.channel} until now.")
    name = before.name if given.name is None else given.name
    tasks = before.tasks if rules.is_of_runs(kind) else ()
    tasks = tasks if given.tasks is None else tuple(given.tasks)
    over_ms = before.over_ms if kind == rules.LATENCY else None
    over_ms = over_ms if given.over_ms is None else given.over_ms
    after = replace(
        before, name=name.strip(), kind=kind, channel=channel, tasks=tuple(sorted(set(tasks))),
        enabled=before.enabled if given.enabled is None else given.enabled, over_ms=over_ms,
    )  # fmt: skip
    if given.to is None and channel == before.channel:
        rules.check(name, kind, channel, None, tasks, over_ms)
        return after, ""
    to = given.to or ""
    rules.check(name, kind, channel, to, tasks, over_ms)
    is_new = channel == "webhook" != before.channel
    secret = webhooks.new_secret() if is_new else ""
    kept = before.open(vault).secret if channel == before.channel == "webhook" else secret
    return replace(after, shown=rules.shown(channel, to), sealed=_seal(vault, to, kept)), secret


async def delete(store: Store, env: Environment, number: int) -> None:
    """Delete it, with what it has told and what it still had to tell.

    Raises:
        NotFound: there is none of that number.
    """

    def drop(_: Catalog, __: int) -> Steps[bool]:
        gone = yield fetch("delete_alert", number, env.id)
        if gone:
            yield fetch("delete_deliveries_of", number)
        return bool(gone)

    if not await store.change(drop):
        raise _unknown(number)


def note(store: Store, asked: Sequence[Row], seen: Sequence[Seen], now: int) -> Steps[None]:
    """Write down what the alerts that are on (rows of ``alerts_on``) have to tell of these failures."""
    found: dict[tuple[int, str], list[Seen]] = {}
    for number, env, kind, tasks, _ in asked:
        names = _names.decode(tasks) if tasks else []
        for some in seen:
            if some.env == env and (not names or some.task in names) and _concerns(kind, some):
                found.setdefault((number, some.task), []).append(some)
    if not found:
        return
    opened = {
        (number, task): at
        for number, task, at in (yield fetch("last_opened", sorted({key[0] for key in found})))
    }
    rows = []
    for key in sorted(found):
        last = max(found[key], key=lambda some: (some.at, some.last_run))
        opens_at = max(now, opened.get(key, -rules.WINDOW_MS) + rules.WINDOW_MS)
        rows.append((
            store.make_id(), key[0], last.env, key[1], sum(some.runs for some in found[key]),
            min(some.first_at for some in found[key]), last.at, last.last_run, last.fingerprint,
            last.type, last.message, opens_at,
        ))  # fmt: skip
    yield each("gather_delivery", rows)


def note_deployment(
    make_id: Callable[[], int], env: Environment, kind: rules.Kind, version: str, message: str, now: int
) -> Steps[None]:  # fmt: skip
    """Write down what became of a version, for the alerts that want to know. It is told at once."""
    asked = [row for row in (yield fetch("alerts_on")) if (row[1], row[2]) == (env.id, kind)]
    yield each("gather_delivery", [
        (make_id(), number, env.id, version, 1, now, now, 0, "", "", message, now)
        for number, *_ in sorted(asked)
    ])  # fmt: skip


async def claim(store: Store, *, lease_ms: int = LEASE_MS) -> list[tuple[Alert, Delivery]]:
    """What this server is to send within ``lease_ms``; nobody else gets it before. What is not said to have
    ended by then is sent again, under the same id."""

    def take(_: Catalog, now: int) -> Steps[list[tuple[Alert, Delivery]]]:
        taken = [
            Delivery(*row) for row in (yield fetch("claim_deliveries", now, now + lease_ms, CLAIM))
        ]
        rows = yield fetch("alerts_by_id", sorted({each_.alert for each_ in taken}))
        alerts = {row[0]: _alert(row) for row in rows}
        return [(alerts[each_.alert], each_) for each_ in taken if each_.alert in alerts]

    due = await store.read(one("next_delivery"), quick=True)
    if due[0][0] is None or due[0][0] > store.now():
        return []
    claimed: list[tuple[Alert, Delivery]] = await store.change(take)
    return claimed


async def settle(store: Store, alert: Alert, sent: Delivery, problem: str | None) -> None:
    """Say what became of a message: it was sent, or why not; then it is tried again, for six hours."""

    def end(_: Catalog, now: int) -> Steps[str]:
        if problem is None:
            state, due, ended = 2, now, now
        elif now - sent.opens_at >= rules.GIVE_UP_MS:
            state, due, ended = 3, now, now
        else:
            state, due, ended = 1, now + rules.pause_ms(sent.tries), None
        done = yield fetch("end_delivery", sent.id, sent.tries, state, due, problem, ended)
        return STATES[state] if done else ""

    state = await store.change(end)
    facts = {"alert": ids.public("alert", alert.id), "delivery": ids.public("delivery", sent.id)}
    if state == "sent":
        emit("alert.sent", **facts, failures=sent.failures)
    elif state:
        emit("alert.failed", **facts, problem=problem, tries=sent.tries, given_up=state == "failed")


def _concerns(kind: str, some: Seen) -> bool:
    if not rules.is_of_runs(kind):
        return False
    if kind == "error.new":
        return some.before is None
    if kind == "error.returned":
        return some.before == _RESOLVED and some.after == _UNRESOLVED
    return True


def _alert(row: Row) -> Alert:
    number, env, name, kind, tasks, channel, shown, sealed, enabled, created_at, over_ms = row
    names = tuple(_names.decode(tasks)) if tasks else ()
    return Alert(
        number, env, name, kind, names, channel, shown, sealed, bool(enabled), created_at, over_ms
    )  # fmt: skip


def _stored(tasks: tuple[str, ...]) -> str | None:
    return msgspec.json.encode(tasks).decode() if tasks else None


def _seal(vault: Vault, to: str, secret: str) -> str:
    return vault.seal(msgspec.json.encode(Target(to, secret)).decode())


def _taken(name: str) -> BadRequest:
    return BadRequest(f"There is an alert {name!r} already: choose another name.")


def _unknown(number: int) -> NotFound:
    return NotFound(f"There is no alert {ids.public('alert', number)} in this environment.")
