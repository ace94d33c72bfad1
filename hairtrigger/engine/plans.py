"""The organisation's plan: which it is, what it allows, what of it is used, and how it is changed."""

from collections import Counter
from dataclasses import dataclass, replace

from hairtrigger.engine import queues
from hairtrigger.rules import plans
from hairtrigger.rules.plans import DAY_MS, ORGANIZATION, Month, Name, Numbers, Plan
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, each, fetch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit

TITLE = "My organisation"


@dataclass(frozen=True, slots=True)
class Executing:
    """How many runs of an environment execute now, and how many may, by its plan and its own limit."""

    env: Environment
    running: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What of a plan is used in a month. ``days``: the runs of each of its days, in their order."""

    plan: Plan
    month: Month
    days: list[int]
    executing: list[Executing]

    @property
    def runs(self) -> int:
        """Made in the month."""
        return sum(self.days)

    @property
    def percentage(self) -> float | None:
        """Of the limit; None without one."""
        return plans.percentage(self.runs, self.plan.runs)

    @property
    def warning(self) -> str | None:
        """What to say from 80 percent on."""
        return plans.warning(self.runs, self.plan.runs)

    @property
    def running(self) -> int:
        """Executing now, in all environments."""
        return sum(one.running for one in self.executing)


async def usage(store: Store) -> Usage:
    """What the organisation used of this month, all of one instant."""
    month = plans.month_of(store.now())
    return await store.with_catalog(lambda catalog: usage_of(catalog, month))


def usage_of(catalog: Catalog, month: Month) -> Steps[Usage]:
    """The same, of any month."""
    found: dict[int, int] = dict(
        (yield fetch("usage_by_day", ORGANIZATION, month.begin, month.end))
    )
    days = [found.get(month.begin + number * DAY_MS, 0) for number in range(month.days)]
    running: dict[int, int] = dict((yield fetch("running_by_env")))
    envs = sorted(catalog.envs.values(), key=lambda one: (one.project_name, one.slug))
    executing = [Executing(env, running.get(env.id, 0), env.limit.most) for env in envs]
    return Usage(catalog.plan, month, days, executing)


def gather_days(now: int) -> Steps[None]:
    """Let each day that is long over have one row: connections had their own, and many may have come and gone."""
    counted = Counter[tuple[int, int]]()
    for organization, day, runs in (yield fetch("take_shards", now - now % DAY_MS - DAY_MS)):
        counted[organization, day] += runs
    if counted:
        yield each("put_day", [(*key, runs) for key, runs in sorted(counted.items())])


async def open_organization(store: Store, initial: str, numbers: Numbers) -> None:
    """Make the organisation of a fresh database, on its first plan; in one that has it, let plans have these
    numbers, on every server.

    Raises:
        BadRequest: there is no such plan.
    """
    name = plans.check(initial)

    def steps(catalog: Catalog, now: int) -> Steps[None]:
        if not (yield fetch("organization")):
            rest = _numbers(numbers)
            yield fetch("found_organization", ORGANIZATION, TITLE, name, now, *rest)
            yield from _bound(catalog, name, numbers)
        elif catalog.plan_numbers != numbers:
            yield from _change(catalog, catalog.plan.name, numbers, now)

    await store.change(steps, lanes=None)


async def change(store: Store, name: Name, *, by: str) -> Plan:
    """Put the organisation on another plan, from now on and for what waits too. What runs goes on; runs of this
    month that were made before count.

    Costs a statement for each queue when a limit of what runs at once begins or ends.

    Args:
        by: Who does it, for the event.
    """
    before: list[Plan] = []

    def steps(catalog: Catalog, now: int) -> Steps[None]:
        before[:] = [catalog.plan]
        if catalog.plan.name != name:
            if not (yield fetch("organization")):  # a database that no server has opened yet
                rest = _numbers(catalog.plan_numbers)
                yield fetch("found_organization", ORGANIZATION, TITLE, name, now, *rest)
            yield from _change(catalog, name, catalog.plan_numbers, now)

    await store.change(steps, lanes=None)
    if before[0].name != name:
        emit("plan.changed", plan=name, before=before[0].name, by=by)
    return store.catalog.plan


def _change(catalog: Catalog, name: Name, numbers: Numbers, now: int) -> Steps[None]:
    yield fetch("change_plan", ORGANIZATION, name, now, *_numbers(numbers))
    yield from _bound(catalog, name, numbers)


def _bound(catalog: Catalog, name: Name, numbers: Numbers) -> Steps[None]:
    """Let a plan bound every environment."""
    catalog.plan, catalog.plan_numbers = plans.plan_of(name, numbers), numbers
    for env in list(catalog.envs.values()):
        limit = replace(env.limit, plan=catalog.plan.concurrency)
        yield from queues.bound(catalog, env.id, limit)


def _numbers(of: Numbers) -> tuple[int, int, int, int]:
    return of.free_runs, of.free_concurrency, of.pro_runs, of.pro_concurrency
