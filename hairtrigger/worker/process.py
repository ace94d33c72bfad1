"""The supervisor's side of one child process: start, speak, stop, kill.

Knows what the child holds and how far it has begun; what becomes of that is the supervisor's to decide.
"""

import asyncio
import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Raw

from hairtrigger.wire.worker import Failure
from hairtrigger.worker import guard
from hairtrigger.worker.frames import (
    Ended,
    Frames,
    Interrupt,
    Key,
    Line,
    RawOrders,
    Ready,
    Setup,
    Tidings,
    Why,
)
from hairtrigger.worker.settings import WorkerSettings

_EOF_PATIENCE_S = 1.0  # a forked grandchild may keep the socket of a dead child open

_encoder = msgspec.json.Encoder()
_tidings = msgspec.json.Decoder(Tidings)


class Head(msgspec.Struct, rename="camel"):
    """All that a supervisor reads of a run; the rest stays bytes."""

    id: str
    lease: int
    task: str
    attempt: int = 1
    queue: str = ""
    version: str = ""
    max_duration_ms: int | None = None
    used_ms: int = 0
    isolated: bool = False
    trace: str | None = None


@dataclass(slots=True, eq=False)
class Held:
    """A run that this worker has: handed out, not yet reported."""

    head: Head
    raw: Raw | None  # until a child has it
    child: "Child | None" = None
    frame: int = 0  # the frame that carried it to the child
    why: Why | None = None  # it was interrupted
    seen: int = 0  # number of the last notice
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return (self.head.id, self.head.lease)

    def begun(self) -> bool:
        """Whether the body may have started."""
        return self.child is not None and self.frame <= self.child.frames_begun()

    def forget_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()


class Guard:
    """The process that outlives this one for a moment (``guard.py``)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (our own file)
            [sys.executable, "-I", "-S", str(Path(guard.__file__))],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, bufsize=0, start_new_session=True,
        )  # fmt: skip

    def watch(self, group: int) -> None:
        self._tell(b"+%d\n" % group)

    def forget(self, group: int) -> None:
        self._tell(b"-%d\n" % group)

    def close(self) -> None:
        """Let it go; it kills what it still watches."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the parent-death signal is the second line
            self._process.stdin.write(line)


