"""A traceback for people: frames from the innermost out, one's own open, those of a library together."""

import re
from dataclasses import dataclass, field
from typing import Any

from hairtrigger.rules.run import RunError
from hairtrigger.wire.code import is_own
from hairtrigger.wire.worker import Failure

_FRAME = re.compile(r'^  File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<name>.+)$')
_PACKAGE = re.compile(r"[/\\](?:site|dist)-packages[/\\](?P<name>[^/\\]+)")
_MARKS = re.compile(r"^\s*[~^]+\s*$")


@dataclass(slots=True)
class Frame:
    """A line of code that was being executed. ``source``: numbered lines around it."""

    path: str
    line: int
    name: str
    own: bool
    package: str
    source: list[tuple[int, str]] = field(default_factory=list)

    @property
    def file(self) -> str:
        """The last parts of its path."""
        return "/".join(re.split(r"[/\\]", self.path)[-2:])


@dataclass(slots=True)
class Group:
    """Frames of one's own code, each; or neighbours of one library, together."""

    frames: list[Frame]

    @property
    def own(self) -> bool:
        return self.frames[0].own


def context(error: RunError | None) -> dict[str, Any]:
    """What a template shows an error by: ``error``, the ``groups`` of its frames, and its ``causes`` with theirs."""
    if error is None:
        return {"error": None, "groups": [], "causes": []}
    causes = [(one, read(one)) for one in error.failure.causes]
    return {"error": error, "groups": read(error.failure), "causes": causes}


def read(failure: Failure) -> list[Group]:
    """The frames of a failure's traceback, newest first, one's own with the source that was kept with it; none
    when its traceback is not Python's."""
    sources = {(one.path, one.line): one for one in failure.sources}
    found: list[Frame] = []
    for text in failure.trace.splitlines():
        match = _FRAME.match(text)
        if match is not None:
            path = match["path"]
            package = _PACKAGE.search(path)
            own = is_own(path)
            name = package["name"].removesuffix(".py") if package else "Python"
            found.append(Frame(path, int(match["line"]), match["name"], own, name))
        elif found and text.startswith("    ") and not _MARKS.match(text) and not found[-1].source:
            found[-1].source.append((found[-1].line, text[4:]))
    for frame in found:
        kept = sources.get((frame.path, frame.line))
        if kept is not None:
            frame.source = list(enumerate(kept.lines, kept.first))
    groups: list[Group] = []
    for frame in reversed(found):
        last = groups[-1].frames[-1] if groups else None
        if last is not None and not last.own and not frame.own and last.package == frame.package:
            groups[-1].frames.append(frame)
        else:
            groups.append(Group([frame]))
    return groups
