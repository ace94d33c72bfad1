"""Small drawings made on the server, as SVG: bars, sparklines, meters, histograms. Their sizes are attributes,
which a strict policy of contents allows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

LONGEST_MS = 600_000.0  # fills a duration bar


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: how much of it (0 to 1), and the name of its colour."""

    share: float
    colour: str


def bar(
    segments: Sequence[Segment], *, width: int = 92, height: int = 4, label: str = ""
) -> Markup:
    """Segments side by side on a track."""
    parts: list[str] = []
    at = 0.0
    for one in segments:
        wide = max(one.share * width, 1.5) if one.share > 0 else 0
        wide = min(wide, width - at)
        if wide > 0:
            parts.append(
                f'<rect class="f-{one.colour}" x="{at:.1f}" width="{wide:.1f}" height="{height}"/>'
            )
        at += wide
    named = f' role="img" aria-label="{escape(label)}"' if label else ' aria-hidden="true"'
    return Markup(
        f'<svg class="bar" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'preserveAspectRatio="none"{named}>{"".join(parts)}</svg>'
    )  # fmt: skip


def duration_bar(waited_ms: float | None, took_ms: float | None, colour: str) -> Markup:
    """How long a run waited (grey) and took, on a scale where each tenth of the bar is a multiple."""
    waited, took = waited_ms or 0, took_ms or 0
    whole = _log(waited + took)
    ahead = whole * waited / (waited + took) if waited + took else 0
    return bar([Segment(ahead, "idle"), Segment(whole - ahead, colour)])


def meter(used: float, of: float | None, *, colour: str = "run", width: int = 176) -> Markup:
    """How much of something is used: amber from 90 % on."""
    share = min(used / of, 1.0) if of else (1.0 if used and of == 0 else 0.0)
    return bar([Segment(share, "retry" if share >= 0.9 else colour)], width=width)


def progress(share: float) -> Markup:
    """How far something is, 0 to 1."""
    return bar([Segment(min(max(share, 0.0), 1.0), "run")], width=150)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a histogram: what it says on hover, its parts from the bottom as (colour, number), and
    whether its time is not over."""

    title: str
    parts: Sequence[tuple[str, int]]
    open: bool = False

    @property
    def total(self) -> int:
        return sum(number for _, number in self.parts)


def spark(columns: Sequence[Column], *, width: int = 88, height: int = 18) -> Markup:
    """Columns without axes; nothing is a dot on the ground."""
    most = max((column.total for column in columns), default=0) or 1
    step = width / max(len(columns), 1)
    parts: list[str] = []
    for n, column in enumerate(columns):
        high = max(height * column.total / most, 2.0) if column.total else 1.0
        colour = "fail" if any(c == "fail" and k for c, k in column.parts) else "quiet"
        parts.append(
            f'<rect class="f-{colour}" x="{n * step:.2f}" y="{height - high:.1f}" width="{step * 0.72:.2f}" '
            f'height="{high:.1f}"><title>{escape(column.title)}</title></rect>'
        )
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'aria-hidden="true">{"".join(parts)}</svg>'
    )  # fmt: skip


def columns(of: Sequence[Column], *, width: int, height: int) -> Markup:
    """Stacked columns in a box that stretches; the axis is the template's."""
    most = top(of)
    step = width / max(len(of), 1)
    parts: list[str] = []
    for n, column in enumerate(of):
        x, wide, ground = n * step, step * 0.74, float(height)
        drawn: list[str] = []
        for colour, number in column.parts:
            high = height * number / most
            if number:
                high = max(high, 1.5)
                ground -= high
                drawn.append(
                    f'<rect class="f-{colour}" x="{x:.2f}" y="{ground:.2f}" width="{wide:.2f}" height="{high:.2f}"/>'
                )
        open_ = ' class="is-open"' if column.open else ""
        parts.append(
            f'<g{open_} data-n="{n}"><rect class="hit" x="{x:.2f}" y="0" width="{step:.2f}" height="{height}"/>'
            f"{''.join(drawn)}<title>{escape(column.title)}</title></g>"
        )
    return Markup(
        f'<svg class="columns" viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )  # fmt: skip


def top(of: Sequence[Column]) -> int:
    """A round number that no column exceeds."""
    most = max((column.total for column in of), default=0)
    if most <= 1:
        return 1
    scale = 10 ** math.floor(math.log10(most))
    return next(
        int(scale * n) for n in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if scale * n >= most
    )


def _log(ms: float) -> float:
    """0 to 1 for nothing to ten minutes; a millisecond still shows."""
    return min(math.log10(1 + ms) / math.log10(1 + LONGEST_MS), 1.0) if ms > 0 else 0.0