class Child:
    """One child process and its socket. ``listener`` hears what it says and how it ends."""

    def __init__(
        self,
        guard: Guard,
        *,
        on_lines: Callable[["Child", list[Line]], None],
        on_ended: Callable[["Child", list[Ended]], None],
        on_gone: Callable[["Child"], None],
    ) -> None:
        self.held: dict[Key, Held] = {}
        self.blocked = False
        self.single = False  # for one run at a time
        self.runs_given = 0
        self.stopping = False
        self.exit_code: int | None = None
        self.pid = 0
        self._guard = guard
        self._on_lines, self._on_ended, self._on_gone = on_lines, on_ended, on_gone
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[Ready | None] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._frames = Frames(self._heard, self._closed)
        self._socket_open = False
        self._frame_number = 0
        self._orders = RawOrders([])
        self._flush_due = False
        self._own_group = True
        # what the child has begun, in memory that it cannot take with it
        self._ledger: mmap.mmap | None = None

    async def start(self, settings: WorkerSettings, environment: Mapping[str, str]) -> Ready | None:
        """Start the process, with more in its environment than there is here. Gives what it has loaded, or None when
        it died before."""
        ours = self._spawn(settings, environment)
        await self._loop.create_unix_connection(lambda: self._frames, sock=ours)
        self._socket_open = True
        return await asyncio.shield(self._ready)

    def _spawn(self, settings: WorkerSettings, environment: Mapping[str, str]) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._own_group = not settings.inline
        setup = Setup(
            str(settings.project_dir), settings.slots, settings.echo, settings.inline, os.getpid()
        )
        with theirs, tempfile.TemporaryFile() as ledger:
            ledger.truncate(8)
            self._ledger = mmap.mmap(ledger.fileno(), 8)
            fds = (theirs.fileno(), ledger.fileno())
            process = subprocess.Popen(  # noqa: S603 (our own module)
                [
                    sys.executable, "-P", "-m", "hairtrigger.worker.child",
                    *map(str, fds), _encoder.encode(setup).decode(),
                ],
                pass_fds=fds,
                stdin=None if settings.inline else subprocess.DEVNULL,
                cwd=settings.project_dir,
                env={
                    **os.environ, **environment, "TRIGGER_SECRET_KEY": settings.key, "TRIGGER_API_URL": settings.url
                },
                process_group=0 if self._own_group else None,
            )  # fmt: skip
        self.pid = process.pid
        if self._own_group:
            self._guard.watch(self.pid)
        threading.Thread(target=self._await_exit, args=(process,), daemon=True).start()
        return ours

    # what we tell it

    def give(self, held: Held) -> None:
        """Hand it a run."""
        assert held.raw is not None
        self._orders.runs.append(held.raw)
        self._flush_soon()
        held.raw, held.child, held.frame = None, self, self._frame_number + 1
        self.held[held.key] = held
        self.runs_given += 1

    def interrupt(self, held: Held, why: Why) -> None:
        """Ask a body to stop."""
        self._orders.interrupts.append(Interrupt(held.head.id, held.head.lease, why))
        self._flush_soon()

    def introduce(self, environment: str) -> None:
        """Tell it the slug of its environment."""
        self._orders.environment = environment
        self._flush_soon()

    def stop(self) -> None:
        """Ask it to leave as soon as it holds nothing."""
        self.stopping = self._orders.stop = True
        self._flush_soon()

    def kill(self) -> None:
        """End it now, with all that it has started."""
        self.stopping = True
        self._kill()

    async def gone(self) -> None:
        """Wait until it is gone and everything that it said has been heard."""
        await self._gone.wait()

    def frames_begun(self) -> int:
        """How many frames it has taken up: the runs of later ones have not begun."""
        return 0 if self._ledger is None else int.from_bytes(self._ledger[:8], "little")

    def obituary(self) -> Failure:
        """How it died, as the error of a run."""
        code = self.exit_code or 0
        if code >= 0:
            return Failure("ProcessDied", f"The process of this run exited with code {code}.")
        name = signal.Signals(-code).name
        hint = " This is often the system running out of memory." if name == "SIGKILL" else ""
        message = f"The process of this run was killed by {name} (signal {-code}).{hint}"
        return Failure("ProcessDied", message)

    # what it tells us

    def _heard(self, frame: bytes) -> None:
        tidings = _tidings.decode(frame)
        if tidings.lines:
            self._on_lines(self, tidings.lines)
        if tidings.ended:
            self._on_ended(self, tidings.ended)
        if tidings.blocked is not None:
            self.blocked = tidings.blocked
        if tidings.ready is not None and not self._ready.done():
            self._ready.set_result(tidings.ready)

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        self._frame_number += 1
        orders, self._orders = self._orders, RawOrders([])
        self._frames.send(_encoder.encode(orders))

    # how it ends: the process and the socket, in either order

    def _await_exit(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            self._loop.call_soon_threadsafe(self._exited, code)

    def _exited(self, code: int) -> None:
        self.exit_code = code
        if self._own_group:
            self._kill()  # what it started and left behind
            self._guard.forget(self.pid)
        if self._socket_open:
            self._loop.call_later(_EOF_PATIENCE_S, self._frames.close)
        else:
            self._finish()

    def _closed(self) -> None:
        self._socket_open = False
        if self.exit_code is not None:
            self._finish()
        else:  # it is on its way out, or it cannot be reached any more
            self._loop.call_later(_EOF_PATIENCE_S, self._kill)

    def _kill(self) -> None:
        if self.exit_code is None or self._own_group:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.killpg if self._own_group else os.kill)(self.pid, signal.SIGKILL)

    def _finish(self) -> None:
        if self._gone.is_set():
            return
        self._gone.set()
        if not self._ready.done():
            self._ready.set_result(None)
        self._on_gone(self)
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
