"""One ``dev`` from start to end: a server, a worker and a watch on one event loop, and how they stop."""

import asyncio
import contextlib
import os
import signal
import threading
import time
import webbrowser
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from hairtrigger.cli import memory, words
from hairtrigger.cli.dev import keyboard, watching
from hairtrigger.cli.dev.place import Key, Lock
from hairtrigger.cli.dev.screen import Screen
from hairtrigger.cli.problems import INTERRUPTED, TERMINATED
from hairtrigger.server.serve import serve
from hairtrigger.server.settings import Settings
from hairtrigger.telemetry.events import subscribe
from hairtrigger.worker.settings import WorkerSettings
from hairtrigger.worker.start import run_worker
from hairtrigger.worker.supervisor import Reloaded, Supervisor

_REDRAW_S = 1 / 8
_EXITS = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be started. Without ``server`` the worker goes to ``url``."""

    root: Path
    task_dirs: list[Path]
    key: Key
    worker: WorkerSettings
    server: Settings | None = None
    lock: Lock | None = None
    url: str = ""
    notes: list[str] = field(default_factory=list)
    reread_env: Callable[[], None] = lambda: None


class Session:
    """A ``dev`` that runs."""

    def __init__(self, plan: Plan, screen: Screen, began: float) -> None:
        self.plan, self.screen, self._began = plan, screen, began
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._stop = asyncio.Event()  # of the server
        self._started = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        self._supervisor: Supervisor | None = None
        self._url = plan.url
        self._version = ""
        self._exit = 0

    async def run(self) -> int:
        """Live until told to stop; gives the exit code.

        Raises:
            HairtriggerError: the server or the worker cannot start.
        """
        unsubscribe = subscribe(self._hear)
        self._catch_signals()
        serving: asyncio.Task[None] | None = None
        try:
            if self.plan.server is not None:
                serving = await self._serve(self.plan.server)
            if not self._exit:
                await self._work(serving)
        finally:
            self._stop.set()
            if serving is not None:
                await asyncio.gather(serving, return_exceptions=True)
            unsubscribe()
            self.screen.close()
            if self.plan.lock is not None:
                self.plan.lock.release()
        self._say_goodbye()
        return self._exit

    # parts

    async def _serve(self, settings: Settings) -> asyncio.Task[None]:
        """Start the server; gives its task when it takes requests."""
        ready: asyncio.Future[str] = self._loop.create_future()
        serving = asyncio.create_task(
            serve(settings, on_ready=ready.set_result, on_setup=self._note_setup, stop=self._stop),
            name="server",
        )
        either: list[asyncio.Future[Any]] = [serving, ready]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await serving  # raises what kept it from starting
            return serving
        self._url = ready.result()
        self._catch_signals()  # the web server has put its own handlers in place of ours
        if self.plan.lock is not None:
            self.plan.lock.say({"pid": os.getpid(), "url": self._url})
        return serving

    def _note_setup(self, url: str) -> None:
        self.plan.notes.append(f"Create the first admin at {url}")

    async def _work(self, serving: asyncio.Task[None] | None) -> None:
        """Run the worker, and what goes on beside it, until the worker ends."""
        watch = watching.watch(self.plan.root, self.plan.task_dirs, self._on_saved)
        # the watch first: what is saved while the code is being loaded must not be missed
        others = [asyncio.create_task(watch), asyncio.create_task(self._redraw())]
        worker = asyncio.create_task(
            run_worker(self._worker_settings(), signals=False, on_start=self._take), name="worker"
        )
        awaited: set[asyncio.Task[Any]] = {worker, *others}
        if serving is not None:
            awaited.add(serving)
        with self._keys():
            try:
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
                for task in awaited:
                    if task.done() and task is not worker:
                        self._drain()
                        await asyncio.wait([worker])
                        await task  # raises what ended it
                await worker
            finally:
                left = [worker, *others, *self._background]
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)

    def _worker_settings(self) -> WorkerSettings:
        port = self._url.rpartition(":")[2]
        url = self._url if self.plan.server is None else f"http://{self.plan.server.host}:{port}"
        return replace(self.plan.worker, url=url)

    def _take(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def _keys(self) -> contextlib.AbstractContextManager[None]:
        if self.plan.worker.inline or self.screen.out.is_json:
            return contextlib.nullcontext()
        return keyboard.keys(
            {
                "q": lambda: self._end(0),
                "r": lambda: self._spawn(self._reload()),
                "l": self.screen.toggle_logs,
                "o": lambda: self._spawn(self._open()),
                "p": self._pause,
            }
        )

    async def _redraw(self) -> None:
        while True:
            self.screen.tick()
            await asyncio.sleep(_REDRAW_S)

    async def _open(self) -> None:
        await asyncio.to_thread(webbrowser.open, self._url)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _pause(self) -> None:
        if self._supervisor is None:
            return
        self.screen.paused = not self.screen.paused
        self._supervisor.pause(self.screen.paused)
        said = "Paused: no new runs are taken" if self.screen.paused else "Goes on"
        self.screen.note("clock", "blue", said)

    # reload

    async def _on_saved(self, files: list[Path]) -> None:
        await self._started.wait()
        root = self.plan.root
        shown = [str(f.relative_to(root) if f.is_relative_to(root) else f) for f in files]
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        self.screen.note("reload", "blue", f"{', '.join(shown[:3])}{more} changed")
        if any(path.name.startswith(".env") for path in files):
            self.plan.reread_env()
        for path in files:
            _forget_compiled(path)
        await self._reload()

    async def _reload(self) -> None:
        if self._supervisor is None or self._supervisor.draining:
            return
        async with self._reloading:
            done = await self._supervisor.reload()
        self._say_reloaded(done)

    def _say_reloaded(self, done: Reloaded) -> None:
        if done.problems:
            problems = [{"file": p.file, "line": p.line, "error": p.error} for p in done.problems]
            self.screen.event("reload", ok=False, version=self._version, problems=problems)
            stays = f"all tasks stay at {self._version}" if self._version else "no task is loaded"
            for text in self.screen.wording.broken(done.problems, stays):
                self.screen.line(text)
            return
        self._version = done.version
        self.screen.event(
            "reload",
            ok=True,
            version=done.version,
            tasks=done.tasks,
            changes=done.changes,
            ms=done.took_ms,
        )
        self.screen.line(
            self.screen.wording.reloaded(done.version, done.took_ms, done.tasks, done.changes)
        )

    # what is heard

    def _hear(self, name: str, facts: dict[str, Any]) -> None:
        """Telemetry comes from any thread; the screen is drawn on this one."""
        if threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self._hear, name, facts)
        elif name == "worker.started":
            self._say_ready(facts)
        elif name == "worker.draining":
            self._say_draining(facts["running"])
        else:
            self.screen.hear(name, facts)

    def _say_ready(self, facts: dict[str, Any]) -> None:
        ms = round((time.perf_counter() - self._began) * 1000)
        self._version = facts["version"]
        tasks = sorted(facts["tasks"])
        memory.remember(self.plan.root, "tasks", tasks, replace=True)
        self.screen.wording.widen(tasks)
        self.screen.event(
            "ready", url=self._url, environment=facts["environment"], version=facts["version"], tasks=tasks,
            slots=facts["slots"], ms=ms, pid=os.getpid(),
        )  # fmt: skip
        self._say_block(facts, tasks, ms)
        problems = facts.get("problems") or []
        if problems:
            told = [{"file": p.file, "line": p.line, "error": p.error} for p in problems]
            self.screen.event("reload", ok=False, version=self._version, problems=told)
            rest = (
                f"the other {words.count(len(tasks), 'task')} run" if tasks else "no task is loaded"
            )
            for text in self.screen.wording.broken(problems, rest):
                self.screen.line(text)
        self.screen.open()
        self._started.set()

    def _say_block(self, facts: dict[str, Any], tasks: list[str], ms: int) -> None:
        from importlib.metadata import version

        plan, style, line = self.plan, self.screen.out.style_data, self.screen.line
        folders = [os.path.relpath(path, plan.root) for path in plan.task_dirs]
        watched = ", ".join(f"{folder}/" for folder in folders) or str(plan.root)
        line("")
        title = style(f"Hairtrigger {version('hairtrigger')}", bold=True)
        line(f"  {title}   ready in {words.duration(ms)}")
        line("")
        rows = [
            (
                "Server",
                f"{self._url}  {style(f'TRIGGER_API_URL, key in {plan.key.where}', dim=True)}",
            )
        ]
        rows.append(("Dashboard", self._url))
        if plan.server is not None:
            shown = os.path.relpath(plan.server.database_file(), plan.root)
            rows.append(("Database", f"{shown}  {style('SQLite', dim=True)}"))
        counted = f"{words.count(len(tasks), 'task')} · {words.count(facts['slots'], 'slot')}"
        rows.append(("Environment", facts["environment"]))
        rows.append(("Worker", f"{facts['version']} · {counted} · watching {watched}"))
        rows.append(("Tasks", ", ".join(tasks) or "none"))
        for label, value in rows:
            line(f"  {style(f'{label:<12}', dim=True)} {value}")
        for text in plan.notes:
            line(f"  {style('!', fg='yellow')} {text}")
        line("")

    def _say_draining(self, running: int) -> None:
        if running:
            limit = words.span(self.plan.worker.drain_timeout_s)
            text = f"Draining {words.count(running, 'run')} ({limit})… Ctrl-C again stops now"
            self.screen.note("clock", "yellow", text)

    # the end

    def _catch_signals(self) -> None:
        for number in _EXITS:
            self._loop.add_signal_handler(number, self._end, _EXITS[number])

    def _end(self, code: int) -> None:
        """The first time: finish what is running. The second time: stop now."""
        self._exit = self._exit or code
        if self._supervisor is None:
            self._stop.set()
        elif self._supervisor.draining:
            self._supervisor.kill()
        else:
            self._supervisor.drain()

    def _drain(self) -> None:
        if self._supervisor is not None:
            self._supervisor.drain()

    def _say_goodbye(self) -> None:
        screen = self.screen
        total = screen.completed + screen.failed + screen.other
        counted = (
            f"{words.count(total, 'run')}: {screen.completed} completed, {screen.failed} failed"
        )
        kept = ""
        if self.plan.server is not None:
            file = Path(self.plan.server.database_file())
            if file.exists():
                shown = os.path.relpath(file, self.plan.root)
                kept = f" Data stays in {shown} ({words.size(file.stat().st_size)})"
        screen.event(
            "stopped", completed=screen.completed, failed=screen.failed, other=screen.other
        )
        if not screen.out.is_json:
            sign = screen.wording.sign("ok", "green")
            screen.line(f"{sign} Stopped. {counted if total else 'No runs'}.{kept}")


def _forget_compiled(path: Path) -> None:
    """Remove what Python compiled of a file: it takes two saves in one second of equal length for one."""
    if path.suffix == ".py":
        with contextlib.suppress(
            OSError, NotImplementedError
        ):  # no cache, or none that can be written
            Path(cache_from_source(str(path))).unlink()
