"""Public ids: made by the server, checked wherever they come in.

Inside, everything that is created has one 64-bit number: 41 bits of milliseconds since 2020, 10 bits of
node, 12 bits of sequence. It sorts by time, pages by itself and makes an insert repeatable. Outside it is
``run_`` and 24 hexadecimal digits, of which the first eight are a checksum: short forms of ids made in the
same second look different, and a mistyped id is refused without a query.
"""

import re
import time
from collections.abc import Callable

EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z; 41 bits last until 2089
_SEQUENCE_BITS, _NODE_BITS = 12, 10
_TIME_SHIFT = _SEQUENCE_BITS + _NODE_BITS
_MIX = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: spreads neighbouring numbers over all bits
_MASK = (1 << 64) - 1
_DIGITS = re.compile("[0-9a-f]{24}")


class IdMaker:
    """Makes the numbers of one node: strictly growing, whatever the clock does."""

    __slots__ = ("_clock", "_last", "_node")

    def __init__(self, node: int = 0, clock: Callable[[], float] = time.time) -> None:
        if not 0 <= node < 1 << _NODE_BITS:
            raise ValueError(f"node must be between 0 and {(1 << _NODE_BITS) - 1}, not {node}")
        self._node, self._clock, self._last = node << _SEQUENCE_BITS, clock, 0

    def __call__(self) -> int:
        """The next number. When a millisecond is full, the next one is borrowed."""
        tick = (int(self._clock() * 1000) - EPOCH_MS) << _SEQUENCE_BITS
        self._last = tick if tick > self._last else self._last + 1
        ms, sequence = self._last >> _SEQUENCE_BITS, self._last & ((1 << _SEQUENCE_BITS) - 1)
        return ms << _TIME_SHIFT | self._node | sequence

    def move_to(self, node: int) -> None:
        """Make numbers of another node from now on: the old one may be somebody else's."""
        self._node = node << _SEQUENCE_BITS

    def go_beyond(self, number: int) -> None:
        """Make no number of its millisecond or before: after a restart the clock may stand where it stood,
        and the greatest number need not be the last one of this node."""
        following = (number >> _TIME_SHIFT) + 1
        self._last = max(self._last, (following << _SEQUENCE_BITS) - 1)


def created_at(number: int) -> int:
    """When a number was made, in ms since 1970."""
    return (number >> _TIME_SHIFT) + EPOCH_MS


def first_at(instant: int) -> int:
    """The smallest number that could have been made at an instant (ms since 1970)."""
    return max(0, instant - EPOCH_MS) << _TIME_SHIFT


def public(prefix: str, number: int) -> str:
    """``public("run", 42)`` is ``run_`` and 24 digits of ``[0-9a-f]``."""
    return f"{prefix}_{(number * _MIX & _MASK) >> 32:08x}{number:016x}"


def parse(prefix: str, text: str) -> int | None:
    """The number behind a public id, or None when it cannot be one of ours."""
    head, _, digits = text.partition("_")
    if head != prefix or not _DIGITS.fullmatch(digits):
        return None
    check, number = int(digits[:8], 16), int(digits[8:], 16)
    return number if check == (number * _MIX & _MASK) >> 32 and number < 1 << 63 else None
