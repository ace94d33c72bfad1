"""Invented traces for the islands: a report that calls 204 child runs, at work or failed, of any size."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hairtrigger.engine.traces import Lines, Trace
from hairtrigger.rules.tree import HandOut, Line, Member, Said, Written
from hairtrigger.wire import ids
from hairtrigger.wire.worker import Event
from tests.clock import ms

BEGAN = ms("2026-03-02T18:04:11.208")
ROOT = ids.first_at(BEGAN) + 1
CHILDREN = ("fetch-external-api", "send-welcome-email", "process-data")
EVIL = "<img src=x onerror=alert(1)>"
_DB, _NET, _CACHE = (
    {"db.system": "postgresql"},
    {"http.request.method": "GET"},
    {"db.system": "redis"},
)
_SPANS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("INSERT INTO exports", _DB), ("redis GET rate:user", _CACHE), ("GET api.github.com/repos", _NET),
    ("POST api.axiom.co/ingest", _NET), ("serialise rows", {}), ("SELECT tasks", _DB),
    ("GET api.github.com/repos", _NET),
)  # fmt: skip
_SAID = (
    ("debug", "ratelimit remaining {n}"), ("info", "GET /repos/{n} 200 in {m} ms"),
    ("info", "Fetched repository {n}"),
    ("debug", "pool checkout 0.{n} ms"), ("debug", "serialised {n} rows to csv"), ("info", "Job started"),
    ("debug", "rate:user:4821 = {n}"), ("debug", "axiom: sent {m} events"),
)  # fmt: skip


@dataclass
class Scene:
    """A tree as the engine would find it. ``now`` in ms since 1970."""

    runs: list[Member] = field(default_factory=list)
    spans: list[Written] = field(default_factory=list)
    marks: list[Written] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    now: int = BEGAN
    live: bool = False
    truncated: bool = False
    seqs: dict[tuple[int, int], Iterator[int]] = field(default_factory=dict)

    def trace(self) -> Trace:
        """All of it."""
        return Trace(
            self.runs,
            {one.id for one in self.runs},
            self.spans,
            self.marks,
            self.now,
            "0",
            self.truncated,
        )

    def news(
        self, runs: list[Member], spans: list[Written], marks: list[Written] | None = None
    ) -> Trace:
        """What an answer to a cursor has."""
        return Trace(self.runs, {one.id for one in runs}, spans, marks or [], self.now, "1", False)

    def page(self, lines: list[Line], *, more: bool = False, cursor: str = "0") -> Lines:
        return Lines(self.runs, lines, cursor, more, len(lines))

    def seq(self, run: int, fence: int) -> int:
        return next(self.seqs.setdefault((run, fence), iter(range(1 << 20))))

    def span(
        self, run: int, fence: int, name: str, start: int, took: float, *, parent: str | None = None,
        error: bool = False, attributes: dict[str, Any] | None = None,
    ) -> Written:  # fmt: skip
        """One more span; answers it."""
        seq = self.seq(run, fence)
        id_ = f"{random.Random(run + fence * 7919 + seq).getrandbits(64):016x}"
        event = Event(
            ids.public("run", run), fence, start, seq, "span", name, attributes or None, id_, parent, took,
            error,
        )  # fmt: skip
        written = Written(run, fence, seq, event)
        self.spans.append(written)
        return written

    def line(
        self, run: int, fence: int, at: int, level: str, message: str, *, span: str | None = None,
        attributes: Any = None,
    ) -> Line:  # fmt: skip
        """One more log line, marked in the trace when it is bad; answers it."""
        seq = self.seq(run, fence)
        raw = msgspec.Raw(msgspec.json.encode(attributes))
        said = Said(ids.public("run", run), fence, at, seq, level, message, raw, span)
        line = Line(run, fence, seq, said)
        self.lines.append(line)
        if level in ("warn", "error"):
            event = Event(said.run, fence, at, seq, level, message, None, span)
            self.marks.append(Written(run, fence, seq, event))
        return line


def member(
    number: int, task: str, at: int, *, parent: int | None = None, index: int | None = None,
    batch: int | None = None, ended: int | None = None, status: str = "EXECUTING",
    tags: list[str] | None = None,
) -> Member:  # fmt: skip
    """A run without hand-outs so far."""
    is_bad = status in ("FAILED", "CRASHED")
    return Member(number, task, parent, batch, index, at, tags or [], 2, status, ended, is_bad, 1)


def report(
    *, live: bool, children: int = 204, lines: int = 5_000, failed: tuple[int, ...] = (), spans: int = 7,
    evil: bool = False, seed: int = 7,
) -> Scene:  # fmt: skip
    """``generate-report`` with its child runs, 8.14 s old or over; ``failed`` are indexes of children."""
    scene = Scene(live=live)
    luck = random.Random(seed)
    root = member(ROOT, "generate-report", BEGAN, tags=["user_4821"])
    scene.runs.append(root)
    t = BEGAN + 412
    select = scene.span(ROOT, 1, EVIL if evil else "SELECT tasks", t + 8, 310, attributes=_DB)
    scene.span(ROOT, 1, "postgres orion", t + 20, 280, parent=select.event.span, attributes=_NET)
    load = scene.span(ROOT, 1, "load-user-tasks", t + 360, 1_240)
    for n in range(12):
        at = t + 370 + n * 100
        scene.span(
            ROOT,
            1,
            "SELECT user_tasks",
            at,
            60 + luck.random() * 39,
            parent=load.event.span,
            attributes=_DB,
        )
    begin, end = BEGAN + 4_160, BEGAN + 8_140
    for index in range(children):
        _child(scene, luck, index, begin, end, spans, bad=index in failed, live=live)
    over = max([end, *(one.ended_at or 0 for one in scene.runs)])
    scene.now = end if live else over + 90
    root.hand_outs.append(HandOut(1, 1, t, None if live else scene.now, is_bad=bool(failed)))
    if not live:
        root.ended_at, root.is_bad = scene.now, bool(failed)
        root.status = "FAILED" if failed else "COMPLETED"
    _talk(scene, luck, lines, evil=evil)
    return scene


def _child(
    scene: Scene,
    luck: random.Random,
    index: int,
    begin: int,
    end: int,
    spans: int,
    *,
    bad: bool,
    live: bool,
) -> None:
    number = ROOT + 10 + index
    start = begin + (luck.randrange(60) if index < 40 else luck.randrange(60, 3_400))
    at = start - luck.choice((3, 4, 9, 60))
    one = member(number, luck.choice(CHILDREN), at, parent=ROOT, batch=ROOT + 5, index=index)
    scene.runs.append(one)
    for attempt in range(1, 4 if bad else 2):
        took = luck.randrange(300, 900)
        is_open = live and start + took > end
        for n in range(spans):
            name, attributes = _SPANS[n % len(_SPANS)]
            offset = n * took // (spans + 1) + luck.randrange(9)
            length = max(1, luck.random() * took / (spans + 1) * 1.4)
            broken = bad and n == spans - 1
            if is_open and start + offset + length > end:
                break
            scene.span(
                number, attempt, name, start + offset, length, error=broken,
                attributes={**attributes, "http.response.status_code": 502} if broken else attributes,
            )  # fmt: skip
        one.hand_outs.append(
            HandOut(
                attempt,
                attempt,
                start,
                None if is_open else start + took,
                "failed" if bad else "",
                bad,
            )
        )
        one.fence = attempt
        one.ended_at = None if is_open else start + took
        start += took + 1_000 * attempt
    one.is_bad = bad
    one.status = "FAILED" if bad else "EXECUTING" if one.ended_at is None else "COMPLETED"


def _talk(scene: Scene, luck: random.Random, count: int, *, evil: bool) -> None:
    spans = scene.spans
    for n in range(count):
        span = luck.choice(spans)
        at = min(scene.now, span.event.at + int(luck.random() * (span.event.duration_ms or 1)))
        place = span.event.span if luck.random() < 0.9 else None
        level, message = luck.choice(_SAID)
        message = message.format(n=luck.randrange(99), m=luck.randrange(300))
        attributes: dict[str, Any] | None = None
        if n % 41 == 0:
            level, message = "warn", "Slow query: 0.71 s"
        if n % 307 == 0:
            level, message = "error", "API returned 502: upstream timed out"
            attributes = {
                "error.name": "HTTPStatusError",
                "error.stack": "Traceback\n  File x\n    raise",
            }
        if n % 53 == 0:
            message, attributes = (
                "\x1b[32mok\x1b[0m cached \x1b[1mrow\x1b[0m",
                {"row": n, "hit": True},
            )
        if evil and n % 5 == 0:
            message, attributes = EVIL, {EVIL: EVIL}
        scene.line(span.run, span.fence, at, level, message, span=place, attributes=attributes)
    scene.lines.sort(key=lambda line: (line.run, line.fence, line.seq))
