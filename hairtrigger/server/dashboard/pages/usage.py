"""What the organisation used of its plan this month, what executes now, and another plan."""

from datetime import UTC, datetime

from hairtrigger.engine import plans as engine
from hairtrigger.engine.plans import Usage
from hairtrigger.rules import plans as rules
from hairtrigger.rules.plans import DAY_MS
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import graphics
from hairtrigger.server.dashboard.graphics import Column
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View


async def show(view: View) -> Answer:
    """The month against the plan."""
    found = await engine.usage(view.store)
    columns = _columns(found, view.store.now())
    numbers = view.store.catalog.plan_numbers
    return view.page(
        "pages/usage.html", found=found, drawn=columns, top=graphics.top(columns),
        plans=[rules.plan_of(name, numbers) for name in rules.NAMES],
    )  # fmt: skip


def _columns(found: Usage, now: int) -> list[Column]:
    """A column for each day of the month."""
    columns = []
    for number, runs in enumerate(found.days):
        at = found.month.begin + number * DAY_MS
        said = f"{datetime.fromtimestamp(at / 1_000, UTC):%d %B}: {runs:,}"
        columns.append(Column(said, [("run", runs)], open=at <= now < at + DAY_MS))
    return columns


async def change(view: View) -> Answer:
    """Put the organisation on another plan."""
    name = rules.check(view.call.params["plan"])
    await view.form()  # it has to be one, or another origin could send it
    by = view.visitor.user.email if view.visitor is not None else "somebody"
    await engine.change(view.store, name, by=by)
    return view.go(view.link("usage"), say=f"The plan is {name}.")


_PATH = "/p/{project}/{env}/usage"
ROUTES = (
    PageRoute("GET", _PATH, show),
    PageRoute("POST", _PATH + "/plan/{plan}", change, "admin"),
)
