"""Alerts over HTTP, and what reaches a web server and a mail server on this machine."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from hairtrigger import webhooks
from hairtrigger.engine import alerting
from hairtrigger.rules import alerts as rules
from hairtrigger.server import reaching, sending
from hairtrigger.server.app import App
from hairtrigger.server.reaching import NotReached
from hairtrigger.server.settings import Settings
from tests.server import outside
from tests.server.driving import Api
from tests.server.outside import Hook, Post

PATH = "/api/hairtrigger/v1/alerts"
Told = list[tuple[str, dict[str, object]]]


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with outside.hook() as seen:
        yield seen


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    async with outside.post() as seen:
        yield seen


@pytest.fixture
def settings(settings: Settings, post: Post) -> Settings:
    return replace(
        settings, alerts_allow_private=True, smtp_url=post.url, smtp_from="ht@example.com",
        public_url="https://ht.example.com",
    )  # fmt: skip


def body(channel: str, to: str, **given: Any) -> dict[str, Any]:
    return {"name": channel, "type": "run.failed", "channel": channel, "to": to, **given}


async def make(prod: Api, channel: str, to: str, **given: Any) -> Any:
    reply = await prod.post(PATH, body(channel, to, **given))
    assert reply.status == 200, reply.body
    return reply.json()


async def fail(prod: Api, message: str = "no <use>") -> str:
    worker = await prod.work("greet", retry={"maxAttempts": 1})
    run_id = await prod.trigger("greet")
    (run,) = await worker.fetch(1)
    failure = {"name": "ValueError", "message": message}
    await worker.report({"id": run["id"], "lease": run["lease"], "failed": failure})
    return run_id


async def test_alerts_are_made_listed_switched_and_deleted(prod: Api, api: Api) -> None:
    made = await make(prod, "webhook", "https://example.com/key", tasks=["greet"])
    secret = made.pop("secret")
    one = f"{PATH}/{made['id']}"

    listed = await prod.get(PATH)
    off = await prod.put(one, {"enabled": False})

    assert listed.json() == {"data": [made]}
    assert secret.startswith("whsec_")
    assert (made["to"], made["tasks"], made["enabled"]) == (
        "https://example.com/…",
        ["greet"],
        True,
    )
    assert off.json() == made | {"enabled": False}
    assert (await api.get(PATH)).json() == {"data": []}
    assert (await api.delete(one)).status == 404
    assert (await prod.delete(one)).json() == {"id": made["id"]}
    assert (await prod.post(f"{one}/test")).status == 404


async def test_an_alert_is_changed_over_the_api(prod: Api) -> None:
    made = await make(prod, "email", "a@b.c", tasks=["greet"])
    one = f"{PATH}/{made['id']}"

    changed = await prod.put(
        one, {"name": "pager", "tasks": [], "type": "queue.latency", "over": "5m"}
    )
    hooked = (await prod.put(one, {"channel": "webhook", "to": "https://example.com/x"})).json()
    secret = hooked.pop("secret")

    assert changed.json() == made | {
        "name": "pager", "tasks": [], "type": "queue.latency", "over": "5m",
    }  # fmt: skip
    assert secret.startswith("whsec_")
    assert (await prod.get(PATH)).json() == {"data": [hooked]}
    for given in ({"colour": "red"}, {"channel": "slack"}, {"over": "1s"}, {"type": "run.sneezed"}):
        assert (await prod.put(one, given)).status == 400, given
    assert (await prod.get(PATH)).json() == {"data": [hooked]}


async def test_an_alert_of_queues_says_how_long(prod: Api) -> None:
    made = await make(prod, "email", "a@b.c", type="queue.latency", over="5m")
    without = await prod.post(PATH, body("slack", "https://a.b/c", type="queue.latency"))

    assert made["over"] == "5m"
    assert without.status == 400
    assert "has to be said" in without.error


async def test_what_is_unknown_is_refused(prod: Api) -> None:
    for given in ({"colour": "red"}, {"type": "run.sneezed"}, {"to": "file:///etc/passwd"}):
        reply = await prod.post(PATH, body("slack", "https://example.com") | given)
        assert reply.status == 400, given


@pytest.mark.acceptance("S94")
async def test_a_failed_run_reaches_webhook_slack_and_mail(
    prod: Api, hook: Hook, post: Post, told: Told
) -> None:
    secret = (await make(prod, "webhook", hook.url + "hook"))["secret"]
    await make(prod, "slack", hook.url + "slack")
    await make(prod, "email", "ann@example.com")

    run_id = await fail(prod)
    await outside.until(lambda: sum(name == "alert.sent" for name, _ in told) == 3)

    sent = {
        "webhook-id" in {name.lower() for name in each}: n for n, each in enumerate(hook.headers)
    }
    event = webhooks.construct_event(hook.bodies[sent[True]], hook.headers[sent[True]], secret)
    slack = msgspec.json.decode(hook.bodies[sent[False]])["text"]
    (mail,) = post.mails
    assert (event.type, event.data["lastRun"], event.data["failures"]) == ("run.failed", run_id, 1)
    assert event.data["error"]["message"] == "no <use>"
    assert "no &lt;use&gt;" in slack
    assert "Subject: 1 run failed: greet (prod)" in mail
    assert "To: ann@example.com" in mail
    assert run_id in mail
    deliveries = [one["deliveries"][0]["state"] for one in (await prod.get(PATH)).json()["data"]]
    assert deliveries == ["sent", "sent", "sent"]
    assert secret not in repr(told)


async def test_after_an_outage_the_same_message_arrives_under_the_same_id(
    prod: Api, hook: Hook, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "pause_ms", lambda tries: 100)
    await make(prod, "webhook", hook.url)
    hook.status = 302
    await fail(prod)
    await outside.until(lambda: any(name == "alert.failed" for name, _ in told))
    (shown,) = (await prod.get(PATH)).json()["data"][0]["deliveries"]
    hook.status = 200

    await outside.until(lambda: any(name == "alert.sent" for name, _ in told))

    assert (shown["state"], shown["problem"]) == ("sending", "It was answered with HTTP 302.")
    first, *_, second = ({k.lower(): v for k, v in each.items()} for each in hook.headers)
    assert first["webhook-id"] == second["webhook-id"] == shown["id"]
    assert hook.bodies[0] == hook.bodies[-1]


async def test_a_test_says_at_once_what_became_of_it(prod: Api, hook: Hook, post: Post) -> None:
    webhook = (await make(prod, "webhook", hook.url))["id"]
    email = (await make(prod, "email", "ann@example.com"))["id"]
    good = [(await prod.post(f"{PATH}/{one}/test")).json() for one in (webhook, email)]
    hook.status, post.refuses = 500, True

    bad = [(await prod.post(f"{PATH}/{one}/test")).json() for one in (webhook, email)]

    assert good == [{"delivered": True, "problem": None}] * 2
    assert bad == [
        {"delivered": False, "problem": "It was answered with HTTP 500."},
        {"delivered": False, "problem": "The mail server did not take it (SMTPRecipientsRefused)."},
    ]
    assert msgspec.json.decode(hook.bodies[0])["data"]["test"] is True
    assert "Subject: Test: 1 run failed" in post.mails[0]


async def test_a_mail_server_that_says_a_letter_now_and_then_is_given_up(
    prod: Api, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MAIL_S", 0.3)
    email = (await make(prod, "email", "ann@example.com"))["id"]
    post.trickles = True

    told = (await prod.post(f"{PATH}/{email}/test")).json()

    assert not told["delivered"]
    assert told["problem"].startswith("The mail server did not take it (SMTP")


async def test_without_a_mail_server_that_is_said(app: App, prod: Api) -> None:
    await make(prod, "email", "ann@example.com")
    server = app.server
    env = next(one for one in server.store.catalog.envs.values() if one.slug == "prod")
    (alert,) = await alerting.list_all(server.store, env)

    bare = replace(server.settings, smtp_url="")

    problem = await sending.test(server.store, server.vault, bare, alert)
    assert problem is not None
    assert "HAIRTRIGGER_SMTP_URL" in problem


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "169.254.169.254",
     "10.0.0.1", "[fd00:ec2::254]", "[fe80::1]"],
)  # fmt: skip
async def test_private_addresses_are_refused_in_every_form(hook: Hook, host: str) -> None:
    port = hook.url.rpartition(":")[2]

    with pytest.raises(NotReached, match=r"private network|could not be reached"):
        await reaching.post(f"http://{host}:{port}", b"", {})

    assert hook.bodies == []
    await reaching.post(hook.url, b"", {}, allow_private=True)


async def test_what_cannot_be_reached_is_said_without_the_url() -> None:
    with pytest.raises(NotReached) as raised:
        await reaching.post("http://127.0.0.1:9/key", b"", {}, allow_private=True)

    assert "key" not in str(raised.value)


async def test_a_version_that_becomes_current_reaches_webhook_and_mail(
    prod: Api, hook: Hook, post: Post, told: Told
) -> None:
    given = {"type": "deployment.succeeded"}
    secret = (await make(prod, "webhook", hook.url + "hook", **given))["secret"]
    await make(prod, "email", "ann@example.com", **given)

    await prod.work("greet")
    await outside.until(lambda: sum(name == "alert.sent" for name, _ in told) == 2)

    event = webhooks.construct_event(hook.bodies[0], hook.headers[0], secret)
    (mail,) = post.mails
    assert event.type == "deployment.succeeded"
    assert event.data["message"] == "It is the first one."
    assert "task" not in event.data
    assert f"Subject: {event.data['version']} is current (prod)" in mail
    assert "/prod/deployments" in mail
