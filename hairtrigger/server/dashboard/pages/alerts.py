"""Alerts: who is told of failures, what became of the last messages, and a test of each."""

from dataclasses import dataclass

from hairtrigger.engine import alerting as engine
from hairtrigger.engine.alerting import Alert, Changes, Told
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
    try:
        made, secret = await engine.create(
            view.store, view.server.vault, view.env, name=form.get("name", ""), kind=form.get("kind", ""),
            channel=form.get("channel", ""), to=form.get("to", "").strip(), tasks=_tasks(form),
            over_ms=_over_ms(form),
        )  # fmt: skip
    except HairtriggerError as error:
        return await _page(view, given=form, problem=str(error), status=error.status)
    if secret:
        return await _page(view, made=made.name, secret=secret)
    return view.go(view.link("alerts"), say=f"{made.name} is made.")


async def edit(view: View) -> Answer:
    """The form of one of them, for those who may change it."""
    assert view.visitor is not None, "a route of visitors"
    view.visitor.demand("change")
    number = view.number("alert", "alert")
    return await _page(view, edited=await engine.retrieve(view.store, view.env, number))


async def change(view: View) -> Answer:
    """Change an alert. Where to stays when the form does not say it: it may be a secret."""
    form, number = await view.form(), view.number("alert", "alert")
    edited = await engine.retrieve(view.store, view.env, number)
    try:
        given = Changes(
            name=form.get("name", ""), kind=form.get("kind"), channel=form.get("channel"),
            to=form.get("to", "").strip() or None, tasks=_tasks(form), over_ms=_over_ms(form),
        )  # fmt: skip
        made, secret = await engine.change(view.store, view.server.vault, view.env, number, given)
    except HairtriggerError as error:
        return await _page(view, given=form, problem=str(error), status=error.status, edited=edited)
    if secret:
        return await _page(view, made=made.name, secret=secret)
    return view.go(view.link("alerts"), say=f"{made.name} is changed.")


def _tasks(form: dict[str, str]) -> list[str]:
    return [name.strip() for name in form.get("tasks", "").split(",") if name.strip()]


def _over_ms(form: dict[str, str]) -> int | None:
    over = form.get("over", "").strip()
    return durations.parse(over, "how long") if over else None


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
    number, server = view.number("alert", "alert"), view.server
    changed, _ = await engine.change(
        server.store, server.vault, view.env, number, Changes(enabled=enabled)
    )
    return view.go(view.link("alerts"), say=f"{changed.name} is {'on' if enabled else 'off'}.")


async def _page(
    view: View, *, given: dict[str, str] | None = None, problem: str = "", status: int = 200,
    made: str = "", secret: str = "", tested: Alert | None = None, problem_of_test: str | None = None,
    edited: Alert | None = None,
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
        edited=edited,
        given=dict.fromkeys(_FIELDS, "") | (given or ({} if edited is None else _filled(edited))),
        problem=problem,
        made=made,
        secret=secret,
        tested=tested,
        problem_of_test=problem_of_test,
        window_minutes=rules.WINDOW_MS // 60_000,
    )  # fmt: skip


def _filled(alert: Alert) -> dict[str, str]:
    """An alert in the words of its form."""
    return {
        "name": alert.name, "kind": alert.kind, "channel": alert.channel,
        "tasks": ", ".join(alert.tasks),
        "over": "" if alert.over_ms is None else durations.to_text(alert.over_ms),
    }  # fmt: skip


_ONE = "/p/{project}/{env}/alerts/{alert}"
ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/alerts", show),
    PageRoute("POST", "/p/{project}/{env}/alerts", create, "admin"),
    PageRoute("GET", _ONE, edit),
    PageRoute("POST", _ONE, change, "admin"),
    PageRoute("POST", _ONE + "/enable", enable, "admin"),
    PageRoute("POST", _ONE + "/disable", disable, "admin"),
    PageRoute("POST", _ONE + "/delete", delete, "admin"),
    PageRoute("POST", _ONE + "/test", test, "admin"),
)
