"""Counts of finished runs as charts and figures show them."""

from collections.abc import Mapping, Sequence

from hairtrigger.rules.stats import Stat, floor, merged
from hairtrigger.server.dashboard.graphics import Column
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.words import count
from hairtrigger.wire import durations


def by_column(found: Mapping[int, Stat], of: Range) -> dict[int, Stat]:
    """Counts by step added to those of the range's columns; each column is there."""
    columns: dict[int, list[Stat]] = {at: [] for at in of.columns()}
    for at, stat in found.items():
        place = of.start + floor(at - of.start, of.column)
        if place in columns:
            columns[place].append(stat)
    return {at: merged(stats) for at, stats in columns.items()}


def outcomes(columns: Mapping[int, Stat], of: Range, now: int) -> list[Column]:
    """Columns stacked by how runs ended: completed, failed, canceled from the bottom."""
    made: list[Column] = []
    for at, stat in columns.items():
        parts = [("ok", stat.completed), ("fail", stat.failed), ("idle", stat.canceled)]
        said = ", ".join(
            f"{count(number)} {word}"
            for word, number in (
                ("completed", stat.completed),
                ("failed", stat.failed),
                ("canceled", stat.canceled),
            )
            if number
        )
        made.append(Column(f"{label(at, of)}: {said or 'none'}", parts, open=at + of.column > now))
    return made


def label(at: int, of: Range) -> str:
    """When a column begins, in UTC."""
    text = durations.iso(at)
    return text[11:16] if of.length <= 2 * 86_400_000 else f"{text[5:10]} {text[11:16]}"


def ticks(of: Range, most: int = 12) -> list[tuple[float, int]]:
    """Where the axis of a chart names a time: the share of its width, and the instant."""
    places: Sequence[int] = of.columns()
    every = max(1, -(-len(places) // most))
    return [((at - of.start + of.column / 2) / of.length, at) for at in places[every // 2 :: every]]
