"""What comes over OTLP: spans and lines of runs that their worker does not report itself, kept with the others.

Each stands in the hand-out that was going on when it began, in a lane of its own (see ``rules.reading``).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hairtrigger.engine import traces
from hairtrigger.rules.project import Environment
from hairtrigger.rules.reading import MOST_OTLP, OTLP
from hairtrigger.rules.tree import Member
from hairtrigger.store import watch
from hairtrigger.store.database import Steps, each, fetch
from hairtrigger.store.store import Store
from hairtrigger.store.tick import Change
from hairtrigger.wire import ids
from hairtrigger.wire.worker import Event

MOST_RUNS = 500  # that one request may add to
MOST_BYTES = 65_536  # of one record; of a larger one the attributes are left out
_CHUNK = 500  # records in one tick: others wait for it
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Record:
    """A span or a line. ``at`` in ms; ``duration_ms`` None for a line, whose level is as in ``wire.worker.Event``."""

    run: str
    at: int
    level: str
    message: str
    attributes: dict[str, Any]
    span: str | None = None
    parent: str | None = None
    duration_ms: float | None = None
    is_error: bool = False


@dataclass(slots=True)
class Kept:
    """How many records were refused, by why."""

    refused: dict[str, int] = field(default_factory=dict)

    def refuse(self, count: int, why: str) -> None:
        if count:
            self.refused[why] = self.refused.get(why, 0) + count


async def keep(store: Store, env: Environment, records: Iterable[Record]) -> Kept:
    """Keep records with their runs; what cannot be kept is counted."""
    kept = Kept()
    by_run: dict[int, list[Record]] = defaultdict(list)
    for one in records:
        number = ids.parse("run", one.run)
        if number is None:
            kept.refuse(1, "no run has this id")
        elif number not in by_run and len(by_run) >= MOST_RUNS:
            kept.refuse(1, f"a request adds to at most {MOST_RUNS} runs")
        else:
            by_run[number].append(one)
    numbers = sorted(by_run)
    found = await store.with_catalog(lambda catalog: traces.members(catalog, env.id, numbers))
    placed: list[tuple[int, int, Record]] = []
    for number in numbers:
        member = found.get(number)
        if member is None:
            kept.refuse(len(by_run[number]), "no run has this id")
            continue
        placed += [(number, _fence(member, one.at), one) for one in by_run[number]]
    for start in range(0, len(placed), _CHUNK):
        refused = await store.change(_keeping(env.id, placed[start : start + _CHUNK]))
        kept.refuse(refused, f"a hand-out keeps at most {MOST_OTLP} records")
    store.watch.tell({watch.run(number) for number in found})
    return kept


def _keeping(env: int, placed: list[tuple[int, int, Record]]) -> Change:
    return lambda _catalog, _now: _keep(env, placed)


def _keep(env: int, placed: list[tuple[int, int, Record]]) -> Steps[int]:
    numbers = sorted({number for number, _, _ in placed})
    yield fetch("otlp_runs", numbers, env)
    lanes = sorted({(number, _first(fence)) for number, fence, _ in placed})
    firsts = [first for _, first in lanes]
    lasts = [first + OTLP - 1 for first in firsts]
    rows = yield fetch("otlp_last", [number for number, _ in lanes], firsts, lasts)
    following = {(run, first): first if last is None else last + 1 for run, first, last in rows}
    taken = list(_positions(placed, following))
    yield each("insert_events", [(run, env, at, _text(at, one)) for run, at, one in taken])
    return len(placed) - len(taken)


def _positions(
    placed: list[tuple[int, int, Record]], following: dict[tuple[int, int], int]
) -> Iterator[tuple[int, int, Record]]:
    for number, fence, one in placed:
        first = _first(fence)
        position = following[number, first]
        if position < first + MOST_OTLP:
            following[number, first] = position + 1
            yield number, position, one


def _fence(member: Member, at: int) -> int:
    """The hand-out that went on at an instant (ms); the first one when none had begun."""
    begun = [out.fence for out in member.hand_outs if out.began_at <= at]
    if begun:
        return begun[-1]
    return member.hand_outs[0].fence if member.hand_outs else member.fence


def _first(fence: int) -> int:
    return fence << 32 | OTLP


def _text(position: int, one: Record) -> str:
    fence, seq = position >> 32, position & 0xFFFF_FFFF
    made = Event(
        one.run, fence, one.at, seq, one.level, one.message, one.attributes or None, one.span, one.parent,
        one.duration_ms, one.is_error,
    )  # fmt: skip
    raw = _encode(made)
    if len(raw) > MOST_BYTES:
        made.message, made.attributes = made.message[:1_000], {"hairtrigger.too_large": len(raw)}
        raw = _encode(made)
    return raw.decode()
