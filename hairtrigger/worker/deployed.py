"""Runs whatever is deployed: fetches the code of each version that is wanted, and keeps a worker of it going.

No code of a project is loaded here. Each version has a directory, a Python and a worker process of its own; one
that is wanted no more drains and ends, while the others go on.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from hairtrigger.errors import HairtriggerError, ProjectError
from hairtrigger.sdk.api import ApiCall, reads, segment
from hairtrigger.sdk.client import Client
from hairtrigger.sdk.settings import Settings
from hairtrigger.telemetry.events import emit
from hairtrigger.worker import bundle, environments
from hairtrigger.worker.health import answer_health

POLL_S = 2.0  # between two looks at what is wanted
LINGER_S = 5.0  # that a version is kept after it was wanted last: a retry may come for it
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0  # between tries of one that does not come up
_KEPT = 10  # directories of code that nobody runs


class Wanted(msgspec.Struct, frozen=True):
    """A version that workers should run, and its archive."""

    version: str
    current: bool
    archive: str


class _AllWanted(msgspec.Struct):
    data: list[Wanted]


Command = Callable[[Path, str], Sequence[str]]
"""How a worker is started, given the Python and the name of its version."""


class Deployed:
    """The workers of one environment's deployed versions. ``run`` it; ``stop`` ends it, a second time at once.

    Args:
        cache: Where code and environments are kept.
        command: Starts a worker in the directory of its code.
    """

    def __init__(self, settings: Settings, cache: Path, command: Command) -> None:
        self._client = Client(settings)
        self._settings, self._cache, self._command = settings, cache, command
        self._serving: dict[str, _Serving] = {}
        self._stopping = asyncio.Event()
        self.connected = False

    async def run(self, health_port: int | None = None) -> None:
        """Follow what is deployed until stopped.

        Raises:
            ApiError: the server will not have this key, such as ``Unauthorized``.
        """
        try:
            async with answer_health(health_port, lambda: self.connected):
                while not self._stopping.is_set():
                    await self._look()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), POLL_S)
        finally:
            for one in self._serving.values():
                one.retire()
            await asyncio.gather(*(one.task for one in self._serving.values()))
            await self._client.disconnect()

    def stop(self) -> None:
        """Let every worker finish what it runs, then end; the second time: end now."""
        if self._stopping.is_set():
            for one in self._serving.values():
                one.signal()
        self._stopping.set()

    async def _look(self) -> None:
        try:
            wanted = await self._client.send(
                ApiCall(
                    "worker", "GET /api/hairtrigger/v1/versions/wanted", returns=reads(_AllWanted)
                )
            )
        except HairtriggerError as error:
            if error.status in (401, 403):
                raise
            if self.connected:
                emit("worker.disconnected", url=self._settings.url, reason=str(error))
            self.connected = False
            return
        self.connected = True
        self._follow(wanted.data)

    def _follow(self, wanted: Sequence[Wanted]) -> None:
        now = asyncio.get_running_loop().time()
        for name in [name for name, one in self._serving.items() if one.task.done()]:
            del self._serving[name]
        for one in wanted:
            if one.version not in self._serving:
                self._serving[one.version] = _Serving(self, one)
            self._serving[one.version].wanted_at = now
        for name, serving in self._serving.items():
            if now - serving.wanted_at > LINGER_S and not serving.is_retiring():
                emit("version.retired", version=name)
                serving.retire()

    async def code(self, wanted: Wanted) -> Path:
        """The directory with a version's code, fetched when it is not here.

        Raises:
            ProjectError: what was fetched is not what was deployed.
        """
        directory = self._cache / "code" / wanted.archive
        if not directory.exists():
            body = await self._client.send(
                ApiCall(
                    "worker", f"GET /api/hairtrigger/v1/archives/{segment(wanted.archive)}",
                    returns=lambda answer: answer.body,
                )
            )  # fmt: skip
            await asyncio.to_thread(_place, body, wanted.archive, directory)
        os.utime(directory)
        return directory

    async def start(self, wanted: Wanted) -> asyncio.subprocess.Process:
        """A worker of a version, in a process of its own.

        Raises:
            HairtriggerError: its code cannot be had, or what it needs cannot be installed.
        """
        directory = await self.code(wanted)
        environs = self._cache / "environments"
        python = await asyncio.to_thread(environments.python_for, directory, environs)
        await asyncio.to_thread(self._forget_old)
        secret = {"TRIGGER_SECRET_KEY": self._settings.key, "TRIGGER_API_URL": self._settings.url}
        emit("version.served", version=wanted.version, python=str(python))
        return await asyncio.create_subprocess_exec(
            *self._command(python, wanted.version), cwd=directory, env={**os.environ, **secret},
            stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def _forget_old(self) -> None:
        used = {one.wanted.archive for one in self._serving.values()}
        unused = [path for path in (self._cache / "code").iterdir() if path.name not in used]
        for path in sorted(unused, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            shutil.rmtree(path, ignore_errors=True)


class _Serving:
    """One version, and the process that is its worker."""

    def __init__(self, deployed: Deployed, wanted: Wanted) -> None:
        self.wanted, self._deployed = wanted, deployed
        self.wanted_at = 0.0
        self._retired = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self.task = asyncio.create_task(self._keep(), name=f"version {wanted.version}")

    def is_retiring(self) -> bool:
        return self._retired.is_set()

    def retire(self) -> None:
        """Let its worker finish what it runs, and start none again."""
        if not self.is_retiring():
            self._retired.set()
            self.signal()

    def signal(self) -> None:
        """Tell its worker to stop; one that is stopping already stops at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)

    async def _keep(self) -> None:
        """Start its worker, as often as it ends by itself."""
        wait_s, loop = _FIRST_WAIT_S, asyncio.get_running_loop()
        while not self.is_retiring():
            began = loop.time()
            try:
                self._process = await self._deployed.start(self.wanted)
            except (HairtriggerError, OSError) as error:
                emit("version.broken", version=self.wanted.version, error=str(error))
            else:
                if self.is_retiring():
                    self.signal()
                code = await self._process.wait()
                if self.is_retiring():
                    return
                emit(
                    "version.broken", version=self.wanted.version,
                    error=f"Its worker ended with code {code}.",
                )  # fmt: skip
            if loop.time() - began > _LONGEST_WAIT_S:
                wait_s = _FIRST_WAIT_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._retired.wait(), wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


def _place(body: bytes, name: str, directory: Path) -> None:
    """Unpack an archive, unless another process has done it meanwhile."""
    found = hashlib.sha256(body).hexdigest()
    if found != name:
        raise ProjectError(f"The archive {name[:12]} arrived broken: its SHA-256 is {found}.")
    try:
        bundle.unpack(body, directory)
    except OSError:
        if not directory.exists():
            raise
