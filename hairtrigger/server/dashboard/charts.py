"""Interactive charts: what their island draws (static/js/chart.js), the same as SVG for whoever has no
scripts, and as a table for whoever sees neither.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from markupsafe import Markup, escape

from hairtrigger.rules.stats import MINUTE_MS, Stat, percentile
from hairtrigger.server.dashboard import words
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.store.catalog import Catalog
from hairtrigger.wire import durations

WIDTH, HEIGHT = 600, 150  # of the box of the SVG, which stretches
MOST_MARKS = 12
FEW_A_MINUTE = 5  # below it, a chart counts by column
_LEAST_MS = 0.5  # a time that is less is drawn there: logarithms know no 0
Unit = Literal["count", "ms"]


class Series(NamedTuple):
    """One line, or one layer of a stack; None where nothing is known."""

    name: str
    colour: str
    values: Sequence[float | None]


class Mark(NamedTuple):
    """An instant (ms) with a name, such as a deployment."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Values by column, from ``start`` (ms), each ``column`` ms wide. ``stack`` draws counts on top of each
    other, ``lines`` times (ms) on a logarithmic axis. ``per`` is what counts are divided by on the axis.
    Charts with the same ``sync`` share one cursor."""

    kind: Literal["stack", "lines"]
    start: int
    column: int
    series: Sequence[Series]
    now: int
    title: str = ""
    per: float = 1
    marks: Sequence[Mark] = ()
    sync: str = "page"

    @property
    def size(self) -> int:
        return len(self.series[0].values)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not any(
            v if self.kind == "stack" else v is not None for s in self.series for v in s.values
        )

    @property
    def data(self) -> dict[str, object]:
        """For the island."""
        return {
            "kind": self.kind, "start": self.start, "column": self.column, "now": self.now,
            "per": self.per, "sync": self.sync,
            "series": [{"name": s.name, "colour": s.colour, "values": s.values} for s in self.series],
            "marks": [[mark.at, mark.name] for mark in self.marks],
        }  # fmt: skip

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """When each column begins, and its values in words; columns without any are left out."""
        made = []
        for n in range(self.size):
            values = [one.values[n] for one in self.series]
            if any(values):
                made.append(
                    (durations.iso(self.start + n * self.column), [self.said(v) for v in values])
                )
        return made

    def said(self, value: float | None) -> str:
        """A value in words."""
        if value is None:
            return "–"
        return f"{value:,.0f}" if self.kind == "stack" else words.duration(value)

    @property
    def svg(self) -> Markup:
        """The drawing for whoever has no scripts; its axes are the template's."""
        drawn = self._stack() if self.kind == "stack" else self._lines()
        return Markup(
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
            f"{''.join(drawn)}</svg>"
        )

    @property
    def top(self) -> float:
        """The largest value; of a stack, of what stands on each other."""
        if self.kind == "lines":
            return max((v for one in self.series for v in one.values if v is not None), default=0)
        return max((sum(v or 0 for v in column) for column in self._columns()), default=0)

    def _columns(self) -> Iterable[tuple[float | None, ...]]:
        return zip(*(one.values for one in self.series), strict=True)

    def _stack(self) -> list[str]:
        most, step = self.top or 1, WIDTH / max(self.size, 1)
        parts = []
        for n, column in enumerate(self._columns()):
            ground = float(HEIGHT)
            for one, value in zip(self.series, column, strict=True):
                high = HEIGHT * (value or 0) / most
                ground -= high
                if high:
                    parts.append(
                        f'<rect class="f-{escape(one.colour)}" x="{n * step:.1f}" y="{ground:.1f}" '
                        f'width="{step * 0.72:.1f}" height="{high:.1f}"/>'
                    )
        return parts

    def _lines(self) -> list[str]:
        known = [
            math.log(max(v, _LEAST_MS)) for one in self.series for v in one.values if v is not None
        ]
        if not known:
            return []
        low, high = min(known), max(known)
        scale, step = HEIGHT * 0.86 / ((high - low) or 1), WIDTH / max(self.size, 1)
        parts = []
        for one in self.series:
            points = [
                f"{(n + 0.5) * step:.1f},{HEIGHT * 0.93 - (math.log(max(v, _LEAST_MS)) - low) * scale:.1f}"
                for n, v in enumerate(one.values) if v is not None
            ]  # fmt: skip
            parts.append(f'<polyline class="l-{escape(one.colour)}" points="{" ".join(points)}"/>')
        return parts


