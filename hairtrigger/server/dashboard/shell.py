"""What stands around every page: who looks, where one is, where one can go, and how the engine is."""

from typing import Any, NamedTuple
from urllib.parse import unquote

from hairtrigger.rules.project import Environment
from hairtrigger.server.api.system import VERSION
from hairtrigger.server.dashboard import words
from hairtrigger.server.requests import Call
from hairtrigger.server.visitors import Visitor


class Place(NamedTuple):
    """An entry of the sidebar: its path under the environment, its icon, its name, and the key after ``g``."""

    path: str
    icon: str
    name: str
    key: str


SECTIONS: tuple[tuple[str, tuple[Place, ...]], ...] = (
    ("", (
        Place("overview", "home", "Overview", "o"),
        Place("runs", "runs", "Runs", "r"),
        Place("errors", "errors", "Errors", "e"),
        Place("logs", "logs", "Logs", "l"),
    )),
    ("Build", (
        Place("tasks", "tasks", "Tasks", "t"),
        Place("schedules", "schedules", "Schedules", "s"),
        Place("queues", "queues", "Queues", "q"),
        Place("batches", "batches", "Batches", "b"),
    )),
    ("Operate", (
        Place("deployments", "deployments", "Deployments", "d"),
        Place("workers", "workers", "Workers", "k"),
        Place("alerts", "alerts", "Alerts", "a"),
        Place("usage", "usage", "Usage", "u"),
    )),
    ("Configure", (
        Place("env", "env", "Environment variables", "v"),
        Place("keys", "key", "API keys", "y"),
    )),
)  # fmt: skip


def context(call: Call, visitor: Visitor | None, env: Environment | None) -> dict[str, Any]:
    """What every template may use, besides its view."""
    server = call.server
    envs = sorted(
        server.store.catalog.envs.values(),
        key=lambda one: (one.project_name, one.slug != "prod", one.slug),
    )
    return {
        "env": env,
        "envs": envs,
        "sections": SECTIONS,
        "numbers": server.pulses.of(env.id).numbers if env is not None else None,
        "visitor": visitor,
        "csrf": visitor.csrf if visitor is not None else "",
        "may_change": visitor is not None and visitor.may("change"),
        "version": VERSION,
        "now": server.store.now(),
        "said": _said(call),
        "signs_in": server.settings.login == "password",
        "words": words,
    }


def _said(call: Call) -> str:
    """A word that the page before left for this one to show."""
    cookies = call.headers.get(b"cookie", b"").decode("latin-1")
    for pair in cookies.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == "ht_say":
            return unquote(value)[:200]
    return ""
