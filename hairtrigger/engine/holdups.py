"""What holds up a run that is ready: workers, its queue, limits, slots; asked in the order in which a claim does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hairtrigger.engine.numbers import Numbers
from hairtrigger.engine.queues import Queue
from hairtrigger.engine.waiting import Key
from hairtrigger.engine.workers import Session
from hairtrigger.rules.project import Environment
from hairtrigger.rules.reasons import Reason
from hairtrigger.rules.run import Run
from hairtrigger.store.catalog import VersionEntry
from hairtrigger.wire import durations


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether a queue's runs may start. ``crew`` are the sessions whose lease is not over,
    ``versions`` the environment's by name, ``current`` the name of the one that runs now; ``starts_at`` (ms) is
    when the queue's rate lets the next run start, None when nothing bars it."""

    env: Environment
    now: Numbers
    queue: Queue
    crew: Sequence[Session]
    versions: dict[str, VersionEntry]
    current: str | None
    starts_at: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ready run of that queue; ``key`` is what is counted of its concurrency key."""

    run: Run
    key: Key | None


def of(there: Situation, one: Waiting) -> Reason:
    """What holds up one run, or that nothing does."""
    for look in _LOOKS:
        found = look(there, one)
        if found is not None:
            return found
    return Reason("next", "Ready: the next free worker takes it.")


def _crew(there: Situation, one: Waiting) -> Reason | None:
    """Whether anybody could take it."""
    slug, run = there.env.slug, one.run
    if not there.crew:
        command = "hairtrigger dev" if there.env.is_development else "hairtrigger worker"
        return Reason(
            "no_worker", f"No worker of {slug} is online.", f"Start one with `{command}`."
        )
    wanted = run.version or there.current
    code = there.versions.get(wanted or "")
    online = ", ".join(sorted({session.version for session in there.crew})[:3])
    if code is not None and run.task not in code.tasks:
        which = "its version" if run.version else "the current version"
        return Reason(
            "version_lacks_task", f"There is no task {run.task} in {which} {wanted}.",
            "Start a worker whose code has it, or cancel the run.",
        )  # fmt: skip
    able = [session for session in there.crew if session.version == wanted]
    if not able and run.version:
        return Reason(
            "no_worker_of_version",
            f"Bound to the version {wanted}, which no worker runs: those online run {online}.",
            f"Start a worker of {wanted}, or cancel the run and trigger it without a version.",
        )
    if not able:
        return Reason(
            "no_worker_of_version",
            f"The current version is {wanted}, and the workers online run {online}.",
            f"Start a worker of {wanted}.",
        )
    if not _serving(there, one):
        served = sorted({name for session in able for name in session.queues or ()})
        return Reason(
            "no_worker_for_queue",
            f"No worker online serves the queue {run.queue}: they serve {', '.join(served[:5])}.",
            f"Start one with `hairtrigger worker --queue {run.queue}`, or without --queue.",
        )
    return None


def _serving(there: Situation, one: Waiting) -> list[Session]:
    """The sessions that take this run when they have room."""
    wanted = one.run.version or there.current
    return [
        session for session in there.crew
        if session.version == wanted and (session.queues is None or one.run.queue in session.queues)
    ]  # fmt: skip


def _pause(there: Situation, _: Waiting) -> Reason | None:
    queue = there.queue
    if not queue.paused:
        return None
    message = f"The queue {queue.name} is paused; {queue.queued:,} wait in it."
    said = queue.pause
    if said is not None and (said.by or said.note):
        by = f" by {said.by}" if said.by else ""
        message += f" Paused{by}" + (f": {said.note}." if said.note else ".")
    fix = f"Resume it with `hairtrigger queues resume {queue.full_name}`."
    return Reason("queue_paused", message, fix, said.at if said is not None else None)


def _limit(there: Situation, one: Waiting) -> Reason | None:
    """The limit for each concurrency key, which is that of the queue for runs without one."""
    queue, key = there.queue, one.key
    raise_it = f"Wait, or raise it with `hairtrigger queues limit {queue.full_name} N`."
    if queue.limit == 0:
        return Reason("queue_limit", f"The queue {queue.name} has a limit of 0.", raise_it)
    if queue.limit is None or key is None or key.running < queue.limit:
        return None
    code, where = "queue_limit", f"the queue {queue.name}"
    if one.run.concurrency_key is not None:
        code, where = "key_limit", f"the concurrency key {one.run.concurrency_key} of {where}"
    others = max(key.queued - 1, 0)
    message = f"{key.running:,} of {queue.limit:,} running in {where}, {others:,} others wait."
    return Reason(code, message, raise_it)


def _total_limit(there: Situation, _: Waiting) -> Reason | None:
    queue = there.queue
    if queue.total_limit is None or queue.running < queue.total_limit:
        return None
    message = (
        f"{queue.running:,} of {queue.total_limit:,} running over all keys of {queue.name}, "
        f"{max(queue.queued - 1, 0):,} others wait."
    )
    return Reason("total_limit", message, "Wait, or raise total_limit in the code.")


def _rate(there: Situation, _: Waiting) -> Reason | None:
    queue, at = there.queue, there.starts_at
    if queue.rate is None or at is None:
        return None
    per = durations.to_text(queue.rate.per_ms)
    message = (
        f"The queue {queue.name} starts {queue.rate.count:,} runs in {per} at most: the next at "
        f"{durations.iso(at)}, {queue.queued:,} wait."
    )
    return Reason("rate_limit", message, "Wait, or raise rate_limit in the code.", at)


def _environment(there: Situation, _: Waiting) -> Reason | None:
    bound, now, queue = there.env.limit.limit, there.now, there.queue
    if bound is None:
        return None
    slug, fix = there.env.slug, "Wait, or raise it with `hairtrigger queues environment --limit N`."
    most = bound * there.env.limit.burst // 100
    if now.running >= most:
        message = f"{now.running:,} of {most:,} running in the environment {slug}."
        return Reason("environment_limit", message, fix)
    if queue.running >= bound:
        message = f"{queue.running:,} of {bound:,} running: no queue of {slug} may run more."
        return Reason("environment_limit", message, fix)
    return None


def _slots(there: Situation, one: Waiting) -> Reason | None:
    able = _serving(there, one)
    if any(len(session.hands) < session.slots for session in able):
        return None
    slots, those = sum(session.slots for session in able), ""
    if len(able) < len(there.crew):
        those = " that take it"
    message = f"All {slots:,} slots of {len(able):,} workers{those} are busy; {there.now.queued:,} runs wait."
    return Reason("slots_busy", message, "Start more workers, or give them more --slots.")


_Look = Callable[[Situation, Waiting], Reason | None]
_LOOKS: tuple[_Look, ...] = (
    _crew, _pause, _limit, _total_limit, _rate, _environment, _slots,
)  # fmt: skip
