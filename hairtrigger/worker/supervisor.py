"""Keeps slots full and leases alive: the one that holds the runs, between the link and the children.

No user code runs here, and no payload is read. What a child's death, a cancel, a drain or a lost lease means
for a run is decided here; what follows from it is the server's to decide.
"""

import asyncio
import os
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import msgspec
from msgspec import Raw

from hairtrigger.errors import ProjectError
from hairtrigger.telemetry.events import emit, is_heard
from hairtrigger.wire import worker as wire
from hairtrigger.wire.worker import PROTOCOL, Register, Registered, Result, Variables
from hairtrigger.worker import outcome, shipping, tell, variables
from hairtrigger.worker.calls import Calls
from hairtrigger.worker.crew import Crew
from hairtrigger.worker.frames import Ended, Key, Line, LoadProblem, Ready, Why
from hairtrigger.worker.link import Link
from hairtrigger.worker.predecessors import Predecessors
from hairtrigger.worker.process import Child, Guard, Head, Held
from hairtrigger.worker.settings import WorkerSettings
from hairtrigger.worker.shipping import Shipping
from hairtrigger.worker.tracing import Tracing

_LAST_WORDS_S = 10.0  # how long a leaving worker tries to report what it still has
_QUICK_WORDS_S = 1.0  # the same for one that is told to hurry

