"""What the JSON schema of a payload says of a value, and a value to begin with.

Reads what pydantic and msgspec write: references, unions, objects, lists, texts and numbers with bounds. What
it does not know it lets pass: the worker checks everything. The dashboard's form says the same in the browser
(static/js/schema.js) and is tested against the same cases. Source: JSON Schema 2020-12.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
MOST = 50
_DEEP = 40  # references and members inside each other
_PATTERN_CHARS = 1_000  # of a text that a pattern is tried on
_WORDS = {
    "object": "an object", "array": "a list", "string": "text", "integer": "a whole number",
    "number": "a number", "boolean": "true or false", "null": "null",
}  # fmt: skip
_FORMATS = {
    "date-time": (r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?", "a date and time"),
    "date": (r"\d{4}-\d\d-\d\d", "a date"),
    "time": (r"\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?", "a time"),
    "uuid": (r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a UUID"),
    "email": (r"[^@\s]+@[^@\s]+", "an email address"),
}  # fmt: skip
_BEGINNINGS = {
    "date-time": "2026-01-01T00:00:00Z", "date": "2026-01-01", "time": "00:00:00",
    "uuid": "00000000-0000-0000-0000-000000000000", "email": "name@example.com", "uri": "https://example.com",
}  # fmt: skip
_encode = msgspec.json.Encoder().encode


class Problem(NamedTuple):
    """What is wrong, and where: the names and positions that lead there."""

    path: Path
    text: str

    @property
    def place(self) -> str:
        """``user.tags.0``; empty for the whole."""
        return ".".join(map(str, self.path))

    def __str__(self) -> str:
        return f"{self.place or 'payload'}: {self.text}"


def problems(schema: Schema, value: Any) -> list[Problem]:
    """What is wrong with a decoded JSON value, at most ``MOST``."""
    return _check(schema, schema, value, (), 0)[:MOST]


def example(schema: Schema) -> Any:
    """A value of the schema to begin with: what is required, and no more."""
    return _example(schema, schema, 0)


def resolved(root: Schema, part: Any) -> Schema:
    """A part of a schema behind its reference, with what stands beside the reference."""
    beside: dict[str, Any] = {}
    for _ in range(_DEEP):
        if not isinstance(part, Mapping) or "$ref" not in part:
            break
        beside = {**part, **beside}
        target: Any = root
        for name in str(part["$ref"]).removeprefix("#").split("/")[1:]:
            name = name.replace("~1", "/").replace("~0", "~")
            target = target.get(name) if isinstance(target, Mapping) else None
        part = target
    beside.pop("$ref", None)
    return {**part, **beside} if isinstance(part, Mapping) else beside


def _check(root: Schema, part: Any, value: Any, path: Path, depth: int) -> list[Problem]:
    if part is False:
        return [Problem(path, "is not allowed")]
    if depth > _DEEP or not isinstance(part, Mapping):
        return []
    schema = resolved(root, part)
    found: list[Problem] = []
    for one in _list(schema, "allOf"):
        found += _check(root, one, value, path, depth + 1)
    options = _list(schema, "anyOf") or _list(schema, "oneOf")
    if options:
        found += _best(root, options, value, path, depth)
    if "const" in schema and not _same(schema["const"], value):
        found.append(Problem(path, f"must be {_shown(schema['const'])}"))
    if "enum" in schema and not any(_same(one, value) for one in schema["enum"]):
        found.append(Problem(path, f"must be one of {', '.join(map(_shown, schema['enum']))}"))
    kinds = kinds_of(schema)
    if kinds and not any(is_kind(kind, value) for kind in kinds):
        return [
            *found,
            Problem(path, f"must be {' or '.join(_WORDS.get(kind, kind) for kind in kinds)}"),
        ]
    return [*found, *_inside(root, schema, value, path, depth)]


def _best(
    root: Schema, options: Sequence[Any], value: Any, path: Path, depth: int
) -> list[Problem]:
    """The problems of the form that is most likely meant: of the value's own kind, and with the fewest."""
    tried = [_check(root, one, value, path, depth + 1) for one in options]
    if not all(tried):
        return []
    meant = [n for n, found in enumerate(tried) if any(one.path != path for one in found)]
    return min((tried[n] for n in meant or range(len(tried))), key=len)


