"""A run's metadata: an object that code changes by operations, one after the other.

Both ends apply them: the server to what it stores, a task to what it sees of its own.

Source: Trigger.dev's metadata operations: set, update, delete, append, remove, increment; a key that begins
with ``$.`` is a path.
"""

import itertools
import json
import math
import re
from typing import Any

from hairtrigger.errors import BadRequest

FORBIDDEN = frozenset({"__proto__", "constructor", "prototype"})
_SEGMENT = re.compile(
    r"""\.([^.\[\]]+)|\[([0-9]{1,9})\]|\["((?:[^"\\]|\\.)*)"\]|\['((?:[^'\\]|\\.)*)'\]"""
)
MAX_INDEX = 10_000  # of a list that a path extends
MAX_SEGMENTS = 100
MAX_NUMBER = 1e300  # no sum beyond what every reader of JSON takes for a number
_NUMBER = re.compile("[0-9]{1,9}")


def apply(text: str, operations: list[dict[str, Any]]) -> str:
    """The object's text after the operations.

    Raises:
        BadRequest: an unknown operation, or a key that may not be used.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        data = {}
    for operation in operations:
        data = applied(data, operation)
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The metadata cannot be written as JSON ({error}).") from None


def applied(data: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The object after one operation; the given one may be changed.

    Raises:
        BadRequest: an unknown operation, or a key that may not be used.
    """
    kind, value = operation.get("type"), operation.get("value")
    if kind == "update":
        if not isinstance(value, dict):
            raise BadRequest("A metadata update needs an object as its value.")
        return value
    key = operation.get("key")
    if not isinstance(key, str) or key == "__proto__":
        raise BadRequest(f"Invalid metadata key {key!r}.")
    if kind == "delete":
        data.pop(key, None)
        return data
    if kind not in ("set", "append", "remove", "increment"):
        raise BadRequest(
            f"Unknown metadata operation {kind!r}. Known: set, update, delete, append, remove, increment."
        )
    holder, last = _place(data, _path(key), create=kind != "remove")
    if holder is None:
        return data
    old = _get(holder, last)
    if kind == "set":
        _put(holder, last, value)
    elif kind == "append":
        _put(
            holder,
            last,
            [*old, value] if isinstance(old, list) else [value] if old is None else [old, value],
        )
    elif kind == "remove":
        if isinstance(old, list):
            _put(holder, last, [item for item in old if not _alike(item, value)])
    else:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f"Cannot increment {key!r} by {value!r}: not a number.")
        base = old if isinstance(old, int | float) and not isinstance(old, bool) else 0
        try:
            total = base + value
        except OverflowError:
            total = math.inf
        if not math.isfinite(total) or abs(total) >= MAX_NUMBER:
            raise BadRequest(f"Cannot increment {key!r} any further.")
        _put(holder, last, total)
    return data


def _alike(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; unlike in Python, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    return bool(one == other)


def _path(key: str) -> list[str | int]:
    if not key.startswith("$."):
        return [key]
    parts: list[str | int] = []
    position = 1
    while position < len(key):
        match = _SEGMENT.match(key, position)
        if match is None:
            raise BadRequest(f"Invalid metadata path {key!r}.")
        name, index, double, single = match.groups()
        part = name if name is not None else double if double is not None else single
        digits = index if index is not None else part if _NUMBER.fullmatch(part) else None
        parts.append(part if digits is None else int(digits))
        position = match.end()
    if not 1 <= len(parts) <= MAX_SEGMENTS or any(part in FORBIDDEN for part in parts):
        raise BadRequest(f"Invalid metadata path {key!r}.")
    return parts


def _place(data: Any, path: list[str | int], *, create: bool) -> tuple[Any, str | int]:
    """The container that holds the last part of a path, made on the way when it is to be written."""
    holder = data
    for part, following in itertools.pairwise(path):
        inner = _get(holder, part)
        if not isinstance(inner, dict | list):
            if not create:
                return None, part
            inner = [] if isinstance(following, int) else {}
            _put(holder, part, inner)
        holder = inner
    return holder, path[-1]


def _get(holder: Any, part: str | int) -> Any:
    if isinstance(holder, list):
        return holder[part] if isinstance(part, int) and part < len(holder) else None
    return holder.get(str(part))


def _put(holder: Any, part: str | int, value: Any) -> None:
    if isinstance(holder, dict):
        holder[str(part)] = value
        return
    if not isinstance(part, int) or part > MAX_INDEX:
        raise BadRequest(f"{part!r} is not a position in a list.")
    holder.extend([None] * (part + 1 - len(holder)))
    holder[part] = value
