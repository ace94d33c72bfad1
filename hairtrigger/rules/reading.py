"""How far a run and its descendants have been read, so that whoever asks again is told only what is new.

A run has positions of its own and the tree has none, so a cursor names the position of every run that may
still say something. What it does not name was over when the cursor was made, or had said nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from hairtrigger.errors import BadRequest

SLACK_MS = (
    10_000  # a transaction may take this long to be seen by others, and clocks of servers differ
)
NEWS_MS = 2_000  # of changes of state, which the last answer of all has in any case
MOST_NAMED = 300  # a cursor travels in a query; a run that it should name and does not is read anew
MOST_OTLP = 2_000  # records of a run that come over OTLP, in each hand-out
OTLP = 1 << 31  # the first place of those, in a hand-out
_LEASE_SHIFT = 32
_SEQ, _FENCE = (1 << _LEASE_SHIFT) - 1, (1 << 20) - 1


class Reader(NamedTuple):
    """A run as far as reading it is concerned. ``ended_at`` is None while it goes on."""

    id: int
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader stands.

    ``at``: the instant (ms) of the snapshot it comes from. ``upto``: runs with a greater number have not been
    read at all; 0 when all have been. ``positions``: of the runs that may say more, and of their second lanes.
    """

    at: int = 0
    upto: int = -1
    positions: dict[int, int] = field(default_factory=dict)

    def after(self, run: Reader) -> int | None:
        """The position after which a run is to be read; None when it was read to its end."""
        known = self.positions.get(run.id)
        if known is not None:
            return known
        if -run.id in self.positions:
            return -1  # of its worker nothing has been read
        was_read = self.upto == 0 or run.id <= self.upto
        is_over = run.ended_at is not None and run.ended_at <= self.at - SLACK_MS
        return None if was_read and is_over else -1

    def has_seen(self, run: int, position: int) -> bool:
        """Whether what stands at a position came over OTLP and has been read: it may stand after what is new."""
        return position & OTLP != 0 and position <= self.positions.get(-run, -1)

    def seen_of(self, runs: Iterable[int]) -> int:
        """How many rows of these runs may be read once more for nothing, at most."""
        return MOST_OTLP * sum(-run in self.positions for run in runs)

    def is_new(self, *instants: int | None) -> bool:
        """Whether one of these came after the cursor was made, or so shortly before that it was not seen."""
        return any(instant is not None and instant > self.at - NEWS_MS for instant in instants)


def advance(positions: dict[int, int], since: Cursor, run: int, position: int) -> bool:
    """Note in ``positions`` that a row has been read; False when it was read before."""
    if since.has_seen(run, position):
        return False
    lane = -run if position & OTLP else run
    positions[lane] = max(positions.get(lane, 0), position)
    return True


def write(root: int, at: int, upto: int, runs: Iterable[Reader], positions: dict[int, int]) -> str:
    """The text of a cursor. ``positions`` are those reached now, of all runs that have said something."""
    named = [
        run.id for run in runs
        if (run.id in positions or -run.id in positions) and (run.ended_at is None or run.ended_at > at - SLACK_MS)
    ]  # fmt: skip
    if (upto in positions or -upto in positions) and upto not in named:
        named.append(upto)  # the one at which the page ended
    parts = [f"{at:x}", _signed(upto - root) if upto else ""]
    lanes = [lane for run in named for lane in (run, -run) if lane in positions]
    for run in lanes[-MOST_NAMED:]:
        position = positions[run]
        parts += [_signed(run - root), f"{position >> _LEASE_SHIFT:x}", f"{position & _SEQ:x}"]
    return ".".join(parts)


def read(root: int, text: str) -> Cursor:
    """A cursor that was written for the same root.

    Raises:
        BadRequest: it is none.
    """
    at, *rest = text.split(".")
    try:
        upto = root + int(rest[0], 16) if rest[0] else 0
        numbers = [int(part, 16) for part in rest[1:]]
        triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
        positions = {
            root + run: (fence & _FENCE) << _LEASE_SHIFT | seq & _SEQ for run, fence, seq in triples
        }
        return Cursor(int(at, 16), upto, positions)
    except (ValueError, IndexError):
        raise BadRequest("The cursor is not one of ours.") from None


def _signed(number: int) -> str:
    return f"-{-number:x}" if number < 0 else f"{number:x}"
