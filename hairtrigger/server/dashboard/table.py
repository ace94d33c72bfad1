"""All pages, in one table."""

from hairtrigger.server.dashboard.pages import (
    account,
    alerts,
    batches,
    bulk,
    deployments,
    entry,
    env,
    errors,
    keys,
    live,
    logs,
    overview,
    palette,
    queues,
    run,
    run_more,
    runs,
    schedule,
    schedules,
    settings,
    task,
    tasks,
    test,
    usage,
    views,
    workers,
)
from hairtrigger.server.dashboard.routes import PageRoute

PAGES: tuple[PageRoute, ...] = (
    *entry.ROUTES, *live.ROUTES, *overview.ROUTES, *errors.ROUTES, *runs.ROUTES, *run.ROUTES, *run_more.ROUTES,
    *queues.ROUTES, *workers.ROUTES, *batches.ROUTES, *settings.ROUTES, *account.ROUTES, *logs.ROUTES, *bulk.ROUTES,
    *deployments.ROUTES, *keys.ROUTES, *env.ROUTES, *usage.ROUTES, *alerts.ROUTES,
    *views.ROUTES, *palette.ROUTES,
    *tasks.ROUTES, *task.ROUTES, *test.ROUTES, *schedule.ROUTES, *schedules.ROUTES,
    *entry.LOST,
)  # fmt: skip