def _inside(
    root: Schema, schema: Schema, value: Any, path: Path, depth: int
) -> Iterator[Problem] | list[Problem]:
    if isinstance(value, str):
        return (Problem(path, text) for text in _text(schema, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (Problem(path, text) for text in _number(schema, value))
    if isinstance(value, list):
        return _items(root, schema, value, path, depth)
    if isinstance(value, dict):
        return _members(root, schema, value, path, depth)
    return []


def _text(schema: Schema, value: str) -> Iterator[str]:
    if len(value) < (least := schema.get("minLength", 0)):
        yield f"needs {least} characters or more"
    if len(value) > (most := schema.get("maxLength", len(value))):
        yield f"has more than {most} characters"
    if "pattern" in schema and len(value) <= _PATTERN_CHARS and not _fits(schema["pattern"], value):
        yield f"must match {schema['pattern']}"
    pattern, what = _FORMATS.get(schema.get("format", ""), ("", ""))
    if pattern and not re.fullmatch(pattern, value):
        yield f"must be {what}"


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # of another dialect
        return True


def _number(schema: Schema, value: float) -> Iterator[str]:
    if "minimum" in schema and value < schema["minimum"]:
        yield f"must be {schema['minimum']} or more"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"must be {schema['maximum']} or less"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"must be more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        yield f"must be less than {schema['exclusiveMaximum']}"
    step = schema.get("multipleOf")
    if step and abs(value / step - round(value / step)) > 1e-9:
        yield f"must be a multiple of {step}"


def _items(
    root: Schema, schema: Schema, value: list[Any], path: Path, depth: int
) -> Iterator[Problem]:
    if len(value) < (least := schema.get("minItems", 0)):
        yield Problem(path, f"needs {least} items or more")
    if len(value) > (most := schema.get("maxItems", len(value))):
        yield Problem(path, f"has more than {most} items")
    if schema.get("uniqueItems") and len({_shown(one) for one in value}) < len(value):
        yield Problem(path, "has an item twice")
    first = _list(schema, "prefixItems")
    for n, one in enumerate(value):
        of = first[n] if n < len(first) else schema.get("items")
        yield from _check(root, of, one, (*path, n), depth + 1)


def _members(
    root: Schema, schema: Schema, value: dict[str, Any], path: Path, depth: int
) -> Iterator[Problem]:
    known = schema.get("properties") or {}
    for name in _list(schema, "required"):
        if name not in value:
            yield Problem((*path, name), "is missing")
    for name, one in value.items():
        if name in known:
            yield from _check(root, known[name], one, (*path, name), depth + 1)
        elif "additionalProperties" in schema:
            yield from _check(root, schema["additionalProperties"], one, (*path, name), depth + 1)


def _example(root: Schema, part: Any, depth: int) -> Any:
    schema = resolved(root, part)
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if _list(schema, name):
            return schema[name][0]
    options = _list(schema, "anyOf") or _list(schema, "oneOf") or _list(schema, "allOf")
    if options and depth <= _DEEP:
        return _example(root, options[0], depth + 1)
    kinds = kinds_of(schema)
    match kinds[0] if kinds else "":
        case "object" if depth <= _DEEP:
            known = schema.get("properties") or {}
            return {
                name: _example(root, known.get(name, {}), depth + 1)
                for name in _list(schema, "required")
            }
        case "array" if depth <= _DEEP:
            first = [_example(root, one, depth + 1) for one in _list(schema, "prefixItems")]
            lacking = max(schema.get("minItems", 0) - len(first), 0)
            return first + [_example(root, schema.get("items"), depth + 1) for _ in range(lacking)]
        case "string":
            return _BEGINNINGS.get(schema.get("format", ""), "")
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        case "boolean":
            return False
    return None


def kinds_of(schema: Schema) -> list[str]:
    """The types that a schema names; none: any, or those of its members."""
    kind = schema.get("type", "object" if "properties" in schema else [])
    return [kind] if isinstance(kind, str) else list(kind)


def is_kind(kind: str, value: Any) -> bool:
    """Whether a decoded value is of a type of JSON Schema."""
    match kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return whole and not isinstance(value, bool)
    return True


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _list(schema: Schema, name: str) -> list[Any]:
    found = schema.get(name)
    return list(found) if isinstance(found, list) else []


def _shown(value: Any) -> str:
    return _encode(value).decode()
