"""Schedules: what a version declares, and what is due.

A tick and the run that it makes are one transaction, and the run's idempotency key is the schedule and the
nominal time: however often the clockwork looks, one tick is one run.
"""

from collections.abc import Callable

from hairtrigger.rules import cron
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog, VersionEntry
from hairtrigger.store.database import Steps, fetch


def sync(
    catalog: Catalog,
    env: Environment,
    version: VersionEntry,
    now: int,
    *,
    make_id: Callable[[], int],
) -> Steps[None]:
    """Make the environment's declarative schedules those of a version: new, changed, gone."""
    wanted = {
        catalog.task_ids[env.id, name]: task.cron
        for name, task in version.tasks.items()
        if task.cron is not None
        and (not task.cron.environments or env.type in task.cron.environments)
    }
    for id_, task, pattern, timezone, _, _ in (yield fetch("declared_schedules", env.id)):
        want = wanted.pop(task, None)
        if want is None:
            yield fetch("delete_schedule", id_)
        elif (want.pattern, want.timezone) != (pattern, timezone):
            next_at = cron.next_fire(want.pattern, want.timezone, now)
            yield fetch(
                "update_schedule", id_, want.pattern, want.timezone, next_at, now, None, None, task
            )
    for task, want in wanted.items():
        next_at = cron.next_fire(want.pattern, want.timezone, now)
        yield fetch(
            "insert_schedule", make_id(), env.id, task, 1, want.pattern, want.timezone, None, None, None,
            next_at, now,
        )  # fmt: skip
