"""What every run of every benchmark does: append when it was asked for and when it began.

Imported by the tasks of each system and by the driver, so standard library only. One file, opened
for appending, serves all worker processes: the kernel keeps 16-byte appends whole and in one row.
It costs a run about a microsecond and answers three questions without asking the system under
test: how many runs have begun, whether each began once, and how late. Linux's monotonic clock is
the same in every process, so the two instants may be subtracted.

A run that is held (`recovery.py`) notes its number when it begins, waits until the driver lets it go,
and notes the number below zero when it is done.
"""

import asyncio
import os
import struct
import time
from functools import cache
from pathlib import Path

RECORD = struct.Struct("=qq")
POLL_S = 0.02


def stamp(asked_ns: int) -> None:
    """Note that the run asked for at `asked_ns` (monotonic) begins now."""
    began_ns = time.monotonic_ns()
    os.write(_file(), RECORD.pack(asked_ns, began_ns))


def hold(number: int) -> None:
    """Begin the run of this number (from 1), and end it when the driver says so."""
    stamp(number)
    while not _may_go():
        time.sleep(POLL_S)
    stamp(-number)


async def hold_async(number: int) -> None:
    """The same on an event loop."""
    stamp(number)
    while not _may_go():
        await asyncio.sleep(POLL_S)
    stamp(-number)


def gate(path: Path) -> Path:
    """The file whose presence lets held runs go."""
    return path.with_suffix(".go")


def _may_go() -> bool:
    return gate(Path(os.environ["BENCH_STAMPS"])).exists()


@cache
def _file() -> int:
    return os.open(os.environ["BENCH_STAMPS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def count(path: Path) -> int:
    """How many runs have begun."""
    return path.stat().st_size // RECORD.size if path.exists() else 0


def read(path: Path, *, skip: int = 0) -> list[tuple[int, int]]:
    """Every (asked, began) in the order of beginning, without the first `skip`, in ns."""
    return list(RECORD.iter_unpack(path.read_bytes()[skip * RECORD.size :]))
