"""Why a run is not running, why it was executed again and how it ended, from the engine's own state.

All of it reads only. The sentences are in ``holdups`` (for runs that are ready) and in ``rules/reasons``.
"""

from dataclasses import dataclass
from difflib import get_close_matches

from hairtrigger.engine import holdups, numbers, queues, runs, waiting, workers
from hairtrigger.engine.holdups import Situation, Waiting
from hairtrigger.engine.numbers import Numbers
from hairtrigger.engine.queues import Queue
from hairtrigger.engine.waiting import Next
from hairtrigger.rules import queues as rates
from hairtrigger.rules import reasons
from hairtrigger.rules.project import Environment
from hairtrigger.rules.reasons import Reason
from hairtrigger.rules.run import Run
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.store import Store, one
from hairtrigger.wire import durations, ids
from hairtrigger.wire.statuses import RELEASES_KEY, LiveState

SHOWN = 3  # runs that are named in a sentence


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run is where it is: the ``reason``; why each earlier hand-out of it was not the last, in their order;
    and what else explains it (``notes``)."""

    run: Run
    reason: Reason
    repeats: list[Reason]
    notes: list[Reason]


async def of_run(store: Store, env: Environment, run: Run) -> Explanation:
    """All that explains a run."""
    failed = await runs.failed_attempts(store, env, run.id)
    return Explanation(run, await _reason(store, env, run), reasons.repeats(failed), _notes(run))


async def why_waiting(store: Store, env: Environment, run: Run) -> str:
    """Why a run does not run now, and what to do, in one line; empty for a run that executes or is over."""
    if run.is_final or (run.state == LiveState.RUNNING):
        return ""
    return (await _reason(store, env, run)).line


def why_next(there: Situation, line: Next) -> dict[int, str]:
    """The sentences for the runs that come next in a queue, by their numbers."""
    return {
        run.id: holdups.of(there, Waiting(run, line.keys.get(run.concurrency_key or ""))).message
        for run in line.runs
    }


async def situation(
    store: Store, env: Environment, queue: Queue, now: Numbers | None = None
) -> Situation:
    """What decides whether a queue's runs may start; ``now`` when it is known already.

    Costs what ``numbers.now`` and ``workers.list_all`` cost.
    """
    instant, catalog = store.now(), store.catalog
    crew = [one for one in await workers.list_all(store, env) if one.lease_until > instant]
    current = catalog.current_of(env.id)
    return Situation(
        env=catalog.envs[env.id],
        now=now if now is not None else await numbers.now(store, env.id),
        queue=queue,
        crew=crew,
        versions={one.name: one for one in catalog.versions.values() if one.env == env.id},
        current=None if current is None else current.name,
        starts_at=await _next_start(store, queue, instant),
    )


async def _next_start(store: Store, queue: Queue, now: int) -> int | None:
    """When (ms) the queue's rate lets a run start again; None when it does now."""
    if queue.rate is None:
        return None
    rows = await store.read(one("slots_of", [queue.id]), quick=True)
    _, _, tokens, tokens_at = rows[0] if rows else (queue.id, 0, 0, 0)
    count, per_ms = queue.rate.count, queue.rate.per_ms
    tokens, tokens_at = rates.refill(tokens, tokens_at, now, count=count, per_ms=per_ms)
    at = rates.next_start(tokens, tokens_at, count=count, per_ms=per_ms)
    return at if at > now else None


async def _reason(store: Store, env: Environment, run: Run) -> Reason:
    if run.is_final:
        _, parent, _ = await runs.relations(store, env, run)
        return reasons.ended(run, parent)
    match LiveState(run.state or 0):
        case LiveState.DELAYED:
            return await _later(store, env, run)
        case LiveState.READY:
            return await _ready(store, env, run)
        case LiveState.RUNNING:
            return _executing(run)
        case LiveState.HELD:
            return _held(store.catalog, env, run)
        case LiveState.WAITING:
            return await _waiting(store, env, run)
        case LiveState.RESUMABLE:
            return Reason(
                "resumable", "What it waited for is there: a free worker goes on with it."
            )


def _executing(run: Run) -> Reason:
    worker = ids.public("worker", run.worker) if run.worker else "a worker"
    tries = f"attempt {run.attempt} of {run.max_attempts}"
    if run.status == "CANCELED":
        return Reason("canceling", f"Canceled: {worker} has been told to stop {tries}.")
    return Reason("executing", f"Executes as {tries} on {worker}.", at=run.started_at)


