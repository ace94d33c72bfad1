"""Templates to answers: a whole page, or only those of its blocks that a living page asks for."""

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hairtrigger.server.answers import Answer, Header
from hairtrigger.server.dashboard import assets, counts, graphics, search, words

_FOLDER = Path(__file__).parent / "templates"
_encode = msgspec.json.Encoder(order="deterministic").encode
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; worker-src 'self'; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: list[Header] = [
    (b"content-security-policy", POLICY.encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]


@cache
def _templates() -> Environment:
    env = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    env.filters |= {
        "duration": words.duration, "count": words.count, "percent": words.percent, "rate": words.rate,
        "size": words.size, "iso": words.iso, "attribute": _attribute,
    }  # fmt: skip
    env.globals |= {
        "words": words, "graphics": graphics, "counts": counts, "search": search, "static": assets.root(),
    }  # fmt: skip
    env.globals["ui"] = env.get_template("ui.html").module
    return env


def html(template: str, context: dict[str, Any], parts: Collection[str] = ()) -> str:
    """A template, or the named blocks of it one after the other: the same text, so they cannot differ.

    Of parts it has not there is nothing: a page asks for its own after the reader went on to another.
    """
    found = _templates().get_template(template)
    if not parts:
        return found.render(context)
    made = found.new_context(context)
    return "".join("".join(found.blocks[part](made)) for part in parts if part in found.blocks)


def answer(text: str, status: int = 200, headers: Iterable[Header] = ()) -> Answer:
    """An answer with a page."""
    kind = (b"content-type", b"text/html; charset=utf-8")
    return Answer(text.encode(), status, [*HEADERS, *headers], kind)


def _attribute(value: Any) -> Markup:
    """A value as JSON, to stand in an attribute."""
    text = _encode(value).decode()
    return Markup(
        text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace("'", "&#39;")
    )
