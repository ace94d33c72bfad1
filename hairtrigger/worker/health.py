"""``GET /healthcheck`` of a worker, for those who watch containers."""

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web


@contextlib.asynccontextmanager
async def answer_health(port: int | None, is_well: Callable[[], bool]) -> AsyncIterator[int | None]:
    """Answer 200 while ``is_well``, else 503, on every address; without a port, nothing. Gives the port,
    which 0 leaves to the system."""
    if port is None:
        yield None
        return

    async def healthcheck(_: web.Request) -> web.Response:
        return (
            web.Response(text="ok") if is_well() else web.Response(status=503, text="disconnected")
        )

    app = web.Application()
    app.router.add_get("/healthcheck", healthcheck)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104 (probes come from outside)
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
