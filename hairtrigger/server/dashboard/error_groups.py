"""Groups of failures as pages show them: how often, since when, and what was decided about them."""

from collections.abc import Iterable
from dataclasses import dataclass

from hairtrigger.engine import failures
from hairtrigger.engine.failures import Group, Status
from hairtrigger.rules import fingerprints
from hairtrigger.rules.fingerprints import Piece
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.server.dashboard import counts, ranges
from hairtrigger.server.dashboard.graphics import Column
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.words import plural
from hairtrigger.store.store import Store

WORDS: dict[Status, tuple[str, str]] = {
    "unresolved": ("Unresolved", "FAILED"), "resolved": ("Resolved", "COMPLETED"), "ignored": ("Ignored", "CANCELED"),
}  # fmt: skip
"""What a status is called, and the status of a run whose glyph it has."""
FEW = 25  # columns of a sparkline, about


@dataclass(frozen=True, slots=True)
class Line:
    """A group in a list. ``columns`` and ``count`` are of the page's range."""

    group: Group
    columns: list[Column]
    count: int

    @property
    def pieces(self) -> list[Piece]:
        return fingerprints.pieces(self.group.message)

    @property
    def word(self) -> str:
        return WORDS[self.group.status][0]

    @property
    def glyph(self) -> str:
        return WORDS[self.group.status][1]

    @property
    def versions(self) -> str:
        """The first and the last version that failed, once when they are the same."""
        found = [self.group.first_version, self.group.last_version]
        return " – ".join(dict.fromkeys(filter(None, found))) or "–"

    @property
    def until(self) -> str:
        """How many more may fail before an ignored group comes back; empty where a time decides."""
        most = self.group.ignored_runs
        if self.group.status != "ignored" or most is None:
            return ""
        left = max(most - self.group.runs, 0)
        return f"for {plural(left, 'more run', 'more runs')}" if left else "until the next one"


async def lines(store: Store, groups: Iterable[Group], over: Range) -> list[Line]:
    """Groups with how often they failed in a range."""
    known = list(groups)
    column = over.column * -(-len(over.columns()) // FEW)
    found = await failures.over_time(
        store, known, start=over.start, end=over.end, step=over.step, column=column
    )
    return [
        Line(
            one,
            [
                Column(f"{counts.label(at, over)}: {found[one.id].get(at, 0):,}", [("fail", found[one.id].get(at, 0))])
                for at in range(over.start, over.end, column)
            ],
            sum(found[one.id].values()),
        )
        for one in known
    ]  # fmt: skip


async def same(store: Store, env: Environment, run: Run) -> Line | None:
    """The group of a failed run, with how often it failed in the last 24 hours."""
    group = await failures.of_run(store, env, run.id) if run.error is not None else None
    if group is None:
        return None
    return (await lines(store, [group], ranges.read({"period": "24h"}, store.now())))[0]