_encoder = msgspec.json.Encoder()
_head = msgspec.json.Decoder(Head)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of new code: ``problems`` and nothing changed, or a version and what is different."""

    problems: list[LoadProblem] = field(default_factory=list)
    version: str = ""
    tasks: int = 0
    changes: dict[str, list[str]] = field(default_factory=dict)
    took_ms: int = 0


class Supervisor:
    """One worker. ``run`` it; ``drain`` and ``kill`` end it; ``reload`` gives it new code."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self._loop = asyncio.get_running_loop()
        self._calls = Calls(settings.url, settings.key, settings.branch)
        self._link = Link(self._calls, self)
        self._guard = Guard()
        self._given = Variables()
        self._tracing = Tracing()
        self._crew = self._new_crew()
        self._retired: list[Crew] = []
        self._predecessors = Predecessors(settings.state_dir, settings.url)
        self._held: dict[Key, Held] = {}
        self._unsettled: dict[Key, int] = {}  # reported, no verdict yet; the last notice
        self._orphans: set[Key] = set()  # the server has given them to somebody else
        self._shipping: Shipping | None = None
        self._idle, self._stop, self._hurry = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.draining = self.paused = False

    # life

    async def run(self) -> None:
        """Serve until told to stop.

        Raises:
            ProjectError: when the code cannot be loaded.
            ApiError: when the server will not have this worker, such as ``Unauthorized``.
        """
        try:
            self._given = await variables.ask(self._calls)
            self._shipping = shipping.opened({**os.environ, **self._given.variables})
            await self._tracing.heed(self._given.variables)
            self._crew = self._new_crew()
            ready = await self._crew.open()
            registered = await self._link.register(
                self._introduction(_usable(ready, self.settings))
            )
            self._predecessors.succeed(registered.worker)
            self._crew.fill(registered.environment)
            self._announce(registered)
            await self._serve()
            if self._link.is_flushed:  # what is left when a session leaves counts as never begun
                await self._link.leave()
            self._predecessors.release()
        finally:
            crews = [self._crew, *self._retired]
            await asyncio.gather(*(crew.close(self._tracing.patience_s) for crew in crews))
            self._guard.close()
            await self._calls.close()
            if self._shipping is not None:
                await self._shipping.close()
            await self._tracing.close()
            emit("worker.stopped", worker=self._link.worker)

    def drain(self) -> None:
        """Take no more runs, finish what is held, hand back what takes too long, then stop."""
        if not self.draining:
            self.draining = True
            emit("worker.draining", running=len(self._held))
            self._link.drain()
            self._stop.set()

    def kill(self) -> None:
        """Stop now; what is held is handed back."""
        self._hurry.set()
        self.drain()

    def pause(self, paused: bool) -> None:
        """Take no new runs for now, or take them again. What is held goes on."""
        self.paused = paused
        if paused:
            self._link.give_up_fetch()
        else:
            self._link.nudge()

    async def reload(self) -> Reloaded:
        """Load the project's code anew, in new processes. Runs that are under way finish in the old ones."""
        began = time.monotonic()
        self._given = await variables.ask(self._calls)
        await self._tracing.heed(self._given.variables)
        crew = self._new_crew()
        ready = await crew.open()
        problems = _problems(ready)
        if problems or ready is None:
            await crew.close()
            emit("project.broken", problems=problems)
            return Reloaded(problems)
        registered = await self._link.register(self._introduction(ready))
        self._predecessors.succeed(registered.worker)
        old, self._crew = self._crew, crew
        self._retired = [crew for crew in self._retired if not crew.is_empty] + [old]
        crew.fill(registered.environment)
        self._name_shipped(registered)
        for held in old.retire():
            crew.give(held)
        self._link.give_up_fetch()  # the server holds it for the version before
        took_ms = round((time.monotonic() - began) * 1000)
        emit("project.loaded", version=registered.version, tasks=len(ready.tasks), took_ms=took_ms)
        return Reloaded([], registered.version, len(ready.tasks), registered.changes, took_ms)

    @property
    def connected(self) -> bool:
        """Whether the last call to the server got through."""
        return self._calls.connected

    async def _serve(self) -> None:
        """Until told to stop: work. Then: finish, within bounds."""
        serving = asyncio.create_task(self._link.serve())
        stopping = asyncio.create_task(self._stop_well())
        try:
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            for task in (serving, stopping):
                task.cancel()
            await asyncio.gather(serving, stopping, return_exceptions=True)

    async def _stop_well(self) -> None:
        await self._stop.wait()
        await self._until_idle(self.settings.drain_timeout_s)
        for held in list(self._held.values()):
            self._interrupt(held, "drain")
        await self._until_idle(self.settings.kill_grace_s + 1)
        patience_s = 0.0 if self._hurry.is_set() else self._tracing.patience_s
        crews = [self._crew, *self._retired]
        await asyncio.gather(*(crew.leave(patience_s) for crew in crews))
        await self._until_idle(None)
        patience_s = _QUICK_WORDS_S if self._hurry.is_set() else _LAST_WORDS_S
        await asyncio.wait([asyncio.create_task(self._link.flushed())], timeout=patience_s)

    async def _until_idle(self, timeout_s: float | None) -> None:
        """Wait until nothing is held; shorter when told to hurry."""
        if not self._held:
            return
        self._idle.clear()
        waits = [asyncio.create_task(self._idle.wait())]
        if timeout_s is not None:
            waits.append(asyncio.create_task(self._hurry.wait()))
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()

    def _new_crew(self) -> Crew:
        return Crew(
            self.settings, self._guard,
            variables=variables.environment(self._given, tracing=self._tracing.is_writing),
            on_lines=self._on_lines, on_ended=self._on_ended, on_gone=self._on_gone,
        )  # fmt: skip

    def _introduction(self, ready: Ready) -> Register:
        settings = self.settings
        return Register(
            name=settings.name or f"{socket.gethostname()}:{os.getpid()}",
            version=settings.version,
            tasks=ready.tasks,
            slots=settings.slots,
            protocol=[PROTOCOL],
            project=ready.project,
            content_hash=ready.content_hash,
            sdk=version("hairtrigger"),
            replaces=[] if self._link.worker else self._predecessors.dead(),
            queues=list(settings.queues),
            promote=settings.promote,
        )

    def _announce(self, registered: Registered) -> None:
        ready = self._crew.ready
        assert ready is not None
        self._name_shipped(registered)
        emit(
            "worker.started", worker=registered.worker, version=registered.version,
            environment=registered.environment, tasks=[task.id for task in ready.tasks],
            slots=self.settings.slots, processes=self.settings.processes, changes=registered.changes,
            problems=ready.problems,
        )  # fmt: skip

    def _name_shipped(self, registered: Registered) -> None:
        if self._shipping is not None:
            self._shipping.environment = registered.environment
            self._shipping.version = registered.version

    # what the link asks and tells

    def free(self, settled: int = 0) -> int:
        if self.draining or self.paused:
            return 0
        return self.settings.slots - len(self._held) - len(self._unsettled) + settled

    def executes(self) -> bool:
        return bool(self._held)

    def leases(self) -> list[tuple[str, int, int]]:
        held = [(*key, held.seen) for key, held in self._held.items()]
        return held + [(*key, seen) for key, seen in self._unsettled.items()]

    def take(self, runs: list[Raw]) -> None:
        heard = is_heard("attempt.started")
        if self._shipping is None:
            heads: Sequence[Head] = [_head.decode(raw) for raw in runs]
        else:
            heads = self._shipping.started(runs, _now_ms())
        for head, raw in zip(heads, runs, strict=True):
            held = Held(head, raw)
            self._held[held.key] = held
            self._crew.give(held)
            # inline, a debugger may take its time
            if head.max_duration_ms is not None and not self.settings.inline:
                left_s = max(0, head.max_duration_ms - head.used_ms) / 1000
                held.timers.append(self._loop.call_later(left_s, self._interrupt, held, "timeout"))
            if heard:
                emit("attempt.started", run=head.id, task=head.task, attempt=head.attempt)

    def hear(self, held: wire.Held) -> bool:
        news = False
        for run in held.lost:
            for known in self._of_run(run):
                self._orphans.add(known.key)
                self._interrupt(known, "lost")
                news = True
        for notice in held.notices:
            for known in self._of_run(notice.run):
                if notice.n > known.seen:
                    known.seen, news = notice.n, True
                    if notice.cancel:
                        self._interrupt(known, "cancel")
        return news

    def settled(self, key: Key, verdict: str) -> None:
        self._unsettled.pop(key, None)
        if verdict == "lost":
            emit("lease.lost", run=key[0], lease=key[1])

    def lease_ends(self, within_s: float) -> None:
        for held in list(self._held.values()):
            self._interrupt(held, "lost", within_s)

    def _of_run(self, run: str) -> list[Held]:
        return [held for key, held in self._held.items() if key[0] == run]

    # interruptions

    def _interrupt(self, held: Held, why: Why, within_s: float | None = None) -> None:
        """Stop a run: by asking, then by killing its process when it has not stopped in time."""
        if held.why is not None or held.key not in self._held:
            return
        held.why = why
        if held.child is None:
            self._crew.withdraw(held)
            self._end(held, outcome.interrupted(held.key, why, begun=False))
            return
        held.child.interrupt(held, why)
        grace_s = self.settings.kill_grace_s if within_s is None else within_s
        held.timers.append(self._loop.call_later(grace_s, held.child.kill))

    # what the children tell

    def _on_lines(self, child: Child, lines: list[Line]) -> None:
        if is_heard("log.written"):
            tell.lines(lines, self._held)
        if self._shipping is not None:
            self._shipping.lines(lines, self._held)
        self._link.report_lines(lines)

    def _on_ended(self, child: Child, ended: Iterable[Ended]) -> None:
        pop = child.held.pop
        known = [(held, item) for item in ended if (held := pop((item.run, item.lease), None))]
        for held, item in known:
            self._close(held, item)
        self._tell_ends([(held.head, item) for held, item in known])
        self._crew.has_room(child)

    def _on_gone(self, child: Child) -> None:
        """A child is gone; whatever it held is ours to account for."""
        unexpected = bool(child.held) or not child.stopping
        if unexpected:
            emit("child.died", pid=child.pid, exit_code=child.exit_code, held=len(child.held))
        lot = list(child.held.values())
        child.held.clear()
        for held in lot:
            self._end(held, self._fate(held, child, alone=len(lot) == 1))
        for crew in [self._crew, *self._retired]:
            crew.gone(child)

    def _fate(self, held: Held, child: Child, *, alone: bool) -> Result:
        head = held.head
        if held.why is not None:
            return outcome.interrupted(held.key, held.why, begun=held.begun())
        if not held.begun():
            return outcome.interrupted(held.key, "drain", begun=False)
        return Result(head.id, head.lease, crashed=child.obituary(), alone=alone)

    def _end(self, held: Held, result: Result) -> None:
        """End a hand-out that has no child to report it."""
        ended = Ended(*held.key, Raw(_encoder.encode(result)))
        self._close(held, ended)
        self._tell_ends([(held.head, ended)])

    def _close(self, held: Held, ended: Ended) -> None:
        held.forget_timers()
        self._held.pop(held.key, None)
        if held.key in self._orphans:
            self._orphans.discard(held.key)
            self._link.nudge()
        else:
            self._unsettled[held.key] = held.seen
            self._link.report_result(ended)
            self._link.nudge()
        if is_heard("attempt.failed"):
            tell.end(held.head, ended)
        if not self._held:
            self._idle.set()

    def _tell_ends(self, ends: list[tuple[Head, Ended]]) -> None:
        self._tracing.ended(ends)
        if self._shipping is not None:
            self._shipping.ended(ends, _now_ms())


def _now_ms() -> int:
    return int(time.time() * 1000)


def _problems(ready: Ready | None) -> list[LoadProblem]:
    if ready is None:
        return [LoadProblem("", 0, "The process that loaded the project died of it.")]
    return ready.problems


def _usable(ready: Ready | None, settings: WorkerSettings) -> Ready:
    problems = _problems(ready)
    if ready is not None and (not problems or settings.tolerant):
        return ready
    shown = "\n".join(f"{p.file}:{p.line}: {p.error}\n{p.traceback}".rstrip() for p in problems)
    raise ProjectError(f"The project in {settings.project_dir} cannot be loaded.\n{shown}")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
