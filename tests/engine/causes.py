"""Causes for which a run waits, ran again or ended, each planted in an environment of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hairtrigger.engine import queues, runs, upkeep
from hairtrigger.wire import ids
from hairtrigger.wire.options import ReplayBody
from hairtrigger.wire.rates import Rate
from hairtrigger.wire.worker import QueueManifest
from tests.clock import MINUTE, SECOND
from tests.engine.driving import LEASE_MS, World, exact, manifest
from tests.engine.test_queues import with_queue

Plant = Callable[[World], Awaitable[int]]
"""Makes a run that is where it is for one cause; answers its number."""


@dataclass(frozen=True)
class Case:
    """A cause, the code that names it, and what the sentence must say besides. ``among`` is where it is named."""

    plant: Plant
    code: str
    says: tuple[str, ...]
    among: str = "reason"


async def no_worker(world: World) -> int:
    worker = await world.register("work")
    await worker.leave()
    return await world.trigger()


async def silent_worker(world: World) -> int:
    await world.register("work")
    world.clock.move(LEASE_MS + SECOND)  # nobody has taken it off the list yet
    return await world.trigger()


async def no_worker_for_the_queue(world: World) -> int:
    await world.register("work", manifest("mail", queue="mails"), queues=["task/work"])
    return await world.trigger("mail")


async def version_lacks_the_task(world: World) -> int:
    await world.register("work", slots=1)
    run = await world.trigger()
    await world.register("other")
    return run


async def workers_run_an_older_version(world: World) -> int:
    old = await world.register("work", version="1")
    new = await world.register("work", manifest("more"), version="2")
    assert old.id != new.id
    await new.leave()
    return await world.trigger()


async def version_without_workers(world: World) -> int:
    old = await world.register("work", version="1")
    await old.leave()
    await world.register("work", manifest("more"), version="2")
    return await world.trigger(lockToVersion="1")


async def paused_queue(world: World) -> int:
    await world.register("work")
    await queues.pause(
        world.store, world.env, "work", kind="task", by="Ada", note="the provider is down"
    )
    return await world.trigger()


async def queue_at_its_limit(world: World) -> int:
    worker = await world.register(manifest("work", limit=2))
    made = [await world.trigger() for _ in range(4)]
    await worker.fetch(4)
    return made[-1]


async def queue_with_a_limit_of_zero(world: World) -> int:
    await world.register(manifest("work", limit=0))
    return await world.trigger()


async def key_at_its_limit(world: World) -> int:
    worker = await world.register(manifest("work", limit=1))
    made = [await world.trigger(concurrencyKey="customer-7") for _ in range(2)]
    await worker.fetch(2)
    return made[-1]


async def total_limit(world: World) -> int:
    declared = with_queue(manifest("work"), QueueManifest("task/work", 5, total_limit=1))
    worker = await world.register(declared)
    made = [await world.trigger(concurrencyKey=key) for key in "ab"]
    taken = {run.id for run in await worker.fetch(2)}
    return next(run for run in made if ids.public("run", run) not in taken)


async def rate_limit(world: World) -> int:
    declared = with_queue(manifest("work"), QueueManifest("task/work", rate=Rate(1, MINUTE)))
    worker = await world.register(declared)
    made = [await world.trigger() for _ in range(2)]
    await worker.fetch(2)
    return made[-1]


async def environment_limit(world: World) -> int:
    worker = await world.register("work", "other")
    await queues.limit_environment(world.store, world.env, 1)
    await world.trigger("other")
    await worker.fetch(1)
    return await world.trigger()


async def environment_limit_of_one_queue(world: World) -> int:
    worker = await world.register("work", "other")
    await queues.limit_environment(world.store, world.env, 1, burst=300)
    made = [await world.trigger() for _ in range(2)]
    await worker.fetch(2)
    return made[-1]


async def busy_slots(world: World) -> int:
    worker = await world.register("work", slots=1)
    made = [await world.trigger() for _ in range(2)]
    await worker.fetch(1)
    return made[-1]


async def nothing_but_its_turn(world: World) -> int:
    await world.register("work")
    return await world.trigger()


async def delayed(world: World) -> int:
    return await world.trigger(delay="1h")


async def debounced(world: World) -> int:
    await world.trigger(debounce={"key": "user-1", "delay": "10s", "maxDelay": "1m"})
    return await world.trigger(debounce={"key": "user-1", "delay": "10s", "maxDelay": "1m"})


async def unknown_task(world: World) -> int:
    await world.register("send-email")
    return await world.trigger("send-emial")


async def removed_task(world: World) -> int:
    await world.register("work", version="1")
    await world.register("other", version="2")
    return await world.trigger()


async def undeclared_queue(world: World) -> int:
    await world.register("work")
    return await world.trigger(queue={"name": "nobody"})


async def children(world: World) -> int:
    worker = await world.register("work", "child")
    parent = await world.trigger()
    await worker.fetch(1)
    await world.trigger("child", parentRunId=ids.public("run", parent))
    await world.write("update live set state = 3, worker = null where run_id = ?", parent)
    return parent


async def waitpoint(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger()
    await worker.fetch(1)
    await world.write("update live set state = 3, worker = null where run_id = ?", run)
    return run


async def between_attempts(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(maxAttempts=3)
    await worker.fail(await worker.fetch_one(), retry_in_ms=MINUTE)
    return run


async def canceling(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger()
    await worker.fetch(1)
    await world.cancel(run)
    return run


async def lost_lease(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(maxAttempts=3)
    await worker.fetch(1)
    await world.let_pass(LEASE_MS + SECOND)
    return run


async def crashed(world: World) -> int:
    worker = await world.register(manifest("work", retry=exact(max_attempts=3)))
    run = await world.trigger()
    await worker.crash(await worker.fetch_one())
    return run


async def suspect(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(maxAttempts=3)
    await worker.crash(await worker.fetch_one(), alone=False)
    return run


async def handed_back(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(maxAttempts=3)
    await worker.settle(await worker.fetch_one(), begun=True)
    return run


async def never_reached(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger()
    await worker.fetch(1)
    await worker.leave()
    return run


async def failed_and_retried(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(maxAttempts=2)
    await worker.fail(await worker.fetch_one(), retry_in_ms=0)
    await worker.complete(await worker.fetch_one())
    return run


async def attempts_used_up(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(maxAttempts=1)
    await worker.fail(await worker.fetch_one())
    return run


async def worker_lost_for_good(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(maxAttempts=1)
    await worker.fetch(1)
    await world.let_pass(LEASE_MS + SECOND)
    return run


async def canceled_before_it_began(world: World) -> int:
    await world.register("work")
    run = await world.trigger()
    await world.cancel(run)
    return run


async def expired(world: World) -> int:
    run = await world.trigger(ttl="10m")
    world.clock.move(11 * MINUTE)
    await upkeep.expire(world.store)
    return run


async def timed_out(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(maxDuration=60)
    await worker.settle(await worker.fetch_one(), timed_out=True)
    return run


async def replayed(world: World) -> int:
    first = await world.trigger()
    return (await runs.replay(world.store, world.env, first, ReplayBody())).id


async def answered_for_its_key(world: World) -> int:
    first = await world.trigger(idempotencyKey="order-7")
    again = await world.outcome(idempotencyKey="order-7")
    assert (again.id, again.cached) == (first, True)
    return first


async def key_of_a_failed_run(world: World) -> int:
    worker = await world.register("work")
    run = await world.trigger(idempotencyKey="order-7", maxAttempts=1)
    await worker.fail(await worker.fetch_one())
    return run


WAITS = [
    Case(no_worker, "no_worker", ("No worker of prod is online", "hairtrigger worker")),
    Case(silent_worker, "no_worker", ("No worker of prod",)),
    Case(no_worker_for_the_queue, "no_worker_for_queue", ("queue mails", "task/work", "--queue mails")),
    Case(version_lacks_the_task, "version_lacks_task", ("no task work", "20260302.2")),
    Case(workers_run_an_older_version, "no_worker_of_version", ("version is 2", "online run 1")),
    Case(version_without_workers, "no_worker_of_version", ("Bound to the version 1", "online run 2")),
    Case(paused_queue, "queue_paused",
         ("queue work is paused; 1 wait", "by Ada: the provider is down", "queues resume task/work")),
    Case(queue_at_its_limit, "queue_limit", ("2 of 2 running in the queue work, 1 others",)),
    Case(queue_with_a_limit_of_zero, "queue_limit", ("limit of 0", "queues limit task/work")),
    Case(key_at_its_limit, "key_limit", ("1 of 1 running", "key customer-7 of the queue work")),
    Case(total_limit, "total_limit", ("1 of 1 running over all keys of work",)),
    Case(rate_limit, "rate_limit", ("starts 1 runs in 1m", "2026-03-02T12:01:00.000Z", "1 wait")),
    Case(environment_limit, "environment_limit", ("1 of 1 running in the environment prod",)),
    Case(environment_limit_of_one_queue, "environment_limit", ("no queue of prod may run more",)),
    Case(busy_slots, "slots_busy", ("All 1 slots of 1 workers are busy; 1 runs wait", "--slots")),
    Case(nothing_but_its_turn, "next", ("next free worker",)),
    Case(delayed, "delayed", ("2026-03-02T13:00:00.000Z", "as it was triggered")),
    Case(debounced, "debounced", ("key user-1", "2026-03-02T12:00:10.000Z", "2026-03-02T12:01:00.000Z")),
    Case(unknown_task, "unknown_task", ("send-emial", "Did you mean send-email?")),
    Case(removed_task, "task_removed", ("version 2 has no task work", "1 was the last")),
    Case(undeclared_queue, "undeclared_queue", ("queue nobody", "queue()")),
    Case(children, "children", ("1 runs", "(child)", "run_")),
    Case(waitpoint, "waitpoint", ("waitpoint",)),
    Case(between_attempts, "retrying", ("Attempt 1 of 3", "2026-03-02T12:01:00.000Z")),
    Case(canceling, "canceling", ("has been told to stop attempt 1", "worker_")),
]  # fmt: skip
AGAIN = [
    Case(lost_lease, "lost", ("Attempt 1 was lost: worker_", "31s after it began", "max_attempts=1"), "repeats"),
    Case(crashed, "crashed", ("took its process with it", "SIGSEGV: died", "memory"), "repeats"),
    Case(suspect, "suspect", ("several runs in it", "runs alone now", "does not count"), "repeats"),
    Case(handed_back, "handed_back", ("handed back by worker_", "does not count"), "repeats"),
    Case(never_reached, "not_begun", ("never reached worker_", "does not count"), "repeats"),
    Case(failed_and_retried, "failed", ("Attempt 1 failed: ValueError: attempt 1",), "repeats"),
    Case(replayed, "replay", ("a replay of run_",), "notes"),
    Case(answered_for_its_key, "idempotency_key", ("order-7", "answered with this run"), "notes"),
    Case(key_of_a_failed_run, "key_released", ("order-7", "makes a new run"), "notes"),
]  # fmt: skip
ENDS = [
    Case(failed_and_retried, "completed", ("attempt 2 of 2",)),
    Case(attempts_used_up, "attempts_used_up", ("attempt 1 of 1", "ValueError: attempt 1")),
    Case(worker_lost_for_good, "system_failure", ("WORKER_LOST", "killed, frozen")),
    Case(canceled_before_it_began, "canceled_before_start", ("before it began.",)),
    Case(expired, "expired", ("ttl of 10m", "longer ttl")),
    Case(timed_out, "timed_out", ("max_duration of 1m",)),
]