async def _later(store: Store, env: Environment, run: Run) -> Reason:
    """A run that is delayed, debounced, or waits for its next attempt."""
    at = run.due_at or 0
    if run.fence:
        tries = f"{run.attempt} of {run.max_attempts}"
        message = f"Attempt {tries} did not end it, and it tries again at {durations.iso(at)}."
        return Reason("retrying", message, at=at)
    key = run.options.debounce_key
    if key is None:
        return Reason("delayed", f"Waits until {durations.iso(at)}, as it was triggered.", at=at)
    task = store.catalog.task(env.id, run.task)
    rows = await store.read(one("debounced", env.id, task.id if task else 0, key), quick=True)
    latest = f", {durations.iso(rows[0][1])} at the latest" if rows else ""
    message = (
        f"Debounced under the key {key}: starts at {durations.iso(at)} unless it is triggered again "
        f"before; then later{latest}."
    )
    return Reason("debounced", message, at=at)


def _held(catalog: Catalog, env: Environment, run: Run) -> Reason:
    """A run that no known version of the code can run."""
    current = catalog.current_of(env.id)
    code = catalog.version(env.id, run.version) if run.version else current
    if code is not None and run.task in code.tasks:
        return Reason(
            "undeclared_queue", f"Waits for its queue {run.queue}, which no version declares.",
            "Declare it with queue() in the code of a worker, or cancel the run.",
        )  # fmt: skip
    if run.version is not None:
        return Reason(
            "version_lacks_task", f"There is no task {run.task} in its version {run.version}.",
            "Cancel the run, and trigger it without a version.",
        )  # fmt: skip
    had = [one for one in catalog.versions.values() if one.env == env.id and run.task in one.tasks]
    if current is not None and had:
        last = max(had, key=lambda one: one.created_at).name
        return Reason(
            "task_removed", f"The current version {current.name} has no task {run.task}: {last} was the last with it.",
            "Start a worker whose code has it, or cancel the run.",
        )  # fmt: skip
    known = [] if current is None else get_close_matches(run.task, list(current.tasks), n=1)
    guess = f" Did you mean {known[0]}?" if known else ""
    message = f"Waits for a version that has the task {run.task}: none ever had."
    return Reason("unknown_task", message, f"Start a worker whose code has it.{guess}")


async def _waiting(store: Store, env: Environment, run: Run) -> Reason:
    _, _, children = await runs.relations(store, env, run)
    open_ = [child for child in children if not child.is_final]
    if not open_:
        return Reason("waitpoint", "Waits for a waitpoint to be completed.")
    named = ", ".join(f"{ids.public('run', one.id)} ({one.task})" for one in open_[:SHOWN])
    rest = f" and {len(open_) - SHOWN:,} more" if len(open_) > SHOWN else ""
    return Reason(
        "children", f"Waits for {len(open_):,} runs that it triggered: {named}{rest}.",
        "Ask why those wait.",
    )  # fmt: skip


async def _ready(store: Store, env: Environment, run: Run) -> Reason:
    queue = await queues.retrieve(store, env, run.queue)
    key = None
    if queue.limit is not None:
        key = await waiting.key_of(store, queue.id, run.concurrency_key or "")
    return holdups.of(await situation(store, env, queue), Waiting(run, key))


def _notes(run: Run) -> list[Reason]:
    """Where it came from, as far as that explains how often a task ran."""
    found = []
    if run.options.replay_of is not None:
        again = ids.public("run", run.options.replay_of)
        found.append(Reason("replay", f"It is a replay of {again}, a run of its own."))
    key = run.options.key_options.key if run.options.key_options else run.options.idempotency_key
    if key is not None and (run.key_released or run.final in RELEASES_KEY):
        message = (
            f"Its idempotency key {key} is free again: the next trigger with it makes a new run."
        )
        found.append(Reason("key_released", message))
    elif key is not None:
        message = (
            f"It holds the idempotency key {key}: further triggers of {run.task} with it are answered "
            "with this run and make none, until it fails or the key expires."
        )
        fix = "Free it with idempotency_keys.reset(), or on the run's page."
        found.append(Reason("idempotency_key", message, fix))
    return found
