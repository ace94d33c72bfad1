"""A run with its descendants: which hand-outs they had and what they said, as rows of history tell it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from hairtrigger.rules.reading import Reader
from hairtrigger.rules.verify import UNKNOWN
from hairtrigger.wire import statuses
from hairtrigger.wire.statuses import FinalStatus, LiveState
from hairtrigger.wire.worker import Event

SHORT = 5  # characters of a short id
NOT_BEGUN = "not begun"  # the reason of a hand-out that never reached its worker
_BAD_ENDS = frozenset(FinalStatus) - {
    FinalStatus.COMPLETED,
    FinalStatus.CANCELED,
    FinalStatus.EXPIRED,
}
_GOOD_REASONS = frozenset({"handed back", NOT_BEGUN})
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PAIRS = [one + other for one in _DIGITS for other in _DIGITS]


@dataclass(frozen=True, slots=True)
class HandOut:
    """One time that a worker had a run. Instants in ms; ``ended_at`` is None while it goes on."""

    fence: int
    attempt: int
    began_at: int
    ended_at: int | None
    reason: str = ""  # of one that did not finish its run
    is_bad: bool = False


@dataclass(slots=True)
class Member:
    """One run of a tree."""

    id: int
    task: str
    parent: int | None
    batch: int | None
    batch_index: int | None
    created_at: int
    tags: list[str]
    state: int | None
    status: str
    ended_at: int | None
    is_bad: bool
    fence: int
    hand_outs: list[HandOut] = field(default_factory=list)

    @property
    def reader(self) -> Reader:
        return Reader(self.id, self.ended_at)


class Written(NamedTuple):
    """A span, or a line that is marked, with its place: ``fence`` is the hand-out that wrote it."""

    run: int
    fence: int
    seq: int
    event: Event


class Said(msgspec.Struct, array_like=True):
    """A log line as it is stored (see ``wire.worker.Event``), its attributes left as they are."""

    run: str
    lease: int
    at: int
    seq: int
    level: str
    message: str
    attributes: msgspec.Raw = msgspec.Raw(b"null")
    span: str | None = None

    def fits(self, levels: Collection[str], words: Iterable[str]) -> bool:
        """Whether it is a line, no span, of one of these levels (none: of any), and has all of these words
        (casefolded) in its message or its attributes."""
        if self.level == "span" or (levels and self.level not in levels):
            return False
        message, attributes = self.message.casefold(), ""
        for word in words:
            if word in message:
                continue
            attributes = attributes or bytes(self.attributes).decode().casefold()
            if word not in attributes:
                return False
        return True


class Line(NamedTuple):
    """A log line with its place."""

    run: int
    fence: int
    seq: int
    said: Said


def place(position: int) -> tuple[int, int]:
    """The hand-out of a position in a run's log, and the place in it."""
    return position >> 32, position & 0xFFFF_FFFF


def short(name: str) -> str:
    """Five characters that stand for a span's id within its hand-out: among 1,000 spans, two have the same
    once in 2,000 times. Ids are most of what a trace has to send: nothing compresses what is random."""
    bits = crc32(name.encode())
    return _PAIRS[bits >> 20] + _PAIRS[bits >> 8 & 0xFFF] + _DIGITS[bits & 0x3F]


def member(row: Any, task: str, tags: list[str]) -> Member:
    """A run from the columns that say where it stands, with the hand-out that they know of."""
    id_, _, parent, batch, index, created_at, _, state, fence, flags, attempt, claimed_at, *end = (
        row
    )
    final, final_fence, final_attempt, final_claimed_at, started_at, ended_at = end
    made = Member(
        id_, task, parent, batch, index, created_at, tags, state, "", ended_at, False, fence or 0
    )
    if final is None:
        made.status = statuses.of_live(state, fence, flags)
        if state == LiveState.RUNNING and claimed_at is not None:
            made.hand_outs.append(HandOut(fence, attempt, claimed_at, None))
        return made
    made.status, made.fence = statuses.of_final(final), final_fence
    made.is_bad = final in _BAD_ENDS
    began_at = started_at if final_claimed_at == UNKNOWN else final_claimed_at
    if began_at is not None:
        made.hand_outs.append(
            HandOut(final_fence, final_attempt, began_at, ended_at, is_bad=made.is_bad)
        )
    return made


def hand_out(fence: int, attempt: int, began_at: int | None, ended_at: int, reason: str) -> HandOut:
    """A hand-out that did not finish its run."""
    begun = ended_at if began_at is None else began_at
    return HandOut(fence, attempt, begun, ended_at, reason, reason not in _GOOD_REASONS)


def had_others(one: Member) -> bool:
    """Whether a run may have had hand-outs besides the one that ``member`` knows of."""
    return one.fence > len(one.hand_outs)
