"""How many runs took how long: a histogram on a logarithmic scale, whose bars lead to their runs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from hairtrigger.rules.stats import bounds
from hairtrigger.server.dashboard import words

WIDTH, HEIGHT = 600, 150
_STEP = 3  # buckets of a bar: ten bars are a decade, within one percent
_LEAST = 12  # bars, so that one alone is not as wide as the chart
_DECADES = (
    (1, "1 ms"), (10, "10 ms"), (100, "100 ms"), (1_000, "1 s"), (10_000, "10 s"), (100_000, "100 s"),
    (1_000_000, "16m"), (10_000_000, "3h"), (100_000_000, "1d"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """Runs that took from ``low`` to ``high`` ms, both included."""

    low: int
    high: int
    runs: int

    @property
    def label(self) -> str:
        """``250 ms – 314 ms``."""
        if self.high <= self.low:
            return words.duration(self.low)
        return f"{words.duration(self.low)} – {words.duration(self.high)}"


@dataclass(frozen=True, slots=True)
class Spread:
    """Bars side by side, the first of which is that of a number: each is 26 % wider than the one before."""

    bars: list[Bar]
    first: int

    @property
    def is_empty(self) -> bool:
        return not any(bar.runs for bar in self.bars)

    @property
    def shown(self) -> list[Bar]:
        """Those that have runs."""
        return [bar for bar in self.bars if bar.runs]

    @property
    def most(self) -> int:
        return max((bar.runs for bar in self.bars), default=0)

    def place(self, ms: float) -> float | None:
        """Where a time lies, as a share of the width; None outside."""
        if not self.bars or ms <= 0:
            return None
        share = (math.log(ms) / math.log(1.08) / _STEP + 1 - self.first) / len(self.bars)
        return share if 0 <= share <= 1 else None

    def ticks(self) -> list[tuple[float, str]]:
        """Where the axis has a name: shares of the width."""
        placed = [(self.place(ms), name) for ms, name in _DECADES]
        return [(share, name) for share, name in placed if share is not None]

    def svg(self, href: Callable[[Bar], str]) -> Markup:
        """The bars in a box that stretches, each a link to its runs."""
        step, most = WIDTH / max(len(self.bars), 1), self.most or 1
        parts = []
        for n, bar in enumerate(self.bars):
            if not bar.runs:
                continue
            high = max(HEIGHT * bar.runs / most, 2.0)
            said = f"{bar.label}: {words.plural(bar.runs, 'run')}"
            parts.append(
                f'<a href="{escape(href(bar))}" aria-label="{escape(said)}" tabindex="-1"><g>'
                f'<rect class="hit" x="{n * step:.2f}" y="0" width="{step:.2f}" height="{HEIGHT}"/>'
                f'<rect class="f-run" x="{n * step:.2f}" y="{HEIGHT - high:.2f}" width="{step * 0.78:.2f}" '
                f'height="{high:.2f}"/><title>{escape(said)}</title></g></a>'
            )
        return Markup(
            f'<svg class="columns" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" '
            f'aria-hidden="true">{"".join(parts)}</svg>'
        )


def of(counts: Mapping[int, int]) -> Spread:
    """The histogram of counts by bucket (``rules/stats``)."""
    bars: dict[int, int] = {}
    for place, number in counts.items():
        bars[_bar(place)] = bars.get(_bar(place), 0) + number
    if not bars:
        return Spread([], 0)
    first, last = min(bars), max(bars)
    lacking = max(_LEAST - (last - first + 1), 0)
    first, last = max(first - lacking // 2, 0), last + (lacking + 1) // 2
    return Spread([_made(n, bars.get(n, 0)) for n in range(first, last + 1)], first)


def _bar(place: int) -> int:
    """The bar of a bucket: 0 is less than a millisecond."""
    return 0 if place <= 0 else 1 + (place - 1) // _STEP


def _made(n: int, runs: int) -> Bar:
    if n == 0:
        return Bar(0, 0, runs)
    low, _ = bounds(1 + (n - 1) * _STEP)
    _, high = bounds(n * _STEP)
    return Bar(math.ceil(low - 1e-6), math.ceil(high - 1e-6) - 1, runs)
