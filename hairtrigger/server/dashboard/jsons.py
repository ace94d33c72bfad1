"""JSON for people: indented where it is long, coloured, and escaped."""

from typing import Any

import msgspec
from markupsafe import Markup, escape

from hairtrigger.wire import packets

SHOWN_BYTES = 100_000
"""Above it, a value is shown on demand only."""
_WIDE = 52  # characters: what fits into a line is one
_DEEP = 30
_CELL = 120
_encode = msgspec.json.Encoder().encode


def pretty(kind: str, text: str) -> Markup:
    """A payload or output of a data type, as HTML."""
    if kind == packets.TEXT:
        return Markup('<span class="j-str">{}</span>').format(text)
    try:
        return html(msgspec.json.decode(packets.shown(kind, text)))
    except (ValueError, RecursionError):
        return Markup(escape(text))


def html(value: Any, depth: int = 0) -> Markup:
    """A decoded value."""
    if isinstance(value, dict | list):
        return _deep(value, depth)
    if isinstance(value, str):
        return _span("str", _text(value))
    if value is None:
        return _span("null", "null")
    if isinstance(value, bool):
        return _span("kw", _text(value))
    return _span("num", _text(value))


def line(value: Any) -> Markup:
    """A decoded value on one line, as much of it as a cell takes; a text without its quotes."""
    text = value if isinstance(value, str) else _text(value)
    kind = "str" if isinstance(value, str) else "num" if isinstance(value, int | float) else "key"
    return _span(kind, text if len(text) <= _CELL else text[:_CELL] + "…")


def _deep(value: Any, depth: int) -> Markup:
    opened, closed = ("{", "}") if isinstance(value, dict) else ("[", "]")
    if not value:
        return Markup(opened + closed)
    if depth >= _DEEP:
        return Markup(escape(_text(value)))
    plain = _text(value)
    parts = [
        Markup("{}: {}").format(_span("key", _text(str(key))), html(one, depth + 1)) for key, one in value.items()
    ] if isinstance(value, dict) else [html(one, depth + 1) for one in value]  # fmt: skip
    if len(plain) + 2 * depth <= _WIDE and depth:
        return Markup(f"{opened} ") + Markup(", ").join(parts) + Markup(f" {closed}")
    pad = "  " * (depth + 1)
    lines = Markup(",\n").join(Markup(pad) + part for part in parts)
    return Markup(f"{opened}\n") + lines + Markup(f"\n{'  ' * depth}{closed}")


def _text(value: Any) -> str:
    return _encode(value).decode()


def _span(kind: str, text: str) -> Markup:
    return Markup('<span class="j-{}">{}</span>').format(kind, text)
