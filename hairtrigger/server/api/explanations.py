"""Why a run is not running, why it was executed again, how it ended: in sentences, each with a stable code."""

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.engine import explain as engine
from hairtrigger.rules.reasons import Reason
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import runs
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids


class ReasonObject(msgspec.Struct, kw_only=True):
    """``message`` says why, ``fix`` what to do, ``at`` is the instant that it is about."""

    code: str
    message: str
    fix: str | UnsetType = UNSET
    at: str | UnsetType = UNSET


class ExplanationObject(msgspec.Struct, rename="camel", kw_only=True):
    """``reason``: why the run is where it is. ``repeats``: why each earlier hand-out was not the last."""

    id: str
    status: str
    task_identifier: str
    queue: str
    created_at: str
    attempt_count: int
    max_attempts: int
    reason: ReasonObject
    repeats: list[ReasonObject]
    notes: list[ReasonObject]


async def explain(call: Call) -> Answer:
    """Why a run is not running, why it was executed again, or how it ended, and what to do."""
    run = await runs.readable(call, call.number("run", "run"))
    found = await engine.of_run(call.server.store, call.caller.env, run)
    shown = ExplanationObject(
        id=ids.public("run", run.id),
        status=run.status,
        task_identifier=run.task,
        queue=run.queue,
        created_at=durations.iso(run.created_at),
        attempt_count=run.attempt,
        max_attempts=run.max_attempts,
        reason=_reason(found.reason),
        repeats=[_reason(one) for one in found.repeats],
        notes=[_reason(one) for one in found.notes],
    )
    return answers.json(shown)


def _reason(one: Reason) -> ReasonObject:
    return ReasonObject(
        code=one.code,
        message=one.message,
        fix=one.fix or UNSET,
        at=UNSET if one.at is None else durations.iso(one.at),
    )


ROUTES = (
    Route(
        "GET", "/api/v1/runs/{run}/explanation", explain, "token", (auth.READ_RUN,), browsers=True,
        returns=ExplanationObject,
    ),
)  # fmt: skip
