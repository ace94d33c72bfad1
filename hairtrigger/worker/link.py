"""The worker protocol: what is asked when, and what happens when no answer comes.

Three calls go on side by side: ``fetch`` is held while slots are free, ``report`` goes out whenever there is
something to say and nothing else is being said, ``hold`` is always under way and keeps the lease alive. What
the runs are is the supervisor's business (``Duty``).
"""

import asyncio
import contextlib
import time

import msgspec
from msgspec import Raw

from hairtrigger.errors import ApiError, ConnectionFailed, HairtriggerError, UnknownWorker
from hairtrigger.telemetry.events import emit
from hairtrigger.wire.worker import Fetch, Held, Hold, Leave, Register, Registered
from hairtrigger.worker.calls import Calls, NotSent, Refused, unless_cancelled
from hairtrigger.worker.duty import Duty
from hairtrigger.worker.frames import Ended, Line
from hairtrigger.worker.outbox import Outbox, Parcel

_CALL_TIMEOUT_S = 30.0
_REPORT_TIMEOUT_S = 10.0  # it can be sent again, and its connection may be dead
_BYTES_A_S = 100_000  # that a slow line carries
_LEAVE_TIMEOUT_S = 2.0
_LATE_S = 5.0  # how much later than promised a held call may be answered
_LINES_WAIT_S = 0.1  # log lines alone are gathered for so long
_MAX_REPORTS, _WORTH_A_REPORT = 2, 32  # at once; results that make a second one worth its while
_GATHER_S = 0.002  # that fewer results wait for others: to write two costs as much as to write ten
_MARGIN = 0.1  # of the lease: bodies are interrupted so long before its end, to have stopped
_AT_ONCE_S, _PAUSE_S = 0.02, 0.1  # an empty answer that was not held is not asked for again at once

_encoder = msgspec.json.Encoder()


class _Report(msgspec.Struct, omit_defaults=True):
    """``wire.worker.Report`` whose results and events are bytes already."""

    worker: str
    results: list[Raw] = []
    events: list[Raw] = []
    want: int = 0


class _Runs(msgspec.Struct):
    """The answers to fetch and report, their runs left as bytes."""

    runs: list[Raw] = []
    verdicts: list[str] = []


_runs = msgspec.json.Decoder(_Runs)
_held = msgspec.json.Decoder(Held)
_registered = msgspec.json.Decoder(Registered)


