"""The children of one version of the code: starts them, replaces dead ones, picks one for a run."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from hairtrigger.telemetry.events import emit
from hairtrigger.worker.frames import Ended, Line, Ready
from hairtrigger.worker.process import Child, Guard, Held
from hairtrigger.worker.settings import WorkerSettings

_RUNS_EACH = 50  # of a child for one run at a time, before a fresh one takes its place
_IDLE_S = 10.0  # how long such a child is kept for the next run
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 5.0  # between starts of children that die at once


class Crew:
    """Children that share runs, and *single* ones that have one run at a time to themselves."""

    def __init__(
        self,
        settings: WorkerSettings,
        guard: Guard,
        *,
        variables: Mapping[str, str],
        on_lines: Callable[[Child, list[Line]], None],
        on_ended: Callable[[Child, list[Ended]], None],
        on_gone: Callable[[Child], None],
    ) -> None:
        self._settings, self._guard, self._variables = settings, guard, variables
        self._on_lines, self._on_ended, self._on_gone = on_lines, on_ended, on_gone
        self._shared: list[Child] = []
        self._single: list[Child] = []
        self._all: set[Child] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._singles_starting = 0
        self._waiting: deque[Held] = deque()
        self._waiting_alone: deque[Held] = deque()
        self._environment: str | None = None
        self._retired = False
        self._alone: frozenset[str] = frozenset()
        self.ready: Ready | None = None

    # life

    async def open(self) -> Ready | None:
        """Start the first child, which tells what the code holds. None when it died of loading it."""
        child = self._child()
        self.ready = await child.start(self._settings, self._variables)
        if self.ready is not None:
            self._alone = frozenset(self.ready.alone)
            self._shared.append(child)
        return self.ready

    def fill(self, environment: str) -> None:
        """The code is registered: introduce its environment, and start the other children."""
        self._environment = environment
        for child in self._shared:
            child.introduce(environment)
        for _ in range(self._settings.processes - len(self._shared)):
            self._start(single=False)
        if self._alone:
            self._start(single=True)

    def retire(self) -> list[Held]:
        """Let every child leave when it has nothing to do; gives the runs that none of them has yet."""
        self._retired = True
        for child in self._all:
            child.stop()
        left = [*self._waiting, *self._waiting_alone]
        self._waiting.clear()
        self._waiting_alone.clear()
        return left

    async def close(self, patience_s: float = 0.0) -> None:
        """Let the children leave, kill those that are still there after ``patience_s``."""
        self.retire()
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        leaving = list(self._all)
        await self.leave(patience_s)
        await asyncio.gather(*(child.gone() for child in leaving))

    async def leave(self, patience_s: float) -> None:
        """Let children that hold nothing send what they still have, for so long; then end all. Nobody takes
        their places."""
        self._retired = True
        going = [asyncio.create_task(child.gone()) for child in self._all if patience_s]
        if going:
            for child in self._all:
                child.stop()
            await asyncio.wait(going, timeout=patience_s)
            for one in going:
                one.cancel()
        self.kill()

    def kill(self) -> None:
        """End all children now; nobody takes their places."""
        self._retired = True
        for child in list(self._all):
            child.kill()

    @property
    def is_empty(self) -> bool:
        return not self._all

    # work

    def give(self, held: Held) -> None:
        """Find a child for a run; when there is none it waits for the next one."""
        if held.head.isolated or held.head.task in self._alone:
            self._waiting_alone.append(held)
        else:
            self._waiting.append(held)
        self._deal()

    def withdraw(self, held: Held) -> None:
        """Take back a run that waits for a child."""
        for queue in (self._waiting, self._waiting_alone):
            if held in queue:
                queue.remove(held)

    def has_room(self, child: Child) -> None:
        """A run of this child is over."""
        if child.single and not child.held and not child.stopping:
            if self._retired or child.runs_given >= _RUNS_EACH:
                child.stop()
            else:
                given = child.runs_given
                asyncio.get_running_loop().call_later(_IDLE_S, self._stop_idle, child, given)
        if self._waiting_alone:
            self._deal()

    def gone(self, child: Child) -> None:
        """A child has died or left; when it is one of ours that shared runs, another takes its place."""
        self._all.discard(child)
        if child in self._single:
            self._single.remove(child)
        if child in self._shared:
            self._shared.remove(child)
            self._start(single=False)

    def _deal(self) -> None:
        while self._waiting and self._shared:
            usable = [child for child in self._shared if not child.stopping]
            if not usable:
                break
            # a child whose loop stands still takes runs only when all do
            child = min(usable, key=lambda c: (c.blocked, len(c.held)))
            child.give(self._waiting.popleft())
        for child in self._single:
            if not self._waiting_alone:
                return
            if not child.held and not child.stopping:
                child.give(self._waiting_alone.popleft())
        for _ in range(len(self._waiting_alone) - self._singles_starting):
            self._start(single=True)

    def _stop_idle(self, child: Child, given: int) -> None:
        # the last one stays, warm for the next run
        spare = len(self._single) > 1 or not self._alone
        if not child.held and child.runs_given == given and spare:
            child.stop()

    # starting

    def _child(self, *, single: bool = False) -> Child:
        child = Child(
            self._guard, on_lines=self._on_lines, on_ended=self._on_ended, on_gone=self._on_gone
        )
        child.single = single
        self._all.add(child)
        return child

    def _start(self, *, single: bool) -> None:
        if self._retired:
            return
        self._singles_starting += single
        task = asyncio.create_task(self._bring_up(single))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _bring_up(self, single: bool) -> None:
        """Start a child, as often as it takes until one stands or none is wanted any more."""
        wait_s = _FIRST_WAIT_S
        try:
            while not self._retired and not await self._stands(single):
                await asyncio.sleep(wait_s)
                wait_s = min(_LONGEST_WAIT_S, wait_s * 2)
        finally:
            self._singles_starting -= single
        self._deal()

    async def _stands(self, single: bool) -> bool:
        child = self._child(single=single)
        ready = await child.start(self._settings, self._variables)
        if ready is None or self._environment is None:
            return False
        known = {task.id for task in self.ready.tasks} if self.ready else set()
        if not known <= {
            task.id for task in ready.tasks
        }:  # an edit on disk that was not loaded as a whole
            emit("project.broken", problems=ready.problems)
            child.kill()
            return False
        child.introduce(self._environment)
        (self._single if single else self._shared).append(child)
        emit("child.started", pid=child.pid, single=single)
        return True
