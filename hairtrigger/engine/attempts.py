"""Attempts: what a worker reports about the runs that it holds."""

import msgspec

from hairtrigger.engine.dequeue import Sessions
from hairtrigger.errors import BadRequest, UnknownWorker
from hairtrigger.rules.attempts import Again, Finish, Step
from hairtrigger.rules.project import Environment
from hairtrigger.store import watch
from hairtrigger.store.claim import Demand
from hairtrigger.store.settle import Settle, Settled
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit, is_heard
from hairtrigger.wire import durations, ids, packets
from hairtrigger.wire.statuses import FinalStatus
from hairtrigger.wire.worker import (
    MAX_RESULTS,
    Event,
    Failure,
    Report,
    Reported,
    Result,
    RunInfo,
)

MAX_OUTPUT = 10_485_760
_encode = msgspec.json.Encoder().encode
_LEASES = (1 << 20) - 1  # a position stays below 2**53, which every JSON reader can hold


async def report(store: Store, known: Sessions, env: Environment, body: Report) -> Reported:
    """Settle results, keep log lines and spans, and hand out what is ready for the slots now free.

    Raises:
        UnknownWorker: the session has ended; its results can be sent again by the next one.
        BadRequest: more than ``MAX_RESULTS`` results.
    """
    if len(body.results) > MAX_RESULTS:
        raise BadRequest(f"A report has at most {MAX_RESULTS} results, not {len(body.results)}.")
    demand = await known.demand(store, env, body.worker, body.want)
    items = [_item(demand, result) for result in body.results]
    settled: list[Settled] = []
    runs: list[RunInfo] = []
    # Lines and results go into one tick: were one of them stored alone, a repeat would double the lines.
    lines = store.add_events(env.id, _event_rows(body.events)) if body.events else None
    if items:
        try:
            settled, runs = await store.settle(items, demand if demand.want else None)
        except UnknownWorker:
            known.forget(body.worker)
            raise
        tell(store, settled)
    if lines is not None:
        await lines
        store.watch.tell({watch.run(number) for number in _runs_of(body.events)})
    return Reported([one.verdict for one in settled], runs)


def _item(demand: Demand, result: Result) -> Settle:
    number = ids.parse("run", result.id)
    if isinstance(result.done, tuple):
        kind, text = result.done
        if kind not in packets.TYPES:
            result = _without_output(result, f"The output has the unknown type {kind[:100]!r}.")
        elif "\0" in text:
            result = _without_output(result, "The output contains a NUL character.")
        elif len(text) > MAX_OUTPUT:
            result = _without_output(result, f"The output is larger than {MAX_OUTPUT} bytes.")
    if not 0 <= result.used_ms <= durations.MAX_MS or (result.retry_in_ms or 0) > durations.MAX_MS:
        retry_in_ms = result.retry_in_ms and min(result.retry_in_ms, durations.MAX_MS)
        used_ms = min(max(result.used_ms, 0), durations.MAX_MS)
        result = msgspec.structs.replace(result, used_ms=used_ms, retry_in_ms=retry_in_ms)
    return Settle(
        number if number is not None else -1, demand.env, demand.worker, result.lease, result
    )


def _without_output(result: Result, why: str) -> Result:
    """A result that cannot be stored fails its run, and no other that came in the same report."""
    failed = Failure("OutputError", why)
    return msgspec.structs.replace(result, done=None, failed=failed, retry_in_ms=None)


def _event_rows(events: list[Event]) -> list[tuple[int, int, str]]:
    rows: list[tuple[int, int, str]] = []
    for event in events:
        number = ids.parse("run", event.run)
        if number is not None:
            position = (event.lease & _LEASES) << 32 | event.seq & 0xFFFF_FFFF
            rows.append((number, position, _encode(event).decode()))
    return rows


def _runs_of(events: list[Event]) -> set[int]:
    numbers = {ids.parse("run", run) for run in {event.run for event in events}}
    return {number for number in numbers if number is not None}


def tell(store: Store, settled: list[Settled]) -> None:
    """Wake whoever waits for these runs, and say what became of them."""
    store.watch.tell(watch.run(one.run_id) for one in settled if one.step is not None)
    now = store.now()
    store.expect(now + one.step.delay_ms for one in settled if isinstance(one.step, Again))
    heard = is_heard("run.completed")
    for one in settled:
        if one.step is not None:
            if heard:
                _say(ids.public("run", one.run_id), one.attempt, one.step)
        elif one.verdict == "lost":
            emit("report.refused")


def _say(run: str, attempt: int, step: Step) -> None:
    match step:
        case Finish(FinalStatus.COMPLETED):
            emit("run.completed", run=run, attempt=attempt)
        case Finish(FinalStatus.CANCELED):
            emit("run.canceled", run=run, attempt=attempt)
        case Finish(status):
            emit("run.failed", run=run, attempt=attempt, status=status.name)
        case Again(delay_ms, _, reason):
            emit("run.retried", run=run, attempt=attempt, reason=reason, delay_ms=delay_ms)
