"""All routes of the server, in one table: what ``app`` serves, the API document says and the tests walk."""

from hairtrigger.server.api import (
    batches,
    keys,
    lists,
    openapi,
    packets,
    queues,
    runs,
    schedules,
    system,
    tasks,
)
from hairtrigger.server.routes import Route
from hairtrigger.server.workers import python

_API = (
    *tasks.ROUTES, *runs.ROUTES, *lists.ROUTES, *batches.ROUTES, *schedules.ROUTES, *queues.ROUTES,
    *keys.ROUTES, *packets.ROUTES, *system.ROUTES, *python.ROUTES,
)  # fmt: skip
ROUTES = (
    *_API,
    Route("GET", "/openapi.json", openapi.serve(_API), "anybody", rated=False),
)
