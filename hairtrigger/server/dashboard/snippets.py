"""The same trigger as code: Python, TypeScript, curl, and the command line."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from hairtrigger.wire import packets
from hairtrigger.wire.options import TriggerBody, TriggerOptions

_WIDE = 66
_DATE = re.compile(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"')
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text to copy."""

    language: str
    text: str


def of(task: str, payload: str, options: TriggerOptions, base_url: str) -> list[Snippet]:
    """The call in every language. ``payload`` is JSON text, empty for none; what is no JSON stands as it is.

    Args:
        base_url: Of the server, without a slash at the end.
    """
    given = {name: value for name, value in msgspec.structs.asdict(options).items() if value}
    given.pop("payload_type", None)
    named = {
        ("version" if name == "lock_to_version" else name): value for name, value in given.items()
    }
    if options.queue is not None:
        named["queue"] = options.queue.name
    named.pop("test", None)
    for name, value in named.items():
        if isinstance(value, float) and value.is_integer():
            named[name] = int(value)
    plain, with_dates = payload, payload
    if options.payload_type == packets.SUPER_JSON:
        plain = bytes(packets.shown(packets.SUPER_JSON, payload)).decode()
        with_dates = _DATE.sub(r"new Date(\g<0>)", _json(plain))
    return [
        Snippet("Python", _python(task, plain, named)),
        Snippet("TypeScript", _typescript(task, with_dates, named)),
        Snippet("curl", _curl(task, payload, options, base_url)),
        Snippet("CLI", _cli(task, plain, named)),
    ]


def _python(task: str, payload: str, options: dict[str, Any]) -> str:
    lines = [_literal(task)]
    if payload.strip():
        lines.append(_python_value(payload))
    lines += [f"{name}={_literal(value)}" for name, value in options.items()]
    return "from hairtrigger import tasks\n\n" + _call("handle = await tasks.trigger", lines, 4, "")


def _python_value(payload: str) -> str:
    try:
        value = json.loads(payload)  # keeps the order, and numbers of any length
    except (ValueError, RecursionError):
        return payload
    return _nested(value, 4)


def _nested(value: Any, indent: int) -> str:
    """A Python literal on one line where it fits, else with a member on each."""
    line = _literal(value)
    if len(line) + indent <= _WIDE or not value or not isinstance(value, dict | list):
        return line
    deeper = indent + 4
    members = [
        f"{_literal(key)}: {_nested(one, deeper)}" for key, one in value.items()
    ] if isinstance(value, dict) else [_nested(one, deeper) for one in value]  # fmt: skip
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    inside = "".join(f"    {member.replace(chr(10), chr(10) + '    ')},\n" for member in members)
    return f"{opened}\n{inside}{closed}"


def _literal(value: Any) -> str:
    """A Python literal, with double quotes where it is text."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_literal(key)}: {_literal(one)}' for key, one in value.items())}}}"
    return repr(value)


def _typescript(task: str, payload: str, options: dict[str, Any]) -> str:
    parts = [_literal(task), _json(payload) or "undefined"]
    if options:
        pairs = [f"{_camel(name)}: {_literal(value)}" for name, value in options.items()]
        one = f"{{ {', '.join(pairs)} }}"
        several = "{\n" + "".join(f"  {pair},\n" for pair in pairs) + "}"
        parts.append(one if len(one) <= _WIDE else several)
    elif not payload.strip():
        parts.pop()
    return 'import { tasks } from "@trigger.dev/sdk";\n\n' + _call(
        "const handle = await tasks.trigger", parts, 2, ";"
    )


def _json(payload: str) -> str:
    """A JSON text on one line where it fits, else indented; what is none stays as it is."""
    try:
        text = msgspec.json.format(payload.strip(), indent=0).replace("\n", "")
        return text if len(text) <= _WIDE else msgspec.json.format(text, indent=2)
    except ValueError:
        return payload.strip()


def _call(name: str, arguments: list[str], indent: int, end: str) -> str:
    """A call on one line, or with an argument on each."""
    line = f"{name}({', '.join(arguments)}){end}"
    if len(line) <= _WIDE and "\n" not in line:
        return line
    pad = " " * indent
    inside = "".join(
        f"{pad}{argument.replace(chr(10), chr(10) + pad)},\n" for argument in arguments
    )
    return f"{name}(\n{inside}){end}"


def _curl(task: str, payload: str, options: TriggerOptions, base_url: str) -> str:
    body = TriggerBody(options=options if options != TriggerOptions() else None)
    if payload.strip():
        body.payload = msgspec.Raw(_compact(payload, options.payload_type))
    text = _encode(body).decode()
    url = f"{base_url}/api/v1/tasks/{quote(task, safe='')}/trigger"
    return (
        f"curl {shlex.quote(url)} \\\n"
        '  -H "Authorization: Bearer $TRIGGER_SECRET_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(text)}"
    )


def _compact(payload: str, kind: str | None) -> bytes:
    """A payload on one line; a text of another type than JSON travels as a string."""
    if kind not in (None, packets.JSON):
        return _encode(payload)
    try:
        return msgspec.json.format(payload.encode(), indent=0).replace(b"\n", b"")
    except ValueError:
        return payload.encode()


def _cli(task: str, payload: str, options: dict[str, Any]) -> str:
    words = ["hairtrigger", "trigger", task]
    if payload.strip():
        words.append(_compact(payload, None).decode())
    for name, value in options.items():
        if name == "machine":
            continue  # which the command does not know
        flag = "tag" if name == "tags" else name.replace("_", "-")
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{flag}", f"{one:g}" if isinstance(one, float) else str(one)]
    return " ".join(map(shlex.quote, words))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
