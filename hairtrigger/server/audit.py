"""What goes into the audit log of a request that changed something: who, what, and of what."""

import contextlib
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from hairtrigger.engine import audit
from hairtrigger.rules.project import Environment
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call

# What may name the thing that was changed, in a form or an answer: nothing that may be a secret.
_NAMES = ("email", "name", "branch", "slug", "version", "id")
_PLACE = ("project", "env")


class Audited(Protocol):
    """A route of the API or of the dashboard."""

    @property
    def handler(self) -> Any: ...

    @property
    def summary(self) -> str: ...


async def note_call(call: Call, route: Audited, result: Answer) -> None:
    """Note a call of the API that was answered."""
    shown: object = None
    with contextlib.suppress(msgspec.DecodeError):
        shown = msgspec.json.decode(result.body)
    caller = getattr(call, "caller", None)
    await note(
        call, route, shown if isinstance(shown, dict) else {}, who=_caller(call),
        env=None if caller is None else caller.env,
    )  # fmt: skip


async def note(
    call: Call, route: Audited, told: Mapping[str, object], *, who: str, env: Environment | None
) -> None:
    """Note what a route did for whoever it was; ``told`` may name what was changed."""
    module = route.handler.__module__.rpartition(".")[2]
    await audit.note(
        call.server.store, who=who, action=f"{module}.{route.handler.__name__.removeprefix('do_')}",
        what=route.summary, subject=_subject(call, told),
        address=call.server.visitors.peers.address(call.scope),
        env=None if env is None else env.id,
    )  # fmt: skip


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
