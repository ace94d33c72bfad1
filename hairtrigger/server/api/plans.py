"""The organisation's plan and what is used of it this month. A path of our own."""

import msgspec

from hairtrigger.engine import plans as engine
from hairtrigger.engine.plans import Executing, Usage
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations


class PlanObject(msgspec.Struct, rename="camel"):
    """A plan as it is in force; a limit that is null is none."""

    name: str
    price: str
    support: str
    runs_limit: int | None
    concurrency_limit: int | None


class EnvironmentUse(msgspec.Struct, rename="camel"):
    """What executes in an environment now, and how much may."""

    project: str
    environment: str
    running: int
    limit: int | None


class RunsUsed(msgspec.Struct, rename="camel"):
    """Runs made this month. ``days`` are those of each of its days, in UTC."""

    count: int
    limit: int | None
    percentage: float | None
    remaining: int | None
    days: list[int]


class UsageObject(msgspec.Struct, rename="camel"):
    """What is used of the organisation's plan. ``warning`` is there from 80 percent on."""

    plan: PlanObject
    period_start: str
    resets_at: str
    runs: RunsUsed
    running: int
    environments: list[EnvironmentUse]
    warning: str | None


async def usage(call: Call) -> Answer:
    """What the organisation used of its plan this month, in all its environments."""
    return answers.json(shown(await engine.usage(call.server.store)))


def shown(found: Usage) -> UsageObject:
    """Usage as the API shows it."""
    plan, made = found.plan, found.runs
    return UsageObject(
        plan=PlanObject(plan.name, plan.price, plan.support, plan.runs, plan.concurrency),
        period_start=durations.iso(found.month.begin),
        resets_at=durations.iso(found.month.end),
        runs=RunsUsed(
            made, plan.runs, found.percentage,
            None if plan.runs is None else max(0, plan.runs - made), found.days,
        ),
        running=found.running,
        environments=[_executing(one) for one in found.executing],
        warning=found.warning,
    )  # fmt: skip


def _executing(one: Executing) -> EnvironmentUse:
    return EnvironmentUse(one.env.project_ref, one.env.slug, one.running, one.limit)


ROUTES = (Route("GET", "/api/v1/usage", usage, "secret", returns=UsageObject),)
