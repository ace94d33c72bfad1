"""What waits to be reported: results and log lines, in the order they came, until the server has them."""

from collections import deque
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from hairtrigger.wire.worker import MAX_EVENT_BYTES, MAX_RESULTS, Failure, Result
from hairtrigger.worker.frames import Ended, Key, Line

_encode = msgspec.json.Encoder().encode
MAX_WAITING_BYTES = 64 * 1024 * 1024  # of log lines, while the server cannot be reached


@dataclass(frozen=True, slots=True)
class Parcel:
    """One report's worth. ``keys`` are those of the results; ``apology``: it replaces a refused one."""

    results: list[Raw]
    keys: list[Key]
    events: list[Raw]
    apology: bool = False

    def halves(self) -> "list[Parcel]":
        """Two parcels with half of the results each; the lines go with the first."""
        middle = len(self.results) // 2
        return [
            Parcel(self.results[:middle], self.keys[:middle], self.events),
            Parcel(self.results[middle:], self.keys[middle:], []),
        ]

    def apologise(self, why: str) -> "Parcel":
        """What goes in place of a result that the server will not have: it fails its run instead."""
        run, lease = self.keys[0]
        failed = Failure("ResultRefused", f"The server refused this run's result: {why}")
        result = _encode(Result(run, lease, failed=failed))
        return Parcel([Raw(result)], self.keys, [], apology=True)


class Outbox:
    """Lines and results in one order, so that a result never overtakes its own log.

    Results are never dropped; lines are, the newest first, beyond ``MAX_WAITING_BYTES``.
    """

    def __init__(self) -> None:
        self._items: deque[Ended | Line] = deque()
        self._line_bytes = 0
        self.results = 0

    def __len__(self) -> int:
        return len(self._items)

    def add_lines(self, lines: list[Line]) -> int:
        """Add lines; says how many of them had to be dropped."""
        dropped = 0
        for line in lines:
            size = memoryview(line.event).nbytes
            if self._line_bytes + size > MAX_WAITING_BYTES:
                dropped += 1
                continue
            self._line_bytes += size
            self._items.append(line)
        return dropped

    def add_result(self, ended: Ended) -> None:
        self._items.append(ended)
        self.results += 1

    def take(self) -> Parcel:
        """The oldest results and lines, as many as one report may carry; they leave the box."""
        parcel = Parcel([], [], [])
        size = 0
        while self._items and len(parcel.results) < MAX_RESULTS:
            item = self._items[0]
            raw = item.result if isinstance(item, Ended) else item.event
            size += memoryview(raw).nbytes
            if size > MAX_EVENT_BYTES and (parcel.results or parcel.events):
                break
            self._items.popleft()
            if isinstance(item, Ended):
                parcel.results.append(raw)
                parcel.keys.append((item.run, item.lease))
                self.results -= 1
            else:
                parcel.events.append(raw)
                self._line_bytes -= memoryview(raw).nbytes
        return parcel
