"""What the list of log lines is narrowed to: the members of its query, and the words of its search field.

``level:error task:fetch-* -task:noise run:run_… "slow query"``: words with a colon are terms, everything else is
looked for in a line's message and attributes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hairtrigger.engine.logs import LEVELS, Wanted
from hairtrigger.errors import BadRequest
from hairtrigger.server.dashboard import syntax
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.syntax import Term
from hairtrigger.store.narrowing import Pattern, RunFilter
from hairtrigger.wire import ids

KEYS = {"level": "Level", "task": "Task", "run": "Run", "tag": "Tag", "version": "Version"}
_SPELLED = {"warning": "warn", "err": "error", "print": "log"}


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
    for term in syntax.read(query, KEYS):
        if term.key:
            found.terms.append(_known(term))
        else:
            found.words.append(term.value)
    return found


def _known(term: Term) -> Term:
    key, value, negative = term
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
