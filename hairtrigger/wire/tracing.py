"""Where in a trace a run was asked for: one text that travels with it and is kept with it.

A ``traceparent``, and after a space a ``tracestate`` when there is one. Source: W3C Trace Context; what does not
have its form is as if it were not there.
"""

import re

MAX_STATE = 512  # characters that must be passed on; a longer one is left out
_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_STATE = re.compile(r"[\x20-\x7e]+")


def joined(parent: str | None, state: str | None = None) -> str | None:
    """The text of the two headers' values; None when the first one is none."""
    if not parent or not _PARENT.fullmatch(parent.strip()):
        return None
    kept = (state or "").strip()
    if not kept or len(kept) > MAX_STATE or not _STATE.fullmatch(kept):
        return parent.strip()
    return f"{parent.strip()} {kept}"


def checked(text: str | None) -> str | None:
    """Such a text as somebody sent it, or None when it is none."""
    return None if text is None else joined(*parts(text))


def parts(text: str) -> tuple[str, str]:
    """The ``traceparent`` and the ``tracestate`` (empty: none) of such a text."""
    parent, _, state = text.partition(" ")
    return parent, state
