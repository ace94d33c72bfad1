"""What the list of log lines is narrowed to: the members of its query, and the words of its search field.

``level:error task:fetch-* -task:noise run:run_… "slow query"``: words with a colon are terms, everything else is
looked for in a line's message and attributes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hairtrigger.engine.logs import LEVELS, Wanted
from hairtrigger.errors import BadRequest
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.store.narrowing import Pattern, RunFilter
from hairtrigger.wire import ids

KEYS = {"level": "Level", "task": "Task", "run": "Run", "tag": "Tag", "version": "Version"}
_WORD = re.compile(r'(?P<not>-?)(?:(?P<key>[a-zA-Z]+):)?(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))')
_SPELLED = {"warning": "warn", "err": "error", "print": "log"}


class Term(NamedTuple):
    """One term of a search."""

    key: str
    value: str
    negative: bool = False


@dataclass(slots=True)
class LogSearch:
    """What is asked for. ``text`` is what stands in the search field."""

    text: str = ""
    terms: list[Term] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.terms or self.words)

    @property
    def levels(self) -> frozenset[str]:
        """The levels that are wanted; none: all."""
        return frozenset(term.value for term in self.terms if term.key == "level")

    def wanted(self, over: Range) -> Wanted:
        """The lines of a range that are."""
        runs, run = RunFilter(), None
        for key, value, negative in self.terms:
            if key == "run":
                run = ids.parse("run", value) or 0
            elif key != "level" and (negative or "*" in value):
                runs.patterns.append(Pattern(key, value, negative))
            elif key != "level":
                getattr(runs, f"{key}s").append(value)
        words = tuple(word.casefold() for word in self.words)
        return Wanted(runs, over.start, over.end, self.levels, words, run)


def read(query: Mapping[str, str]) -> LogSearch:
    """What a page's query asks for.

    Raises:
        BadRequest: an unknown term or level, or a run that is none.
    """
    found = LogSearch(query.get("q", ""))
    for key in KEYS:
        for value in filter(None, query.get(key, "").split(",")):
            found.terms.append(_term(key, value, negative=False))
    for match in _WORD.finditer(found.text):
        key, value = (
            match["key"],
            match["quoted"] if match["quoted"] is not None else match["plain"],
        )
        if key is None or key in ("http", "https"):
            found.words.append(match.group() if key else value)
        else:
            found.terms.append(_term(key.lower(), value, negative=bool(match["not"])))
    return found


def _term(key: str, value: str, *, negative: bool) -> Term:
    if key not in KEYS:
        raise BadRequest(
            f"Unknown search term {key[:40]!r}. Known: {', '.join(KEYS)}. "
            "Put words with a colon in quotes to look for them as they are."
        )
    if negative and key in ("level", "run"):
        raise BadRequest(f"{key}: cannot be turned around: say which you want.")
    if key == "level":
        value = _SPELLED.get(value.lower(), value.lower())
        if value not in LEVELS:
            raise BadRequest(f"Unknown level {value[:20]!r}. Known: {', '.join(LEVELS)}.")
    if key == "run" and ids.parse("run", value) is None:
        raise BadRequest(f"{value[:60]!r} is no run: give its whole id.")
    return Term(key, value, negative)
