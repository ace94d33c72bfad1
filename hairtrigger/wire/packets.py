"""Payloads and outputs as they travel: a data type and a text.

A packet is never re-encoded on its way: what was sent is what is stored, handed out and shown. Parsing
happens at two ends: at the door, to refuse what no worker could read, and in the task.
Source of the types and of super+json: Trigger.dev's packets and superjson's annotations.
"""

import json
import re
import secrets
from datetime import datetime
from typing import Any

import msgspec

from hairtrigger.errors import BadRequest

JSON, TEXT, SUPER_JSON, STORE = (
    "application/json", "text/plain", "application/super+json", "application/store",
)  # fmt: skip
TYPES = (JSON, TEXT, SUPER_JSON, STORE)  # stored as its position
STORED_FROM = 131_072  # bytes of a payload: it lies apart then, and its run has a path in its place
MAX_DEPTH = 512
MAX_DIGITS = 4_300  # of an integer: beyond it Python refuses the conversion

_encoder = msgspec.json.Encoder(decimal_format="number")


class _Super(msgspec.Struct):
    json: msgspec.Raw
    meta: Any = None


_INDEX = re.compile("[0-9]{1,9}")
_super = msgspec.json.Decoder(_Super)


def new_path() -> str:
    """A path for a packet that lies apart; nobody can guess it."""
    return f"packets/{secrets.token_hex(20)}.json"


def encode(value: Any) -> str:
    """The JSON text of a value: dataclasses, msgspec structs, pydantic models, datetimes and UUIDs too.

    Raises:
        TypeError: naming the path of the first part that has no JSON form, such as ``output.when``.
        ValueError: for NaN, infinities and lone surrogates, likewise.
    """
    text = _encoder.encode(_plain(value, "value")) if _needs_walk(value) else _encoder.encode(value)
    return text.decode()


def _needs_walk(value: Any) -> bool:
    """Whether a value has to be walked before encoding: anything but short, flat and harmless."""
    kind = type(value)
    if kind is dict:
        return not all(type(k) is str and type(v) in _HARMLESS for k, v in value.items())
    return kind not in _HARMLESS


_HARMLESS = {int, bool, type(None)}


def _plain(value: Any, path: str) -> Any:
    match value:
        case None | bool():
            return value
        case int():
            return int(value)  # a plain one: msgspec refuses subclasses, also of text and float
        case str():
            value = str.__str__(value)
            if not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError:
                    raise ValueError(f"{path}: a lone surrogate cannot be sent as JSON") from None
            return value
        case float():
            if value != value or value in (float("inf"), float("-inf")):
                raise ValueError(f"{path}: {value} has no JSON form; send None or a text instead")
            return float(value)
        case dict():
            return {_key(key, path): _plain(item, f"{path}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, f"{path}[{ix}]") for ix, item in enumerate(value)]
    if hasattr(value, "model_dump"):  # pydantic, when it is there
        return _plain(value.model_dump(mode="json", by_alias=True), path)
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        # not by msgspec: it leaves out defaults that are the class's, and cannot say which part fails
        from dataclasses import fields

        return {
            each.name: _plain(getattr(value, each.name), f"{path}.{each.name}")
            for each in fields(value)
        }
    try:
        return _plain(msgspec.to_builtins(value, builtin_types=(float,)), path)
    except (TypeError, RecursionError):
        raise TypeError(f"{path}: a {type(value).__name__} has no JSON form") from None


def _key(key: Any, path: str) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, int | float) and not isinstance(key, bool):
        return str(key)
    raise TypeError(f"{path}: the key {key!r} is not a text")


def check_json(text: str | bytes, what: str = "payload") -> None:
    """Refuse a JSON text that no worker could read.

    Raises:
        BadRequest: not JSON, NaN or Infinity as bare words, lone surrogates, deeper than ``MAX_DEPTH``.
    """
    nested = text.count(b"[") + text.count(b"{") if isinstance(text, bytes) else (
        text.count("[") + text.count("{")
    )  # fmt: skip
    if nested > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise BadRequest(f"The {what} is nested deeper than {MAX_DEPTH} levels.")
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:  # UnicodeError and DecodeError are ValueErrors
        if not _json_with_long_numbers(text):
            raise BadRequest(f"The {what} is not valid JSON: {error}.") from None


def _depth(text: str | bytes) -> int:
    """The deepest nesting of a JSON text, without recursion; brackets in strings do not count."""
    depth = deepest = 0
    in_string = escaped = False
    for char in text.decode("utf-8", "replace") if isinstance(text, bytes) else text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _json_with_long_numbers(text: str | bytes) -> bool:
    """Whether the standard library can read what msgspec cannot: numbers of many digits."""
    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def decode(kind: str, text: str) -> Any:
    """The Python value of a packet."""
    if kind == TEXT:
        return text
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        value = json.loads(text)
    if kind == SUPER_JSON and isinstance(value, dict):
        return _revive(value)
    return value


def shown(kind: str, text: str) -> msgspec.Raw:
    """The plain JSON that the API shows for a packet: without a parse wherever possible."""
    if kind == TEXT:
        return msgspec.Raw(msgspec.json.encode(text))
    if kind == SUPER_JSON:
        try:
            return _super.decode(text).json
        except ValueError:
            return msgspec.Raw(b"null")
    return msgspec.Raw(text.encode())


def _revive(packet: dict[str, Any]) -> Any:
    root = [packet.get("json")]
    meta = packet.get("meta")
    values = meta.get("values") if isinstance(meta, dict) else None
    if isinstance(values, list):
        _annotate(root, 0, values)
    elif isinstance(values, dict):
        _descend(root, 0, values)
    return root[0]


def _descend(holder: Any, key: Any, tree: dict[str, Any]) -> None:
    """Apply the annotations of everything below ``holder[key]``."""
    for path, note in tree.items():
        found = _resolve(holder, key, path)
        if found is None:
            continue
        if isinstance(note, dict):
            _descend(*found, note)
        elif isinstance(note, list) and note:
            _annotate(*found, note)


def _annotate(holder: Any, key: Any, note: list[Any]) -> None:
    if len(note) > 1 and isinstance(note[1], dict):
        _descend(holder, key, note[1])
    try:
        holder[key] = _revived(note[0], holder[key])
    except (TypeError, ValueError, AttributeError, OverflowError):
        return  # never fail on an annotation: the plain value stands


def _revived(kind: Any, value: Any) -> Any:
    match kind:
        case "Date":
            return None if value is None else datetime.fromisoformat(value)
        case "bigint":
            return int(value)
        case "undefined":
            return None
        case "set":
            return set(value)
        case "map":
            return dict(value)
        case "number":
            return float(value)
        case ["typed-array", "Uint8Array" | "Uint8ClampedArray"]:
            return bytes(value)
        case _:
            return value


def _resolve(holder: Any, key: Any, path: str) -> tuple[Any, Any] | None:
    """The container and key at the end of a dotted path (``\\.`` is a dot in a name)."""
    for part in path.replace("\\.", "\0").split("."):
        name = part.replace("\0", ".")
        holder = holder[key]
        if isinstance(holder, list) and _INDEX.fullmatch(name) and int(name) < len(holder):
            key = int(name)
        elif isinstance(holder, dict) and name in holder:
            key = name
        else:
            return None
    return holder, key
