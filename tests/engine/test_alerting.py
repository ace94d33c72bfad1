"""Alerts: what is to be told is gathered, claimed by one server, and tried until it is told or given up."""

from dataclasses import replace
from typing import Any

import pytest

from hairtrigger.engine import alerting, deployments, failures, latency
from hairtrigger.engine.alerting import Alert, Changes, Delivery, Vault
from hairtrigger.errors import BadRequest, NotFound, Unavailable, Unprocessable
from hairtrigger.rules import alerts as rules
from tests.clock import MINUTE
from tests.engine.driving import World, manifest
from tests.engine.test_failures import fail, only, registered

VAULT = Vault("a master key")


async def made(world: World, name: str = "ops", **given: Any) -> Alert:
    alert, _ = await alerting.create(
        world.store, VAULT, world.env,
        **{"name": name, "kind": "run.failed", "channel": "email", "to": "a@b.c", **given},
    )  # fmt: skip
    return alert


async def claimed(world: World) -> list[Delivery]:
    return [one for _, one in await alerting.claim(world.store)]


async def test_alerts_are_made_switched_and_deleted(world: World) -> None:
    alert, secret = await alerting.create(
        world.store, VAULT, world.env, name="ops", kind="run.failed", channel="webhook",
        to="https://example.com/key", tasks=["b", "a", "a"],
    )  # fmt: skip

    assert await alerting.list_all(world.store, world.env) == [alert]
    assert await alerting.list_all(world.store, world.envs["dev"]) == []
    assert (alert.tasks, alert.shown) == (("a", "b"), "https://example.com/…")
    assert alert.open(VAULT) == alerting.Target("https://example.com/key", secret)
    assert "example.com/key" not in repr(world.rows("select * from alerts"))
    with pytest.raises(Unavailable, match="HAIRTRIGGER_MASTER_KEY"):
        alert.open(Vault("another"))
    with pytest.raises(BadRequest, match="already"):
        await made(world)
    off, _ = await alerting.change(world.store, VAULT, world.env, alert.id, Changes(enabled=False))
    assert off == replace(alert, enabled=False)
    for env in (world.envs["dev"], world.env):
        if env is world.env:
            await alerting.delete(world.store, env, alert.id)
        with pytest.raises(NotFound):
            await alerting.delete(world.store, env, alert.id)
        with pytest.raises(NotFound):
            await alerting.change(world.store, VAULT, env, alert.id, Changes(enabled=True))


async def test_an_alert_is_changed_in_what_is_said_and_nothing_else(world: World) -> None:
    alert, secret = await alerting.create(
        world.store, VAULT, world.env, name="ops", kind="run.failed", channel="webhook",
        to="https://example.com/key", tasks=["a"],
    )  # fmt: skip

    async def changed(**given: Any) -> tuple[Alert, str]:
        return await alerting.change(world.store, VAULT, world.env, alert.id, Changes(**given))

    renamed, told = await changed(name=" pager ")
    moved, _ = await changed(to="https://example.org/other")
    slow, _ = await changed(kind="queue.latency", over_ms=60_000)
    kept, _ = await changed(name="slow")
    mail, nothing = await changed(kind="run.failed", channel="email", to="a@b.c")
    again, new = await changed(channel="webhook", to="https://example.com/new", tasks=["b"])

    assert (renamed, told) == (replace(alert, name="pager"), "")
    assert moved.shown == "https://example.org/…"
    assert moved.open(VAULT) == alerting.Target("https://example.org/other", secret)
    assert (slow.tasks, slow.over_ms, kept.over_ms) == ((), 60_000, 60_000)
    assert (mail.over_ms, mail.open(VAULT), nothing) == (None, alerting.Target("a@b.c"), "")
    assert (again.tasks, new.startswith("whsec_")) == (("b",), True)
    assert new != secret
    assert again.open(VAULT) == alerting.Target("https://example.com/new", new)
    assert await alerting.list_all(world.store, world.env) == [again]


async def test_a_change_that_cannot_be_changes_nothing(world: World) -> None:
    alert, _ = await alerting.create(
        world.store, VAULT, world.env, name="ops", kind="run.failed", channel="email", to="a@b.c"
    )
    await made(world, "taken")
    there = world.rows("select * from alerts order by name")

    for given, said in (
        (Changes(name="taken"), "already"), (Changes(name=" "), "1 to 100"),
        (Changes(kind="run.sneezed"), "Unknown type"), (Changes(to="nowhere"), "an email address"),
        (Changes(channel="slack"), "Say where to"), (Changes(channel="slack", to="a@b.c"), "URL"),
        (Changes(kind="queue.latency"), "has to be said"), (Changes(over_ms=60_000), "belongs to"),
        (Changes(kind="deployment.failed", tasks=["a"]), "names no tasks"),
    ):  # fmt: skip
        with pytest.raises(BadRequest, match=said):
            await alerting.change(world.store, VAULT, world.env, alert.id, given)

    assert world.rows("select * from alerts order by name") == there


async def test_what_waits_to_be_told_of_another_kind_is_not_told(world: World) -> None:
    alert, _ = await alerting.create(
        world.store, VAULT, world.env, name="ops", kind="run.failed", channel="email", to="a@b.c"
    )
    worker = await registered(world)
    await fail(world, worker, "no")

    await alerting.change(world.store, VAULT, world.env, alert.id, Changes(tasks=["work"]))
    assert [one.failures for one in await alerting.last_told(world.store, alert)] == [1]
    await alerting.change(
        world.store, VAULT, world.env, alert.id, Changes(kind="deployment.failed")
    )

    assert await claimed(world) == []
    assert await alerting.last_told(world.store, alert) == []


