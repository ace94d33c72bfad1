"""All routes of the server, in one table: what ``app`` serves, the API document says and the tests walk."""

from hairtrigger.server.api import (
    alerts,
    archives,
    audit,
    batches,
    branches,
    bulk,
    deployments,
    errors,
    explanations,
    idempotency_keys,
    keys,
    lists,
    metrics,
    openapi,
    otel,
    packets,
    people,
    plans,
    promotions,
    queues,
    runs,
    schedules,
    system,
    tasks,
    traces,
    variables,
    whole_batches,
)
from hairtrigger.server.routes import Route
from hairtrigger.server.workers import python

_API = (
    *tasks.ROUTES, *runs.ROUTES, *lists.ROUTES, *batches.ROUTES, *schedules.ROUTES, *queues.ROUTES,
    *promotions.ROUTES, *variables.ROUTES, *keys.ROUTES, *packets.ROUTES, *system.ROUTES, *python.ROUTES,
    *archives.ROUTES, *explanations.ROUTES, *traces.ROUTES, *whole_batches.ROUTES, *bulk.ROUTES, *errors.ROUTES,
    *deployments.ROUTES, *idempotency_keys.ROUTES, *metrics.ROUTES, *plans.ROUTES, *alerts.ROUTES, *otel.ROUTES,
    *people.ROUTES, *branches.ROUTES, *audit.ROUTES,
)  # fmt: skip
ROUTES = (
    *_API,
    Route("GET", "/openapi.json", openapi.serve(_API), "anybody", rated=False),
)
