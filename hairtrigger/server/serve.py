"""Listening: the application on a socket, until it is told to stop.

Started by the CLI (``server``, and ``dev`` in its own process) and by tests.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

from hairtrigger.errors import ConfigError
from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings


async def serve(
    settings: Settings,
    *,
    on_ready: Callable[[str], None] | None = None,
    on_founded: Callable[[bool], None] | None = None,
    on_setup: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM (in the main thread), or until ``stop`` is set.

    Stopping: no new connections, waiting calls answered at once, requests under way finished (at most
    ``drain_ms``), then the database closed.

    Args:
        on_ready: Called once with the server's URL when it takes requests.
        on_founded: Called after it, with whether this server made the first project, with the settings' keys.
        on_setup: Called after it with the URL where the first admin is made, while there is none.
    Raises:
        ConfigError: the address is taken, or the database cannot be opened.
    """
    listening = _listen(settings)
    app = App(settings)
    try:
        await app.server.open()
        setup = await app.server.visitors.setup_path()
    except BaseException:
        listening.close()
        await app.server.close()
        raise

    def ready(where: str) -> None:
        if on_ready is not None:
            on_ready(where)
        if on_founded is not None:
            on_founded(app.server.is_founder)
        if on_setup is not None and setup:
            on_setup((settings.public_url.rstrip("/") or where) + setup)

    web = _Web(_config(app, settings), app, ready)
    waiter = asyncio.create_task(_until(stop, web)) if stop is not None else None
    try:
        await web.serve(sockets=[listening])
    finally:
        if waiter is not None:
            waiter.cancel()
            await asyncio.gather(waiter, return_exceptions=True)
        await app.server.close()
        listening.close()


def run(settings: Settings, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve in a loop of its own, on uvloop where there is one; returns when the server has stopped."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, on_ready=on_ready))


class _Web(uvicorn.Server):
    """uvicorn, which lets waiting calls answer before it waits for them, and leaves signals' fate to us."""

    def __init__(self, config: uvicorn.Config, app: App, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._app, self._on_ready = app, on_ready
        connections, most = self.server_state.connections, app.server.settings.max_connections
        app.is_full = lambda: len(connections) > most

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            self._on_ready(url(*sockets[0].getsockname()[:2]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.server.drain()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            # Raised again, a signal would end the process before the database is closed.
            self._captured_signals.clear()


def url(host: str, port: int) -> str:
    """The URL of a server that listens there, as somebody on the same machine would open it."""
    if host in ("0.0.0.0", "::", "127.0.0.1", "::1"):  # noqa: S104 (compared, not bound)
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _config(app: App, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",  # opened here, so that what goes wrong is told as what it is
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        backlog=settings.backlog,
        limit_concurrency=None,  # it would refuse workers too
        timeout_keep_alive=max(1, settings.keep_alive_ms // 1_000),
        timeout_graceful_shutdown=max(1, settings.drain_ms // 1_000),
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.set_inheritable(True)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). Is another server "
            "running? Give another port with --port or HAIRTRIGGER_PORT; 0 takes a free one."
        ) from None
    return listening


async def _until(stop: asyncio.Event, web: uvicorn.Server) -> None:
    await stop.wait()
    web.should_exit = True


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows
        return None
    return uvloop.new_event_loop
