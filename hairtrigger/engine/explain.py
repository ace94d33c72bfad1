"""Why a run is not running now, in a sentence, from the engine's own state."""

from dataclasses import dataclass

from hairtrigger.engine import numbers, queues, waiting
from hairtrigger.engine.numbers import Numbers
from hairtrigger.engine.queues import Queue
from hairtrigger.engine.waiting import Key, Next
from hairtrigger.errors import NotFound
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.store.store import Store
from hairtrigger.wire import durations


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether a queue's runs may start: the environment at this moment, and the queue."""

    env: Environment
    now: Numbers
    queue: Queue


async def why_waiting(store: Store, env: Environment, run: Run) -> str:
    """The sentence; empty for a run that executes or is over."""
    match run.status:
        case "DELAYED":
            return f"Waits until {durations.iso(run.due_at or 0)}, as it was triggered."
        case "PENDING_VERSION":
            return f"Waits for a version that has the task {run.task}. A worker with it brings it."
        case "WAITING":
            return "Waits for other runs, or for a waitpoint."
        case "EXECUTING" if run.due_at is not None:
            return f"Failed, and tries again at {durations.iso(run.due_at)}."
        case "QUEUED":
            return await _queued(store, env, run)
    return ""


def why_next(of: Situation, line: Next) -> dict[int, str]:
    """The sentences for the runs that come next in a queue, by their numbers."""
    return {
        run.id: _reason(of, run.concurrency_key, line.keys.get(run.concurrency_key or ""))
        for run in line.runs
    }


async def _queued(store: Store, env: Environment, run: Run) -> str:
    now = await numbers.now(store, env.id)
    try:
        queue = await queues.retrieve(store, env, run.queue)
    except NotFound:
        return "Waits for its queue to be declared by a worker."
    key = None
    if queue.limit is not None:
        key = await waiting.key_of(store, queue.id, run.concurrency_key or "")
    return _reason(Situation(env, now, queue), run.concurrency_key, key)


def _reason(of: Situation, key_name: str | None, key: Key | None) -> str:
    """Why one run of a queue waits; ``key`` is what is counted of its concurrency key."""
    now, queue, bound = of.now, of.queue, of.env.limit.limit
    name = queue.name
    if not now.workers:
        return f"No worker of {of.env.slug} is online: start one with `hairtrigger worker`."
    if queue.paused:
        return f"The queue {name} is paused; {queue.queued:,} wait in it."
    if queue.limit is not None and key is not None and key.running >= queue.limit:
        where = f"the queue {name}"
        if key_name is not None:
            where = f"the concurrency key {key_name} of {where}"
        others = max(key.queued - 1, 0)
        return f"{key.running:,} of {queue.limit:,} running in {where}, {others:,} others wait."
    if queue.total_limit is not None and queue.running >= queue.total_limit:
        return (
            f"{queue.running:,} of {queue.total_limit:,} running over all keys of {name}, "
            f"{max(queue.queued - 1, 0):,} others wait."
        )
    if bound is not None and now.running >= bound * of.env.limit.burst // 100:
        most = bound * of.env.limit.burst // 100
        return f"{now.running:,} of {most:,} running in the environment {of.env.slug}."
    if bound is not None and queue.running >= bound:
        return f"{queue.running:,} of {bound:,} running: no queue of {of.env.slug} may run more."
    if now.running >= now.slots:
        return f"All {now.slots:,} slots of {now.workers:,} workers are busy; {now.queued:,} runs wait."
    if queue.rate is not None:
        per = durations.to_text(queue.rate.per_ms)
        return f"The queue {name} starts {queue.rate.count:,} runs in {per} at most."
    return "Ready: the next free worker takes it."
