"""Alerts: who is told of failures, what became of the last messages, and a test of each."""

from dataclasses import dataclass

from hairtrigger.engine import alerting as engine
from hairtrigger.engine.alerting import Alert, Told
from hairtrigger.errors import HairtriggerError
from hairtrigger.rules import alerts as rules
from hairtrigger.server import sending
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import durations, ids

KINDS = {
    "run.failed": "a run fails",
    "error.new": "a run fails with a new error",
    "error.returned": "a resolved error comes back",
    "deployment.succeeded": "a version becomes current",
    "deployment.failed": "a version is refused",
    "queue.latency": "a run waits for too long",
}
CHANNELS = {"slack": "Slack", "webhook": "Signed webhook", "email": "Email"}

_FIELDS = ("name", "kind", "tasks", "channel", "to", "over")


@dataclass(frozen=True, slots=True)
class Row:
    """An alert and its last messages."""

    alert: Alert
    id: str
    when: str
    told: list[Told]


async def show(view: View) -> Answer:
    """All alerts of the environment."""
    return await _page(view)


async def create(view: View) -> Answer:
    """Make an alert. The secret of a webhook stands in this answer only."""
    form = await view.form()
    over = form.get("over", "").strip()
    names = [name.strip() for name in form.get("tasks", "").split(",") if name.strip()]
    try:
        made, secret = await engine.create(
            view.store, view.server.vault, view.env, name=form.get("name", "").strip(),
            kind=form.get("kind", ""), channel=form.get("channel", ""), to=form.get("to", "").strip(),
            tasks=names, over_ms=durations.parse(over, "how long") if over else None,
        )  # fmt: skip
    except HairtriggerError as error:
        return await _page(view, given=form, problem=str(error), status=error.status)
    if secret:
        return await _page(view, made=made.name, secret=secret)
    return view.go(view.link("alerts"), say=f"{made.name} is made.")


async def enable(view: View) -> Answer:
    """Let an alert tell again."""
    return await _switch(view, enabled=True)


async def disable(view: View) -> Answer:
    """Let an alert tell nothing."""
    return await _switch(view, enabled=False)


async def delete(view: View) -> Answer:
    """Delete an alert, with what it still had to tell."""
    await engine.delete(view.store, view.env, view.number("alert", "alert"))
    return view.go(view.link("alerts"), say="The alert is deleted.")


async def test(view: View) -> Answer:
    """Send a test now, and show what became of it."""
    server = view.server
    alert = await engine.retrieve(view.store, view.env, view.number("alert", "alert"))
    problem = await sending.test(server.store, server.vault, server.settings, alert)
    return await _page(view, tested=alert, problem_of_test=problem)


async def _switch(view: View, *, enabled: bool) -> Answer:
    changed = await engine.switch(
        view.store, view.env, view.number("alert", "alert"), enabled=enabled
    )
    return view.go(view.link("alerts"), say=f"{changed.name} is {'on' if enabled else 'off'}.")


async def _page(
    view: View, *, given: dict[str, str] | None = None, problem: str = "", status: int = 200,
    made: str = "", secret: str = "", tested: Alert | None = None, problem_of_test: str | None = None,
) -> Answer:  # fmt: skip
    found = await engine.list_all(view.store, view.env)
    return view.page(
        "pages/alerts.html",
        status=status,
        found=[
            Row(
                one, ids.public("alert", one.id), KINDS[one.kind], await engine.last_told(view.store, one)
            )
            for one in found
        ],
        kinds=KINDS,
        channels=CHANNELS,
        given=dict.fromkeys(_FIELDS, "") | (given or {}),
        problem=problem,
        made=made,
        secret=secret,
        tested=tested,
        problem_of_test=problem_of_test,
        window_minutes=rules.WINDOW_MS // 60_000,
    )  # fmt: skip


_ONE = "/p/{project}/{env}/alerts/{alert}"
ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/alerts", show),
    PageRoute("POST", "/p/{project}/{env}/alerts", create, "admin"),
    PageRoute("POST", _ONE + "/enable", enable, "admin"),
    PageRoute("POST", _ONE + "/disable", disable, "admin"),
    PageRoute("POST", _ONE + "/delete", delete, "admin"),
    PageRoute("POST", _ONE + "/test", test, "admin"),
)
