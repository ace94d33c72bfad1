"""Starts a worker: in this process for the command line, or beside a web application."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from hairtrigger.errors import HairtriggerError
from hairtrigger.sdk import settings as sdk_settings
from hairtrigger.sdk.config import find_config
from hairtrigger.worker.health import answer_health
from hairtrigger.worker.settings import WorkerSettings
from hairtrigger.worker.supervisor import Supervisor

KILLED = 130  # the exit code after a second Ctrl-C

_STOP_S = 40.0  # for a worker beside an application: longer than its drain and its grace


class _Wanted(msgspec.Struct):
    """What a worker process beside an application reads from its stdin; it holds a secret."""

    url: str
    key: str
    project_dir: str
    slots: int
    processes: int
    queues: list[str]


async def run_worker(
    settings: WorkerSettings,
    *,
    signals: bool = True,
    on_start: Callable[[Supervisor], None] | None = None,
) -> int:
    """Run a worker until it is told to stop; gives the exit code.

    Args:
        signals: Whether the first SIGINT or SIGTERM drains and the second one kills.
        on_start: Called with the supervisor before it starts, for ``reload`` and ``drain``.
    Raises:
        ProjectError: when the code cannot be loaded.
        ApiError: when the server will not have this worker, such as ``Unauthorized``.
    """
    supervisor = Supervisor(settings)
    if on_start is not None:
        on_start(supervisor)
    killed = False

    def on_signal() -> None:
        nonlocal killed
        if supervisor.draining:
            killed = True
            supervisor.kill()
        else:
            supervisor.drain()

    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM) if signals else ()
    for name in names:
        loop.add_signal_handler(name, on_signal)
    try:
        async with answer_health(settings.health_port, lambda: supervisor.connected):
            await supervisor.run()
    finally:
        for name in names:
            loop.remove_signal_handler(name)
    return KILLED if killed else 0


class WorkerProcess:
    """A worker beside a web application: a process of its own, so that the application's event loop, however
    busy, cannot stop its heartbeats. It drains and ends when it is stopped, or when the application ends.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        wanted = _Wanted(
            settings.url, settings.key, str(settings.project_dir), settings.slots,
            settings.processes, list(settings.queues),
        )  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hairtrigger.worker.start"],
            stdin=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(wanted) + b"\n")
        self._process.stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> int:
        """Drain it and wait until it is gone; gives its exit code. Blocks for as long as its runs take."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            return self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    async def __aenter__(self) -> "WorkerProcess":
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)


def start_worker(
    project_dir: Path | str | None = None,
    *,
    slots: int = 16,
    processes: int | None = None,
    queues: Sequence[str] = (),
) -> WorkerProcess:
    """Start a worker beside this application: ``async with start_worker():`` in its lifespan.

    Args:
        project_dir: Where the task folders are; by default where the configuration is, else here.
        slots: How many runs go on at once.
        processes: How many processes share them; by default one for each CPU.
        queues: Serve these only.
    Raises:
        MissingKey: when there is no key in the environment.
    """
    here = sdk_settings.current()
    if project_dir is None:
        config = find_config()
        project_dir = Path.cwd() if config is None else config.parent
    settings = WorkerSettings(
        url=here.url, key=here.key, project_dir=Path(project_dir), slots=slots, queues=tuple(queues)
    )
    return WorkerProcess(settings if processes is None else replace(settings, processes=processes))


async def _beside_an_application() -> int:
    wanted = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Wanted)
    settings = WorkerSettings(
        url=wanted.url, key=wanted.key, project_dir=Path(wanted.project_dir), slots=wanted.slots,
        processes=wanted.processes, queues=tuple(wanted.queues),
    )  # fmt: skip
    loop = asyncio.get_running_loop()

    def until_stdin_closes(supervisor: Supervisor) -> None:
        def wait() -> None:
            sys.stdin.buffer.read()
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped by itself
                loop.call_soon_threadsafe(supervisor.drain)

        threading.Thread(target=wait, daemon=True).start()

    try:
        return await run_worker(settings, on_start=until_stdin_closes)
    except HairtriggerError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def main() -> None:
    """Run a worker beside an application, as its ``stdin`` says, until that closes."""
    sys.exit(asyncio.run(_beside_an_application()))


if __name__ == "__main__":
    main()
