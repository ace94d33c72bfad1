"""A small real server of the worker protocol, with the faults of a network at hand.

It keeps what a server must: who holds what under which lease, whose lease is renewed, which result was the
first. Tests put runs in, break things, and wait for what comes out.
"""

import asyncio
import itertools
import time
import weakref
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from hairtrigger.wire import worker as wire
from hairtrigger.wire.worker import Event, Notice, Result, RunInfo

VERSION = "20260101.1"


class ProtocolServer:
    """One environment's worth of runs, and the workers that come for them."""

    def __init__(self, *, lease_ms: int = 15_000, hold_ms: int = 5_000) -> None:
        self.lease_ms, self.hold_ms = lease_ms, hold_ms
        self.url = ""
        self.ready: list[RunInfo] = []
        self.out: dict[tuple[str, int], str] = {}  # run, lease: worker session
        self.most_out = 0  # at once
        self.results: dict[str, Result] = {}  # the first one of each hand-out that was still valid
        self.all_results: list[Result] = []  # repeats and late ones too
        self.events: dict[str, list[Event]] = defaultdict(list)
        self.registrations: list[wire.Register] = []
        self.fetches: list[wire.Fetch] = []
        self.reports: list[wire.Report] = []
        self.holds: list[wire.Hold] = []
        self.left: list[str] = []
        self.variables = wire.Variables()
        self.notices: dict[str, Notice] = {}
        self.lost: set[str] = set()
        self.lost_answers: list[str] = []  # runs that a quiet hold did not list
        self.late = 0  # quiet holds that are to be answered before anything is compared
        self.drop: dict[str, int] = defaultdict(int)  # call: how many answers get lost
        self.refuse: dict[str, list[web.Response]] = defaultdict(list)
        self.stored: dict[str, str] = {}  # JSON texts, by the paths that they can be read from
        self.down = False  # no call is answered at all
        self._connections: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._half_open: list[asyncio.BaseTransport] = []
        self.known: set[str] = set()
        self._ids = itertools.count(1)
        self._infos: dict[tuple[str, int], RunInfo] = {}
        self._changed = asyncio.Condition()
        self._decided: dict[tuple[str, int], bytes] = {}

    # what tests do

    def add(self, task: str, payload: Any = None, *, lease: int = 1, **facts: Any) -> str:
        """Queue a run of a task; gives its id."""
        number = next(self._ids)
        packet = (
            None if payload is None else ("application/json", msgspec.json.encode(payload).decode())
        )
        packet = facts.pop("packet", packet)
        info = RunInfo(
            id=facts.pop("id", f"run_{number}"), lease=lease, attempt=facts.pop("attempt", 1), task=task,
            max_attempts=facts.pop("max_attempts", 3), created_at=int(time.time() * 1000),
            queue=f"task/{task}", version=VERSION, payload=packet, **facts,
        )  # fmt: skip
        self.ready.append(info)
        self.wake()
        return info.id

    def half_open(self) -> None:
        """On the connections that there are now, no answer will ever arrive."""
        self._half_open += self._connections

    def cancel(self, run: str) -> None:
        """Ask whoever has a run to stop it."""
        self.notices[run] = Notice(run, 1, cancel=True)
        self.wake()

    def wake(self) -> None:
        """Let everything that waits look again."""
        self._wakers = {asyncio.get_running_loop().create_task(self._notify())}

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], Any], timeout_s: float = 15) -> None:
        """Wait until something is true of this server."""

        async def wait() -> None:
            async with self._changed:
                await self._changed.wait_for(holds)

        await asyncio.wait_for(wait(), timeout_s)

    async def result(self, run: str, timeout_s: float = 15) -> Result:
        """Wait for the result of a run."""
        await self.until(lambda: run in self.results, timeout_s)
        return self.results[run]

    async def line(self, run: str, text: str, timeout_s: float = 15) -> Event:
        """Wait for a line of a run's log that contains a text."""
        await self.until(lambda: any(text in e.message for e in self.events[run]), timeout_s)
        return next(e for e in self.events[run] if text in e.message)

    def lines(self, run: str) -> list[str]:
        """A run's log, in order."""
        return [e.message for e in sorted(self.events[run], key=lambda e: e.seq)]

    # what workers do

    async def answer(self, request: web.Request) -> web.StreamResponse:
        call = request.match_info["call"]
        assert request.transport is not None
        self._connections.add(request.transport)
        body = await request.read()
        while self.down:
            request.transport.close()
            raise ConnectionResetError
        if self.refuse[call]:
            return self.refuse[call].pop(0)
        session = msgspec.json.decode(body).get("worker", "")
        if call not in ("register", "variables") and session not in self.known:
            return web.json_response(
                {"error": "Unknown worker", "code": "unknown_worker"}, status=409
            )
        reply = await getattr(self, f"_{call}")(body)
        await self._notify()
        if request.transport in self._half_open:
            await asyncio.Event().wait()
        if self.drop[call]:
            self.drop[call] -= 1
            assert request.transport is not None
            request.transport.close()
            raise ConnectionResetError
        return web.Response(body=msgspec.json.encode(reply), content_type="application/json")

    async def answer_stored(self, request: web.Request) -> web.StreamResponse:
        text = self.stored.get(request.path)
        if text is None:
            return web.json_response({"error": "Packet not found"}, status=404)
        if self.refuse["stored"]:
            return self.refuse["stored"].pop(0)
        return web.Response(text=text, content_type="application/json")

    async def _register(self, body: bytes) -> wire.Registered:
        message = msgspec.json.decode(body, type=wire.Register)
        self.registrations.append(message)
        session = message.worker or f"worker_{len(self.registrations)}"
        self.known.add(session)
        version = f"20260101.{len({r.content_hash for r in self.registrations})}"
        return wire.Registered(session, version, self.lease_ms, self.hold_ms, wire.PROTOCOL, "dev")

    def _hand_out(self, session: str, want: int) -> list[RunInfo]:
        runs, self.ready = self.ready[:want], self.ready[want:]
        for info in runs:
            self.out[info.id, info.lease] = session
            self._infos[info.id, info.lease] = info
        self.most_out = max(self.most_out, len(self.out))
        return runs

    async def _fetch(self, body: bytes) -> wire.Fetched:
        message = msgspec.json.decode(body, type=wire.Fetch)
        self.fetches.append(message)
        await self._notify()
        try:
            await self.until(lambda: self.ready or self.down, self.hold_ms / 1000)
        except TimeoutError:
            return wire.Fetched([])
        return wire.Fetched(self._hand_out(message.worker, message.want))

    async def _report(self, body: bytes) -> wire.Reported:
        message = msgspec.json.decode(body, type=wire.Report)
        self.reports.append(message)
        verdicts = [self._settle(message.worker, result) for result in message.results]
        for event in message.events:
            self.events[event.run].append(event)
        return wire.Reported(verdicts, self._hand_out(message.worker, message.want))

    def _settle(self, session: str, result: Result) -> str:
        self.all_results.append(result)
        key = (result.id, result.lease)
        if self._decided.get(key) == msgspec.json.encode(result):
            return "ok"
        if self.out.pop(key, None) != session:
            return "lost"
        self._decided[key] = msgspec.json.encode(result)
        self.results[result.id] = result
        self.notices.pop(result.id, None)
        return "ok"

    async def _hold(self, body: bytes) -> wire.Held:
        message = msgspec.json.decode(body, type=wire.Hold)
        self.holds.append(message)
        await self._notify()
        if message.quiet and self.late:
            self.late -= 1
            return wire.Held(late=True)
        listed = {(run, lease) for run, lease, _ in message.leases}
        if message.quiet:
            strays = [k for k, s in self.out.items() if s == message.worker and k not in listed]
            for run, lease in strays:
                del self.out[run, lease]
                self.lost_answers.append(run)
                again = msgspec.structs.replace(self._infos.pop((run, lease)), lease=lease + 1)
                self.ready.append(again)
        seen = {run: n for run, _, n in message.leases}

        def news() -> wire.Held | None:
            theirs = {run for (run, _), session in self.out.items() if session == message.worker}
            lost = [run for run in self.lost if run in seen]
            fresh = [
                n for run, n in self.notices.items() if run in theirs and n.n > seen.get(run, 0)
            ]
            return wire.Held(lost, fresh) if lost or fresh or self.down else None

        if not message.wait:
            return news() or wire.Held()
        try:
            await self.until(news, self.lease_ms / 3000)
        except TimeoutError:
            return wire.Held()
        answer = news() or wire.Held()
        self.lost -= set(answer.lost)
        return answer

    async def _variables(self, body: bytes) -> wire.Variables:
        msgspec.json.decode(body, type=wire.AskVariables)
        return self.variables

    async def _leave(self, body: bytes) -> dict[str, str]:
        self.left.append(msgspec.json.decode(body, type=wire.Leave).worker)
        return {}


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[ProtocolServer]:
    """A server on a free port of this machine."""
    server = ProtocolServer(**options)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/api/hairtrigger/v1/worker/{call}", server.answer)
    app.router.add_get("/stored/{name}", server.answer_stored)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
