"""What goes into the audit log of a request that changed something: who, what, and of what."""

import contextlib
from collections.abc import Mapping

import msgspec

from hairtrigger.engine import audit
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call

# What may name the thing that was changed, in a form or an answer: nothing that may be a secret.
_NAMES = ("email", "name", "branch", "slug", "version", "id")
_PLACE = ("project", "env")


async def note_call(call: Call, action: str, what: str, result: Answer) -> None:
    """Note a call of the API that was answered."""
    shown: object = None
    with contextlib.suppress(msgspec.DecodeError):
        shown = msgspec.json.decode(result.body)
    caller = getattr(call, "caller", None)
    await audit.note(
        call.server.store, who=_caller(call), action=action, what=what,
        subject=_subject(call, shown if isinstance(shown, dict) else {}),
        address=call.server.visitors.peers.address(call.scope),
        env=None if caller is None else caller.env.id,
    )  # fmt: skip


async def note_form(
    call: Call, action: str, what: str, form: Mapping[str, str], *, who: str, env: int | None
) -> None:
    """Note a form of the dashboard that was answered."""
    await audit.note(
        call.server.store, who=who, action=action, what=what, subject=_subject(call, form),
        address=call.server.visitors.peers.address(call.scope), env=env,
    )  # fmt: skip


def action_of(handler: object) -> str:
    """What a handler's action is called: ``keys.create``."""
    module = str(getattr(handler, "__module__", "")).rpartition(".")[2]
    return f"{module}.{getattr(handler, '__name__', '').removeprefix('do_')}"


def _caller(call: Call) -> str:
    """An email address, or the ends of a key."""
    caller = getattr(call, "caller", None)
    user = caller.user if caller is not None else getattr(call, "user", None)
    if user is not None:
        return str(user.email)
    key = call.headers.get(b"authorization", b"").decode("latin-1").partition(" ")[2].strip()
    return f"{key[: key.rfind('_') + 1]}…{key[-4:]}"


def _subject(call: Call, told: Mapping[str, object]) -> str:
    path = [text for name, text in call.params.items() if name not in _PLACE]
    if path:
        return " ".join(path)
    return next((str(told[name]) for name in _NAMES if told.get(name)), "")
