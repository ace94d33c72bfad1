"""What makes two failures the same: class, message without what varies, and the place in one's own code."""

import hashlib
import re
from typing import NamedTuple

from hairtrigger.rules.run import RunError
from hairtrigger.wire.code import is_own

_FRAMES = 3  # of one's own code, from where the error was raised
_MOST = 2_000  # characters of a message that are looked at
_FRAME = re.compile(r'^  File "(?P<path>[^"]+)", line \d+, in (?P<name>.+)$', re.MULTILINE)
_SLASH = re.compile(r"[/\\]")
_VARYING = re.compile(
    r"""(?P<quoted>(?<!\w)'[^'\n]*'(?!\w)|"[^"\n]*"|`[^`\n]*`)
    |(?P<url>\b[a-z][a-z0-9+.-]*://[^\s'"<>]+)
    |(?P<email>\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    |(?P<address>\b0x[0-9a-fA-F]+)
    |(?P<id>\b(?:[a-z]+_)?(?=[0-9a-fA-F-]*\d)[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*\b)
    |(?P<number>[+-]?\d+(?:[.,:]\d+)*)""",
    re.VERBOSE,
)


class Fingerprint(NamedTuple):
    """``text`` is the same for failures that are the same; ``type`` and ``message`` are for people."""

    text: str
    type: str
    message: str


class Piece(NamedTuple):
    """A part of a message, and whether it varies from one failure to the next."""

    text: str
    varies: bool


def of(task: str, error: RunError) -> Fingerprint:
    """The fingerprint of how a run of a task failed."""
    failure = error.failure
    message = failure.message[:_MOST]
    plain = _VARYING.sub(lambda found: f"<{found.lastgroup}>", message)
    parts = (task, failure.name, plain, *own_places(failure.trace))
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()
    return Fingerprint(digest, failure.name, message.strip().partition("\n")[0])


def pieces(message: str) -> list[Piece]:
    """A message, cut where it begins and ends to vary."""
    found: list[Piece] = []
    last = 0
    for match in _VARYING.finditer(message):
        if match.start() > last:
            found.append(Piece(message[last : match.start()], varies=False))
        found.append(Piece(match.group(), varies=True))
        last = match.end()
    if last < len(message):
        found.append(Piece(message[last:], varies=False))
    return found


def own_places(trace: str) -> list[str]:
    """The innermost frames of one's own code in a Python traceback, ``file:function``, without line numbers:
    those change with every edit."""
    own = [match for match in _FRAME.finditer(trace) if is_own(match["path"])]
    return [f"{_SLASH.split(one['path'])[-1]}:{one['name']}" for one in own[-_FRAMES:]]
