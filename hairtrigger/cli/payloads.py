"""The payload of ``trigger`` as it was typed: JSON, ``@file.json``, ``-`` for stdin, or pairs."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from hairtrigger.cli.problems import USAGE, CommandError

NOTHING = object()
_PAIR = re.compile(r"([A-Za-z_][\w.-]*)(:?=)(.*)", re.DOTALL)


def parse(words: Sequence[str], schema: dict[str, Any] | None = None) -> Any:
    """What the words on the command line mean; ``NOTHING`` when there are none.

    ``a=1 b=x c.d=true e:='"7"'`` is ``{"a": 1, "b": "x", "c": {"d": true}, "e": "7"}``: a
    value after ``=`` that reads as a JSON number, ``true``, ``false``, ``null``, list or object is one,
    anything else is text, and so is what the schema wants as text; after ``:=`` it must be JSON.

    Raises:
        CommandError: naming what cannot be read.
    """
    if not words:
        return NOTHING
    if len(words) == 1:
        (word,) = words
        if word == "-":
            return _json(sys.stdin.buffer.read(), "stdin")
        if word.startswith("@"):
            return _json(_read(word[1:]), word[1:])
        if not _PAIR.fullmatch(word) or word.lstrip()[:1] in '{["':
            return _json(word.encode(), "the payload")
    return _pairs(words, schema)


def fitted(task: str, value: Any, schema: dict[str, Any] | None) -> Any:
    """The value, when nothing that the schema demands is missing from it.

    Only what every reader of the schema agrees on is checked here; the worker checks everything.

    Raises:
        CommandError: with a line for each missing member.
    """
    place = _resolved(schema, schema)
    if place is None or not (needed := place.get("required")):
        return value
    given = value if isinstance(value, dict) else {}
    if value is not NOTHING and not isinstance(value, dict):
        problems = ["payload: must be an object"]
    else:
        problems = [f"{name}: missing" for name in needed if name not in given]
    if problems:
        raise CommandError(
            f"Payload does not fit {task}",
            *problems,
            fixes=(("Schema", f"hairtrigger tasks schema {task}"),),
            exit_code=USAGE,
            code="invalid_payload",
        )
    return value


def _resolved(part: Any, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """A part of a schema, behind its reference when it is one."""
    for _ in range(8):
        if not isinstance(part, dict) or "$ref" not in part:
            break
        names = str(part["$ref"]).removeprefix("#/").split("/")
        part = schema
        for name in names:
            part = part.get(name) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else None


def _wants_text(schema: dict[str, Any] | None, path: Sequence[str]) -> bool:
    part = _resolved(schema, schema)
    for name in path:
        part = _resolved(((part or {}).get("properties") or {}).get(name), schema)
    if part is None:
        return False
    options = [_resolved(one, schema) or {} for one in part.get("anyOf", [part])]
    kinds = {kind for one in options for kind in _kinds(one)}
    return "string" in kinds and kinds <= {"string", "null"}


def _kinds(part: dict[str, Any]) -> list[str]:
    kind = part.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _pairs(words: Sequence[str], schema: dict[str, Any] | None) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for word in words:
        found = _PAIR.fullmatch(word)
        if found is None:
            raise _refused(f"Cannot read {word!r}", "Write every part of the payload as key=value.")
        path, sign, text = found.groups()
        *parents, last = path.split(".")
        if sign == ":=":
            value = _json(text.encode(), path)
        else:
            value = text if _wants_text(schema, (*parents, last)) else _guessed(text)
        place = payload
        for name in parents:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise _refused(f"Cannot read {word!r}", f"{name} has a value already.")
        place[last] = value
    return payload


def _guessed(text: str) -> Any:
    """A value typed without quotes."""
    if text[:1] == '"':
        return text
    try:
        return msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return text


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise _refused(f"Cannot read {name}", str(error.strerror)) from None


def _json(text: bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _refused(
            f"Not valid JSON: {what}",
            f"{error}. Or write key=value pairs, @file.json, or - for stdin.",
        ) from None


def _refused(what: str, why: str) -> CommandError:
    return CommandError(what, why, exit_code=USAGE, code="invalid_payload")
