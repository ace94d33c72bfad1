"""What a supervisor and its children tell each other, and how: a 4-byte length, then JSON.

A run and its result pass through the supervisor as the bytes they came in: it reads heads, never payloads.
Both sides gather what they have to say in one turn of their loop and say it in one frame.
"""

import asyncio
from collections.abc import Callable
from typing import Literal, cast

import msgspec
from msgspec import Raw

from hairtrigger.wire.worker import RunInfo, TaskManifest

Why = Literal["cancel", "timeout", "drain", "lost"]
Key = tuple[str, int]  # run id and lease: one hand-out
Span = tuple[int, int, str]
"""Begin and end (ns since 1970) of a span, and in hex the ids of its trace and its own, if anybody knows them yet."""


class Setup(msgspec.Struct, omit_defaults=True):
    """What a child is told on its command line. No secrets: command lines are public."""

    project_dir: str
    slots: int
    echo: bool = True
    inline: bool = False
    parent: int = 0  # process id of the supervisor


class LoadProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a file of the project, or a task in it, cannot be used.

    ``context`` is the source around ``line``, numbered, the line itself marked with ``›``.
    """

    file: str
    line: int
    error: str
    context: str = ""
    traceback: str = ""


class Ready(msgspec.Struct, omit_defaults=True):
    """A child's first words: what it has loaded."""

    tasks: list[TaskManifest]
    problems: list[LoadProblem]
    content_hash: str
    project: str  # its reference, "" when there is no configuration
    alone: list[str] = []  # ids of the tasks that want a process for each run


class Interrupt(msgspec.Struct, array_like=True):
    run: str
    lease: int
    why: Why


class Orders(msgspec.Struct, array_like=True):
    """Supervisor to child, as the child reads it. ``environment`` is the slug, sent once."""

    runs: list[RunInfo]
    interrupts: list[Interrupt] = []
    environment: str | None = None
    stop: bool = False  # leave when nothing runs any more


class RawOrders(msgspec.Struct, array_like=True):
    """The same, as the supervisor writes it."""

    runs: list[Raw]
    interrupts: list[Interrupt] = []
    environment: str | None = None
    stop: bool = False


class Ended(msgspec.Struct, array_like=True):
    """A hand-out that is over; ``result`` is a ``wire.worker.Result``, encoded. ``span``: that which the supervisor
    writes of it for OpenTelemetry."""

    run: str
    lease: int
    result: Raw
    span: Span | None = None


class Line(msgspec.Struct, array_like=True):
    """A ``wire.worker.Event``, encoded, and whose it is."""

    run: str
    lease: int
    event: Raw


class Tidings(msgspec.Struct, array_like=True):
    """Child to supervisor. The lines of a hand-out never come after its end."""

    lines: list[Line] = []
    ended: list[Ended] = []
    blocked: bool | None = None  # the loop has stood still for seconds, or turns again
    ready: Ready | None = None


class Frames(asyncio.Protocol):
    """Cuts a stream of bytes into frames, and says when the other side is gone."""

    def __init__(self, on_frame: Callable[[bytes], None], on_gone: Callable[[], None]) -> None:
        self._on_frame, self._on_gone = on_frame, on_gone
        self._rest = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        if not self._rest and len(data) == 4 + int.from_bytes(data[:4], "big"):
            self._on_frame(data[4:])
            return
        rest = self._rest
        rest += data
        at, size = 0, len(rest)
        while size - at >= 4:
            end = at + 4 + int.from_bytes(rest[at : at + 4], "big")
            if end > size:
                break
            self._on_frame(bytes(rest[at + 4 : end]))
            at = end
        del rest[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_gone()

    def send(self, body: bytes) -> None:
        """Write one frame; without effect when the other side is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(len(body).to_bytes(4, "big") + body)

    def close(self) -> None:
        """Close the connection after what was written has left."""
        if self._transport is not None:
            self._transport.close()