async def test_there_are_so_many_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST", 1)
    await made(world)

    with pytest.raises(BadRequest, match="at most 1"):
        await made(world, "another")


@pytest.mark.acceptance("S94")
async def test_a_storm_is_one_message_and_the_rest_is_counted_in_the_next(world: World) -> None:
    await made(world)
    worker = await registered(world)

    await fail(world, worker, "no", times=3)
    (first,) = await claimed(world)
    await fail(world, worker, "no", times=5)
    last = await fail(world, worker, "no", times=2)
    early = await claimed(world)
    world.clock.move(rules.WINDOW_MS)
    later = [one for one in await claimed(world) if one.id != first.id]

    assert (first.task, first.failures, first.message) == ("work", 3, "no")
    assert early == []
    assert [(one.failures, one.run) for one in later] == [(7, last)]


async def test_alerts_hear_of_their_tasks_and_kinds_while_they_are_on(world: World) -> None:
    of_other = await made(world, "other", tasks=["other"])
    new = await made(world, "new", kind="error.new")
    back = await made(world, "back", kind="error.returned")
    off = await made(world, "off", enabled=False)
    worker = await registered(world)

    await fail(world, worker, "no")
    first = await claimed(world)
    await fail(world, worker, "no")
    group = await only(world)
    world.clock.move(1)
    await failures.resolve(world.store, world.env, [group.fingerprint], by="ann")
    newer = await registered(world, queue="anew")
    await fail(world, newer, "no", task="work")
    world.clock.move(1)
    second = await claimed(world)

    assert [one.alert for one in first] == [new.id]
    assert [one.alert for one in second] == [back.id]
    assert {of_other.id, off.id}.isdisjoint({one.alert for one in first + second})


async def test_one_server_sends_and_another_takes_over_when_it_is_gone(world: World) -> None:
    alert = await made(world)
    await fail(world, await registered(world), "no")

    (first,) = await claimed(world)
    assert await claimed(world) == []
    world.clock.move(alerting.LEASE_MS)
    (again,) = await claimed(world)
    await alerting.settle(world.store, alert, first, "too late to say so")
    await alerting.settle(world.store, alert, again, None)

    (told,) = await alerting.last_told(world.store, alert)
    assert (again.id, again.tries) == (first.id, 2)
    assert (told.state, told.tries, told.problem) == ("sent", 2, None)
    world.clock.move(alerting.LEASE_MS)
    assert await claimed(world) == []


async def test_what_does_not_arrive_is_tried_for_six_hours_and_given_up(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    alert = await made(world)
    await fail(world, await registered(world), "no")
    tries = 0

    while sent := await claimed(world):
        await alerting.settle(world.store, alert, sent[0], "nobody there")
        tries += 1
        (shown,) = await alerting.last_told(world.store, alert)
        if shown.next_at is not None:
            world.clock.move(shown.next_at - world.clock.now)

    assert (shown.state, shown.problem, shown.tries) == ("failed", "nobody there", tries)
    assert 15 < tries < 30
    heard = [facts["given_up"] for name, facts in told if name == "alert.failed"]
    assert heard == [False] * (tries - 1) + [True]


async def test_a_deleted_alert_tells_nothing(world: World) -> None:
    alert = await made(world)
    await fail(world, await registered(world), "no")

    await alerting.delete(world.store, world.env, alert.id)

    assert await claimed(world) == []


async def test_a_version_that_becomes_current_is_told_once_and_one_that_is_refused_why(
    world: World,
) -> None:
    for kind in ("deployment.succeeded", "deployment.failed"):
        await made(world, kind, kind=kind)
    await made(world)
    needs = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    first = await world.register("work")
    await world.register("work")
    (told,) = await claimed(world)
    await world.trigger("work", payload={"n": "seven"})
    picky = await world.register(manifest("work", payload_schema=needs), promote=False)
    with pytest.raises(Unprocessable, match="do not fit"):
        await deployments.promote(world.store, world.env, picky.registered.version)
    (refused,) = await claimed(world)
    await deployments.promote(world.store, world.env, picky.registered.version, force=True)
    (forced,) = await claimed(world)

    assert (told.task, told.message) == (first.registered.version, "It is the first one.")
    assert refused.task == forced.task == picky.registered.version
    assert "1 of 1 waiting payloads do not fit" in refused.message
    assert forced.message == f"{first.registered.version} was current before."


async def test_an_alert_of_versions_names_no_tasks(world: World) -> None:
    with pytest.raises(BadRequest, match="names no tasks"):
        await made(world, kind="deployment.failed", tasks=["work"])


async def test_a_queue_that_keeps_runs_waiting_is_told_once_in_a_while(world: World) -> None:
    await made(world, kind="queue.latency", over_ms=5 * MINUTE)
    await world.register("work", "other")
    await world.trigger()
    await latency.watch_queues(world.store)
    assert await claimed(world) == []

    world.clock.move(6 * MINUTE)
    await world.trigger("other")
    for _ in range(2):
        assert await latency.watch_queues(world.store) == latency.LOOK_MS
    ((alert, told),) = await alerting.claim(world.store)
    await alerting.settle(world.store, alert, told, None)
    world.clock.move(5 * MINUTE)
    await world.pause("task/other")
    await latency.watch_queues(world.store)
    assert await claimed(world) == []
    world.clock.move(6 * MINUTE)
    await latency.watch_queues(world.store)
    (again,) = await claimed(world)

    assert (told.task, told.message) == ("task/work", "Its oldest run has waited for 6m.")
    assert (again.task, again.message) == ("task/work", "Its oldest run has waited for 17m.")
