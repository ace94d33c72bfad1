"""Environment variables: which may be set, and what a file of them says."""

import io
import re
from collections.abc import Mapping

from dotenv import dotenv_values

from hairtrigger.errors import BadRequest, TooLarge

MOST, MAX_NAME, MAX_VALUE = 1_000, 255, 65_536  # of an environment; characters; bytes
REDACTED = "<redacted>"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = ("TRIGGER_", "HAIRTRIGGER_")
# What an application has of its own; Trigger.dev's clients send them along, and its server drops them too.
_DROPPED = frozenset({"TRIGGER_SECRET_KEY", "TRIGGER_API_URL"})


def accepted(given: Mapping[str, str]) -> dict[str, str]:
    """What of these may be set: without those that a worker has of its own, empty names and empty values.

    Raises:
        BadRequest: a name has another form or is ours, or nothing is left. TooLarge: a value.
    """
    kept = {name: value for name, value in given.items() if name and value and name not in _DROPPED}
    for name, value in kept.items():
        check(name, value)
    if not kept:
        raise BadRequest(
            "There is nothing to set: empty values, TRIGGER_SECRET_KEY and TRIGGER_API_URL are left out."
        )
    return kept


def check(name: str, value: str) -> None:
    """Refuse what no process could have.

    Raises:
        BadRequest: the name, or a NUL character. TooLarge: the value.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise BadRequest(
            f"{name[:60]!r} is no name of a variable: letters, digits and _, not a digit first, at most "
            f"{MAX_NAME}."
        )
    if name.startswith(_OURS):
        raise BadRequest(
            f"{name} is the worker's own: names with {' or '.join(_OURS)} cannot be set."
        )
    if "\0" in value:
        raise BadRequest(f"The value of {name} contains a NUL character.")
    if len(value.encode()) > MAX_VALUE:
        raise TooLarge(f"The value of {name} is larger than {MAX_VALUE:,} bytes.")


def parse(text: str) -> dict[str, str]:
    """What a ``.env`` file sets, without putting anything in from here.

    Raises:
        BadRequest: it sets nothing.
    """
    found = dotenv_values(stream=io.StringIO(text), interpolate=False)
    given = {name: value for name, value in found.items() if value is not None}
    if not given:
        raise BadRequest("There is no NAME=value in it.")
    return given


def written(variables: Mapping[str, str]) -> str:
    """A ``.env`` file of them, that is read back as they are."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w./:@%+,=-]+", value, re.ASCII):
        return value
    if "'" not in value:
        return "'" + value.replace("\\", "\\\\") + "'"
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
