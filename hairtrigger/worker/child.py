"""The main program of a child process: imports the project, then runs attempts until told to leave.

Started by ``process.py`` as ``python -m hairtrigger.worker.child SOCKET LEDGER SETUP``. User code lives here
and nowhere else; a child that loses its supervisor ends itself and everything that it has started.
"""

import asyncio
import contextlib
import gc
import mmap
import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from hairtrigger.worker import capture, loader, spans, variables
from hairtrigger.worker.executor import Executor
from hairtrigger.worker.frames import (
    Ended,
    Frames,
    Line,
    Orders,
    Ready,
    Setup,
    Tidings,
)
from hairtrigger.worker.parent import die_with
from hairtrigger.worker.watchdog import ADVICE, Watchdog

_SEND_TIMEOUT_S = 60.0  # a supervisor that does not read for so long is as good as gone

_encoder = msgspec.json.Encoder()
_orders = msgspec.json.Decoder(Orders)


class Mouth:
    """Tells the supervisor things: gathered over a turn of the loop, or at once from another thread."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        # a socket of its own on the same stream, because the watchdog speaks while the loop cannot
        self._socket = socket.socket(fileno=os.dup(sock.fileno()))
        self._socket.settimeout(_SEND_TIMEOUT_S)
        self._loop, self._loop_thread = loop, threading.get_ident()
        self._lines: deque[Line] = deque()
        self._ended: list[Ended] = []
        self._due = False
        self._lock = threading.Lock()

    def line(self, line: Line) -> None:
        """Say a line of a run's log, soon. From any thread."""
        self._lines.append(line)
        if not self._due:
            self._due = True
            if threading.get_ident() == self._loop_thread:
                self._loop.call_soon(self._flush)
            else:
                with contextlib.suppress(RuntimeError):  # a thread that outlives the loop
                    self._loop.call_soon_threadsafe(self._flush)

    def ended(self, ended: Ended) -> None:
        """Say that a hand-out is over, with the end of this turn. From the loop only."""
        self._ended.append(ended)
        if not self._due:
            self._due = True
            self._loop.call_soon(self._flush)

    def now(self, *, blocked: bool | None = None, ready: Ready | None = None) -> None:
        """Say this, and the lines that wait, at once. From any thread."""
        self._send(Tidings(self._waiting(), [], blocked, ready))

    def _flush(self) -> None:
        self._due = False
        ended, self._ended = self._ended, []
        self._send(Tidings(self._waiting(), ended))

    def _waiting(self) -> list[Line]:
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    def _send(self, tidings: Tidings) -> None:
        body = _encoder.encode(tidings)
        with self._lock:
            try:
                self._socket.sendall(len(body).to_bytes(4, "big") + body)
            except OSError:
                _end_everything()


class Life:
    """A child between its first word and its last."""

    def __init__(
        self,
        project: loader.Project,
        setup: Setup,
        sock: socket.socket,
        ledger: mmap.mmap,
        tracing: spans.Spans | None = None,
    ):
        loop = asyncio.get_running_loop()
        self._project, self._ledger, self._socket = project, ledger, sock
        self._mouth = Mouth(sock, loop)
        self._executor = Executor(
            project, slots=setup.slots, on_line=self._mouth.line, on_ended=self._over, spans=tracing
        )
        self._frames_begun = 0
        self._leaving = False
        self._left = asyncio.Event()
        self._watchdog = Watchdog(
            loop,
            is_busy=lambda: bool(self._executor.running),
            on_blocked=self._blocked,
            on_free=lambda: self._mouth.now(blocked=False),
        )

    async def run(self) -> None:
        """Introduce the project, then obey until it is time to leave."""
        loop = asyncio.get_running_loop()
        frames = Frames(self._obey, _end_everything)
        await loop.create_unix_connection(lambda: frames, sock=self._socket)
        self._watchdog.start()
        self._mouth.now(ready=_introduction(self._project))
        await self._left.wait()

    def _obey(self, frame: bytes) -> None:
        orders = _orders.decode(frame)
        # before any body runs: what is begun must be known even if this process dies at once
        self._frames_begun += 1
        self._ledger[:8] = self._frames_begun.to_bytes(8, "little")
        if orders.environment is not None:
            self._executor.environment = orders.environment
        for info in orders.runs:
            self._executor.start(info)
        for order in orders.interrupts:
            self._executor.interrupt((order.run, order.lease), order.why)
        if orders.stop:
            self._leaving = True
            self._leave_when_idle()

    def _over(self, ended: Ended) -> None:
        self._mouth.ended(ended)
        if self._leaving:
            asyncio.get_running_loop().call_soon(self._leave_when_idle)

    def _leave_when_idle(self) -> None:
        if not self._executor.running:
            self._left.set()

    def _blocked(self, seconds: float, task: "asyncio.Task[object] | None", stack: str) -> None:
        """Called by the watchdog's thread: warn the run that blocks, or all when it is not to be known."""
        stoppers = list(self._executor.running.values())
        guilty = [stopper for stopper in stoppers if stopper.task is task]
        for stopper in guilty or stoppers:
            stopper.log("warn", ADVICE.format(seconds=seconds, stack=stack))
        self._mouth.now(blocked=True)


def _introduction(project: loader.Project) -> Ready:
    return Ready(
        tasks=project.manifests,
        problems=project.problems,
        content_hash=project.content_hash,
        project=project.config.project,
        alone=[id for id, task in project.tasks.items() if task.definition.isolation == "process"],
    )


def _end_everything() -> None:
    """The supervisor is gone: so is whatever runs here, subprocesses included."""
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Run a child process to its end."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    ledger = mmap.mmap(int(sys.argv[2]), 8)
    setup = msgspec.json.decode(sys.argv[3], type=Setup)
    die_with(setup.parent, signal.SIGKILL)
    for name in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # the supervisor's to hear; not ignored, that is inherited
        signal.signal(name, lambda *_: None)
    variables.learn()
    asked = spans.Setup()
    capture.install(echo=setup.echo, at_once=setup.inline)
    project = loader.load(Path(setup.project_dir))
    capture.set_level(project.log_level, echo=setup.echo)

    tracing = asked.install()
    gc.freeze()  # what is loaded stays: looking through it for garbage was a tenth of a run's time

    async def live() -> None:
        await Life(project, setup, sock, ledger, tracing).run()
        if tracing is not None:  # while the socket is open: after it, the supervisor is in a hurry
            await asyncio.to_thread(tracing.close)

    with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
        runner.run(live())


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    main()