def outcomes(columns: Mapping[int, Stat], of: Range, now: int, marks: Sequence[Mark] = ()) -> Chart:
    """How many runs ended how, by when they were created: by the minute, where there are that many."""
    stats = list(columns.values())
    most = max((stat.runs for stat in stats), default=0)
    minutes = of.column / MINUTE_MS
    by_minute = minutes == 1 or most / minutes >= FEW_A_MINUTE
    return Chart(
        "stack", of.start, of.column,
        [
            Series("completed", "ok", [stat.completed for stat in stats]),
            Series("failed", "fail", [stat.failed for stat in stats]),
            Series("canceled", "idle", [stat.canceled for stat in stats]),
        ],
        now, "Runs per minute" if by_minute else f"Runs per {width(of.column)}",
        minutes if by_minute else 1, marks,
    )  # fmt: skip


def took(columns: Mapping[int, Stat], of: Range, now: int, marks: Sequence[Mark] = ()) -> Chart:
    """How long runs took, from their start to their end: the half, 95 and 99 of a hundred took less."""

    def share(part: float) -> list[float | None]:
        return [_rounded(percentile(stat.took, part)) for stat in columns.values()]

    return Chart(
        "lines", of.start, of.column,
        [
            Series("p50", "run", share(0.5)),
            Series("p95", "wait", share(0.95)),
            Series("p99", "crash", share(0.99)),
        ],
        now, "Duration", 1, marks,
    )  # fmt: skip


def failures(counted: Mapping[int, int], of: Range, now: int, marks: Sequence[Mark] = ()) -> Chart:
    """How often something failed."""
    values = [counted.get(at, 0) for at in of.columns()]
    return Chart(
        "stack", of.start, of.column, [Series("failed", "fail", values)], now,
        f"Occurrences per {width(of.column)}", 1, marks,
    )  # fmt: skip


def width(column: int) -> str:
    """The width of a column (ms) in words: ``minute``, ``15 minutes``, ``day``."""
    for size, name in ((86_400_000, "day"), (3_600_000, "hour"), (MINUTE_MS, "minute")):
        if column % size == 0:
            return name if column == size else f"{column // size} {name}s"
    return words.duration(column)


def deployments(catalog: Catalog, env: int, of: Range) -> list[Mark]:
    """The versions that came in a range; the last of them where each edit is one, as in development."""
    found = sorted(
        (one.created_at, one.name)
        for one in catalog.versions.values()
        if one.env == env and of.start <= one.created_at < of.end
    )
    return [Mark(*one) for one in found[-MOST_MARKS:]]


def _rounded(ms: float | None) -> float | None:
    """Four digits: a percentile is not known better."""
    return None if ms is None else float(f"{ms:.4g}")


@dataclass(slots=True)
class Bars:
    """A row of small bars without axes: shares of the height (0 to 1), what each says, and which are red."""

    heights: list[float] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)

    def svg(self, *, colour: str = "soft", width: int = 240, height: int = 28) -> Markup:
        """The bars in a box that stretches; nothing is a line on the ground."""
        step = width / max(len(self.heights), 1)
        parts = []
        for n, (share, title) in enumerate(zip(self.heights, self.titles, strict=True)):
            high = max(height * share, 1.0)
            parts.append(
                f'<rect class="f-{"fail" if n in self.bad else colour}" x="{n * step:.2f}" '
                f'y="{height - high:.2f}" width="{step * 0.84:.2f}" height="{high:.2f}" rx="1">'
                f"<title>{escape(title)}</title></rect>"
            )
        return Markup(
            f'<svg class="bars" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
            f'aria-hidden="true">{"".join(parts)}</svg>'
        )
