"""Alerts going out: what is due is worded, signed and sent; what became of it is written down."""

import asyncio
import contextlib
import smtplib
import socket
import ssl
import threading
import time
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from hairtrigger.engine import alerting
from hairtrigger.engine.alerting import Alert, Delivery, Target
from hairtrigger.engine.projects import Vault
from hairtrigger.errors import HairtriggerError
from hairtrigger.rules import alerts as rules
from hairtrigger.rules.project import Environment
from hairtrigger.server import reaching
from hairtrigger.server.reaching import NotReached
from hairtrigger.server.settings import Settings
from hairtrigger.store.store import Store
from hairtrigger.wire import durations, ids, webhooks

LOOK_MS = 1_000
MAIL_S = 30.0  # that the whole conversation with a mail server may take
_BECAME = {
    "deployment.succeeded": "is current",
    "deployment.failed": "was refused",
    rules.LATENCY: "keeps runs waiting",
}
_TRIED = dict.fromkeys(_BECAME, "20260101.1") | {rules.LATENCY: "a-queue"}  # what tests name
_WORDS = {
    "run.failed": ("run failed", "runs failed"),
    "error.new": ("run failed with a new error", "runs failed with new errors"),
    "error.returned": (
        "run failed with an error that was resolved",
        "runs failed with errors that were resolved",
    ),
}


async def deliver(store: Store, vault: Vault, settings: Settings) -> int:
    """Send what is due; answers ms until the next call."""
    claimed = await alerting.claim(store)

    async def send(alert: Alert, delivery: Delivery) -> None:
        env = store.catalog.envs[alert.env]
        number = ids.public("delivery", delivery.id)
        problem = await _sent(alert, vault, settings, number, _event(env, alert, delivery))
        await alerting.settle(store, alert, delivery, problem)

    await asyncio.gather(*(send(*one) for one in claimed))
    return 0 if len(claimed) == alerting.CLAIM else LOOK_MS


async def test(store: Store, vault: Vault, settings: Settings, alert: Alert) -> str | None:
    """Send a test now; answers why it did not arrive, or None."""
    now = store.now()
    what = _TRIED.get(alert.kind, "a-task")
    trial = Delivery(
        store.make_id(), alert.id, alert.env, alert.tasks[0] if alert.tasks else what, 1, now, now,
        store.make_id(), "", "TestError", "This is a test. Nothing has failed.", now, 1,
    )  # fmt: skip
    event = _event(store.catalog.envs[alert.env], alert, trial)
    event["data"]["test"] = True
    return await _sent(alert, vault, settings, ids.public("delivery", trial.id), event)


async def _sent(
    alert: Alert, vault: Vault, settings: Settings, number: str, event: dict[str, Any]
) -> str | None:
    try:
        target = alert.open(vault)
        if alert.channel == "email":
            await _mail(settings, target, number, event)
        else:
            await _post(alert.channel, settings, target, number, event)
    except HairtriggerError as error:
        return str(error)
    return None


def _event(env: Environment, alert: Alert, what: Delivery) -> dict[str, Any]:
    """The same for every try: what is told is decided."""
    data: dict[str, Any] = {
        "alert": alert.name, "project": env.project_ref, "environment": env.slug,
    }  # fmt: skip
    if not rules.is_of_runs(alert.kind):
        subject = "queue" if alert.kind == rules.LATENCY else "version"
        data |= {subject: what.task, "message": what.message}
    else:
        data |= {
            "task": what.task, "failures": what.failures, "firstAt": durations.iso(what.first_at),
            "lastAt": durations.iso(what.last_at), "lastRun": ids.public("run", what.run),
            "error": {"fingerprint": what.fingerprint, "type": what.type, "message": what.message},
        }  # fmt: skip
    return {"type": alert.kind, "timestamp": durations.iso(what.last_at), "data": data}


def headline(event: dict[str, Any]) -> str:
    """``2 runs failed: send-mail (prod)``."""
    data = event["data"]
    test = "Test: " if data.get("test") else ""
    if event["type"] in _BECAME:
        subject = data.get("version") or data["queue"]
        return f"{test}{subject} {_BECAME[event['type']]} ({data['environment']})"
    count = data["failures"]
    said = _WORDS[event["type"]][count != 1]
    return f"{test}{count:,} {said}: {data['task']} ({data['environment']})"


def _text(settings: Settings, event: dict[str, Any]) -> str:
    data = event["data"]
    if event["type"] in _BECAME:
        page, facts = "deployments" if "version" in data else "queues", [data["message"]]
        last = [f"Alert: {data['alert']}"]
    else:
        error = data["error"]
        page, facts = f"runs/{data['lastRun']}", [f"{error['type']}: {error['message']}"]
        last = [
            f"Last run: {data['lastRun']}", f"Last failure: {data['lastAt']}", f"Alert: {data['alert']}",
        ]  # fmt: skip
    link = []
    if settings.public_url:
        place = f"p/{data['project']}/{data['environment']}/{page}"
        link = [f"{settings.public_url.rstrip('/')}/{place}"]
    return "\n".join([headline(event), "", *facts, "", *link, *last])


async def _post(
    channel: str, settings: Settings, target: Target, number: str, event: dict[str, Any]
) -> None:
    headers = {"content-type": "application/json", "user-agent": "Hairtrigger"}
    if channel == "slack":
        text = _text(settings, event)
        for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(char, entity)
        body = msgspec.json.encode({"text": text})
    else:
        body = msgspec.json.encode(event)
        now_s = int(time.time())
        headers |= {
            webhooks.ID: number, webhooks.TIMESTAMP: str(now_s),
            webhooks.SIGNATURE: webhooks.sign(target.secret, number, now_s, body),
        }  # fmt: skip
    await reaching.post(target.to, body, headers, allow_private=settings.alerts_allow_private)


async def _mail(settings: Settings, target: Target, number: str, event: dict[str, Any]) -> None:
    if not settings.smtp_url or not settings.smtp_from:
        raise NotReached(
            "This server sends no email: set HAIRTRIGGER_SMTP_URL and HAIRTRIGGER_SMTP_FROM."
        )
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.smtp_from, target.to
    mail["Subject"] = " ".join(headline(event).split())
    mail["Message-ID"] = f"<{number}@{settings.smtp_from.rpartition('@')[2].rstrip('>')}>"
    mail.set_content(_text(settings, event))
    try:
        await asyncio.to_thread(_hand_over, settings.smtp_url, mail)
    except (OSError, ValueError, smtplib.SMTPException) as error:
        raise NotReached(f"The mail server did not take it ({type(error).__name__}).") from None


class _Post(smtplib.SMTP):
    """A conversation that is cut off when all of it takes too long: its timeout is one of each answer, which a server
    that says a letter now and then never meets."""

    def __init__(self, *args: Any, **given: Any) -> None:
        self._end = threading.Timer(MAIL_S, self._cut_off)
        self._end.daemon = True
        self._end.start()
        super().__init__(*args, **given)

    def _cut_off(self) -> None:
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._end.cancel()
        super().close()


class _TlsPost(_Post, smtplib.SMTP_SSL):
    """The same, encrypted from the first word on."""


def _hand_over(url: str, mail: EmailMessage) -> None:
    parts = urlsplit(url)
    host, secure = parts.hostname or "localhost", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = _TlsPost(
            host, parts.port or 465, timeout=reaching.TIMEOUT_S, context=secure
        )
    else:
        server = _Post(host, parts.port or 25, timeout=reaching.TIMEOUT_S)
    with server:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=secure)
            server.ehlo()
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(mail)
