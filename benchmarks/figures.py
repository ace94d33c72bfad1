"""From samples to printed tables: medians, percentiles, ratios of one run."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.processes import ROLES, Role
from benchmarks.running import Sample

SHOWN: dict[str, tuple[Role, ...]] = {
    "database": ("database",),
    "server": ("server",),
    "worker": ("worker",),
    "children": ("children",),
    "client": ("client", "loader"),
}


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value with at least `share` (0 to 1) of all values at or below it."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One table, the first column to the left, all others to the right."""
    widths = [max(len(line[place]) for line in [head, *rows]) for place in range(len(head))]
    print(f"\n{title}")
    for line in [head, *rows]:
        cells = [text.rjust(width) for text, width in zip(line, widths, strict=True)]
        print("  " + "   ".join([line[0].ljust(widths[0]), *cells[1:]]))


def print_rates(title: str, found: Mapping[str, Sequence[Sample]]) -> None:
    """Rates with CPU microseconds a run, split by process: medians of the rounds.

    The first row is ours where ours is measured; two columns divide its median by each other's, of
    this same session.
    """
    first = next(iter(found))
    head = ["", "runs/s", "lowest to highest", f"{first} ÷ it"]
    head += [f"{role} µs" for role in SHOWN] + ["CPU µs/run", f"{first} ÷ it"]
    rows: list[list[str]] = []
    rates = {name: statistics.median(one.rate for one in found[name]) for name in found}
    costs = {name: _cost(found[name], *ROLES) for name in found}
    for name, samples in found.items():
        every = [one.rate for one in samples]
        rows.append(
            [name, f"{rates[name]:,.0f}", f"{min(every):,.0f} to {max(every):,.0f}"]
            + ["" if name == first else ratio(rates[first], rates[name])]
            + [_number(_cost(samples, *roles)) for roles in SHOWN.values()]
            + [f"{costs[name]:,.0f}"]
            + ["" if name == first else ratio(costs[first], costs[name])]
        )
    print_table(title, head, rows)


def print_times(
    title: str, found: Mapping[str, Sequence[Mapping[str, float]]], *, digits: int = 1
) -> None:
    """Named figures of each system, medians of the rounds, and what the first, ours, is of each."""
    first, *others = found
    names = list(found[first][0])
    middle = {
        system: {name: statistics.median(one[name] for one in rounds) for name in names}
        for system, rounds in found.items()
    }
    rows = [
        [system, *(_number(value[name], digits) for name in names)]
        for system, value in middle.items()
    ]
    rows += [
        [f"{first} ÷ {other}", *(ratio(middle[first][name], middle[other][name]) for name in names)]
        for other in others
    ]
    print_table(title, ["", *names], rows)


def spread(values_ns: Sequence[int]) -> dict[str, float]:
    """Median, 99th percentile and worst, in ms."""
    return {
        "p50 ms": percentile(values_ns, 0.5) / 1e6,
        "p99 ms": percentile(values_ns, 0.99) / 1e6,
        "worst ms": max(values_ns) / 1e6,
    }


def ratio(ours: float, theirs: float) -> str:
    """Ours divided by theirs, to two or three figures."""
    if theirs <= 0:
        return "–"
    value = ours / theirs
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}" if value else "–"


def _cost(samples: Sequence[Sample], *roles: Role) -> float:
    return statistics.median(one.cpu_per_run(*roles) for one in samples)