class Link:
    """One worker session: registered, then served until it is left."""

    def __init__(self, calls: Calls, duty: Duty) -> None:
        self._calls, self._duty = calls, duty
        self._introduction: Register | None = None
        self._registering = asyncio.Lock()
        self._outbox = Outbox()
        self._reporting = self._under_way = 0  # reports, and the results in them
        self._lines_under_way = False
        self._promised = 0  # slots that the fetch under way may fill
        self._asking = 0  # slots that the reports under way may fill
        self._beyond = 0  # of those, the ones that were not their results'
        self._draining = False
        self._doubt = False  # an answer that may have carried runs is lost
        self._hasten = False  # the last hold has no answer: the lease may have been renewed, or not
        self._hold_call: asyncio.Task[bytes | None] | None = None
        self._fetch_call: asyncio.Task[bytes | None] | None = None
        self._report_calls: set[asyncio.Task[bytes | None]] = set()
        self._room, self._say, self._flushed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._lines_timer: asyncio.TimerHandle | None = None
        self._renewed = asyncio.Event()
        self._renewed_at = 0.0
        self.worker = ""
        self.registered: Registered | None = None

    # what the supervisor says

    async def register(self, introduction: Register) -> Registered:
        """Open the session, or go on with it under another version. Waits for a server that is away.

        Raises:
            ApiError: when the server refuses, such as ``Unauthorized``.
        """
        async with self._registering:
            self._introduction = introduction
            return await self._register(introduction)

    async def serve(self) -> None:
        """Keep the session going until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_fetching())
            group.create_task(self._keep_reporting())
            group.create_task(self._keep_holding())
            group.create_task(self._keep_watching())

    def report_lines(self, lines: list[Line]) -> None:
        """Lines go with the next results, or soon."""
        dropped = self._outbox.add_lines(lines)
        if dropped:
            emit("log.dropped", count=dropped)
        self._flushed.clear()
        if self._lines_timer is None:
            loop = asyncio.get_running_loop()
            self._lines_timer = loop.call_later(_LINES_WAIT_S, self._lines_due)

    def report_result(self, ended: Ended) -> None:
        """A result goes at once, or with all that gathered while another report was under way."""
        self._outbox.add_result(ended)
        self._flushed.clear()
        self._say.set()

    def nudge(self) -> None:
        """Something changed that may allow a fetch."""
        self._room.set()

    def give_up_fetch(self) -> None:
        """End the fetch under way: it asks for more than is wanted, or for an older version's runs."""
        if self._fetch_call is not None:
            self._doubt = True  # runs may be in the answer that nobody will read
            self._fetch_call.cancel()

    def drain(self) -> None:
        """Take no more runs."""
        self._draining = True
        if self._fetch_call is not None:
            self._fetch_call.cancel()
        self._room.set()

    async def flushed(self) -> None:
        """Wait until everything said has been heard."""
        self._lines_due()
        while not self.is_flushed:
            self._flushed.clear()
            await self._flushed.wait()

    @property
    def is_flushed(self) -> bool:
        """Whether everything said has been heard."""
        return not self._outbox and not self._reporting

    async def leave(self) -> None:
        """Close the session."""
        with contextlib.suppress(HairtriggerError, Refused):
            body = _encoder.encode(Leave(self.worker))
            await self._calls.once("leave", body, timeout_s=_LEAVE_TIMEOUT_S)

    # fetch

    async def _keep_fetching(self) -> None:
        while not self._draining:
            want = self._duty.free()
            # a report with results asks for as many as it frees: a full worker never fetches
            if want <= 0 or self._doubt:
                self._room.clear()
                await self._room.wait()
                continue
            await self._fetch(want)

    async def _fetch(self, want: int) -> None:
        assert self.registered is not None
        began = time.monotonic()
        timeout_s = self.registered.hold_ms / 1000 + _LATE_S
        message = Fetch(self.worker, want)
        self._promised = want
        self._fetch_call = asyncio.create_task(self._try("fetch", message, timeout_s=timeout_s))
        try:
            body = await unless_cancelled(self._fetch_call)
        finally:
            self._promised, self._fetch_call = 0, None
        if body is None:
            self._make_sure()
            return
        runs = _runs.decode(body).runs
        self._duty.take(runs)
        if not runs and time.monotonic() - began < _AT_ONCE_S:
            await asyncio.sleep(_PAUSE_S)

    # report

    def _lines_due(self) -> None:
        if self._lines_timer is not None:
            self._lines_timer.cancel()
            self._lines_timer = None
        self._say.set()

    async def _keep_reporting(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await self._say.wait()
                self._say.clear()
                if self._is_early():
                    await self._gather()
                while self._outbox and self._may_report():
                    parcel = self._outbox.take()
                    self._reporting += 1
                    self._under_way += len(parcel.results)
                    self._lines_under_way = self._lines_under_way or bool(parcel.events)
                    group.create_task(self._send(parcel))
                if self.is_flushed:
                    self._flushed.set()

    def _may_report(self) -> bool:
        """One report at a time, in which all gathers that ends meanwhile; a second one beside it when that is
        much, or all that is to come and more than the first, so that the server need not wait for us. Not beside
        log lines, which their results must not overtake."""
        if not self._reporting:
            return True
        ended = self._outbox.results
        is_worth_it = ended >= _WORTH_A_REPORT or (
            ended > self._under_way and not self._duty.executes()
        )
        return is_worth_it and self._reporting < _MAX_REPORTS and not self._lines_under_way

    def _is_early(self) -> bool:
        return 0 < self._outbox.results < _WORTH_A_REPORT and self._duty.executes()

    async def _gather(self) -> None:
        """Wait a moment, while other runs are executed, for some of them to end as well."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GATHER_S):
                while self._is_early():
                    await self._say.wait()
                    self._say.clear()

    async def _send(self, parcel: Parcel) -> None:
        await self._deliver(parcel)
        self._reporting -= 1
        self._under_way -= len(parcel.results)
        self._room.set()
        if not self._reporting:
            self._lines_under_way = False
        self._say.set()

    async def _deliver(self, parcel: Parcel) -> None:
        """Repeat a report until it has an answer; one that is refused is taken apart."""
        try:
            while not await self._report(parcel):
                continue
        except ApiError as error:
            if not 400 <= error.status < 500 or error.status in (401, 403):
                raise
            if len(parcel.results) > 1:
                for part in parcel.halves():
                    await self._deliver(part)
            elif parcel.results and not parcel.apology:
                await self._deliver(parcel.apologise(str(error)))

    async def _report(self, parcel: Parcel) -> bool:
        asks = bool(parcel.results) and not self._draining and not self._doubt
        own = len(parcel.results)  # their places are free once the report is heard
        free = self._duty.free(own) - self._promised - self._beyond if asks else 0
        asking, beyond = max(0, free), max(0, free - own)
        self._asking += asking
        self._beyond += beyond
        message = _Report(self.worker, parcel.results, parcel.events, asking)
        call = asyncio.create_task(self._try("report", message, timeout_s=_REPORT_TIMEOUT_S))
        self._report_calls.add(call)
        try:
            body = await unless_cancelled(call)
        finally:
            self._asking -= asking
            self._beyond -= beyond
            self._report_calls.discard(call)
        if body is None:
            self._make_sure()
            return False
        answer = _runs.decode(body)
        for key, verdict in zip(parcel.keys, answer.verdicts, strict=False):
            self._duty.settled(key, verdict)
        if answer.runs:
            self._duty.take(answer.runs)
        self._room.set()
        return True

    # hold

    async def _keep_holding(self) -> None:
        while True:
            await self._hold()

    async def _hold(self) -> None:
        # only in doubt: else a report may overtake this list, and what it brings would be missed in it
        quiet = self._doubt and not self._promised and not self._asking
        wait = not self._hasten and not quiet
        message = Hold(self.worker, self._duty.leases(), quiet, wait)
        sent_at = time.monotonic()
        timeout_s = self._lease_s / 3 + min(_LATE_S, self._lease_s / 3)
        self._hold_call = asyncio.create_task(self._try("hold", message, timeout_s=timeout_s))
        body = await unless_cancelled(self._hold_call)
        self._hasten = body is None
        if body is None:
            if time.monotonic() - sent_at >= timeout_s:
                self._begin_anew()
            return
        self._renew(sent_at)
        held = _held.decode(body)
        if quiet and not held.late:
            self._doubt = False
            self._room.set()
        news = self._duty.hear(held)
        if wait and not news and time.monotonic() - sent_at < _AT_ONCE_S:
            await asyncio.sleep(_PAUSE_S)

    def _make_sure(self) -> None:
        """Send the hold that ends a doubt, as soon as nothing else is under way."""
        if self._doubt and not self._promised and not self._asking and self._hold_call is not None:
            self._hold_call.cancel()

    def _begin_anew(self) -> None:
        """A hold had no answer in its time: the connections of the other calls, which wait for longer, may be
        as dead. Whatever their answers would have brought is found out by the next hold."""
        self.give_up_fetch()
        for call in self._report_calls:
            self._doubt = True
            call.cancel()

    # the lease

    @property
    def _lease_s(self) -> float:
        assert self.registered is not None
        return self.registered.lease_ms / 1000

    @property
    def _margin_s(self) -> float:
        return self._lease_s * _MARGIN

    def _renew(self, sent_at: float) -> None:
        """The server renewed the lease after ``sent_at``: counted from there, on our own clock."""
        self._renewed_at = max(self._renewed_at, sent_at)
        self._renewed.set()

    async def _keep_watching(self) -> None:
        while True:
            left_s = self._renewed_at + self._lease_s - self._margin_s - time.monotonic()
            if left_s > 0:
                await asyncio.sleep(left_s)
                continue
            self._duty.lease_ends(self._margin_s)
            self._renewed.clear()
            await self._renewed.wait()

    # one try of any call

    async def _register(self, introduction: Register) -> Registered:
        message = msgspec.structs.replace(introduction, worker=self.worker)
        while True:
            sent_at = time.monotonic()
            body = await self._try("register", message, timeout_s=_CALL_TIMEOUT_S)
            if body is not None:
                break
        self.registered = _registered.decode(body)
        self.worker = self.registered.worker
        self._renew(sent_at)
        return self.registered

    async def _try(self, call: str, message: msgspec.Struct, *, timeout_s: float) -> bytes | None:
        """Make a call once. None when it has to be made again, after a wait that is already over.

        Raises:
            ApiError: when the server will never take it.
        """
        body = _encoder.encode(message)
        try:
            timeout_s += len(body) / _BYTES_A_S
            return await self._calls.once(call, body, timeout_s=timeout_s)
        except NotSent:
            await self._calls.wait()
        except ConnectionFailed:
            # runs may have been handed out to us in the answer that never came; the server finds out by a
            # hold that was made while nothing could bring runs, so nothing may until that one has arrived
            self._doubt = self._doubt or call in ("fetch", "report")
            await self._calls.wait()
        except Refused as refused:
            if isinstance(refused.error, UnknownWorker) and call != "register":
                await self._register_again(message)
            elif not refused.passes:
                raise refused.error from None
            else:
                await self._calls.wait(refused.wait_s or 0)
        return None

    async def _register_again(self, message: msgspec.Struct) -> None:
        """The server forgot us: open the session again, once for all calls. The leases stand."""
        async with self._registering:
            if self._introduction is not None and getattr(message, "worker", "") == self.worker:
                await self._register(msgspec.structs.replace(self._introduction, replaces=[]))
