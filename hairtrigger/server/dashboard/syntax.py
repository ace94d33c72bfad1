"""The language of search fields: ``status:failed -queue:emails duration:>5s "connection reset"``.

Words with a colon are terms, everything else is looked for as it is. What a list makes of its terms is its own
(``search``, ``log_search``).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

_VALUE = r':)?(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))'
_WORD = re.compile(r"(?P<not>-?)(?:(?P<key>[a-zA-Z]+)" + _VALUE)
_DOTTED = re.compile(r"(?P<not>-?)(?:(?P<key>[a-zA-Z][\w.]*)" + _VALUE)
_LINKS = ("http", "https")  # whose colon makes no term


class Term(NamedTuple):
    """One term of a search; its ``key`` is empty for what is no term."""

    key: str
    value: str
    negative: bool = False


def read(
    query: Mapping[str, str], keys: Collection[str], *, dotted: bool = False
) -> Iterator[Term]:
    """What a page's query asks for: its members of these names, several values with commas, then what its search
    field ``q`` says.

    Args:
        dotted: Keys of the field may be paths, such as ``payload.userId``; those stay as they are written.
    """
    for key in keys:
        for value in filter(None, query.get(key, "").split(",")):
            yield Term(key, value)
    for match in (_DOTTED if dotted else _WORD).finditer(query.get("q", "")):
        key = match["key"]
        value = match["quoted"] if match["quoted"] is not None else match["plain"]
        if key is None or key in _LINKS:
            yield Term("", match.group() if key else value)
        else:
            yield Term(key if "." in key else key.lower(), value, bool(match["not"]))
