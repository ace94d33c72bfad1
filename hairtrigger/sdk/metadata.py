"""``metadata``: facts that a run tells about itself while it executes, and tells its parent and its root.

A change is seen at once by the code of the run, and by others with the next ``flush`` or the end of the
attempt. Outside of a run all of it does nothing. The blocking mirror is generated from this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hairtrigger.sdk.api import Answer, ApiCall, decoded, segment
from hairtrigger.sdk.client import Client, default
from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.wire import metadata as operations
from hairtrigger.wire import packets

_PARENT, _ROOT = "parentOperations", "rootOperations"


class Relative:
    """The metadata of another run, changed from here: its parent's, or its root's.

    A key that begins with ``$.`` is a path: ``$.steps.0.done``.
    """

    __slots__ = ("_member",)

    def __init__(self, member: str) -> None:
        self._member = member

    def set(self, key: str, value: Any, /) -> Relative:
        """Give a key a value."""
        return self._note("set", key, value)

    def delete(self, key: str, /) -> Relative:
        """Remove a key."""
        return self._note("delete", key)

    def append(self, key: str, value: Any, /) -> Relative:
        """Add a value at the end of a list."""
        return self._note("append", key, value)

    def remove(self, key: str, value: Any, /) -> Relative:
        """Remove what equals the value from a list."""
        return self._note("remove", key, value)

    def increment(self, key: str, by: float = 1, /) -> Relative:
        """Add to a number; what is none counts as 0."""
        return self._note("increment", key, by)

    def decrement(self, key: str, by: float = 1, /) -> Relative:
        """Subtract from a number."""
        return self._note("increment", key, -by)

    def replace(self, value: Mapping[str, Any], /) -> Relative:
        """Replace the whole."""
        return self._note("update", None, dict(value))

    def _note(self, kind: str, key: str | None, value: Any = msgspec.UNSET) -> Relative:
        scope = SCOPE.get()
        if scope is not None:
            operation = operation_of(kind, key, value)
            scope.relative_ops.setdefault(self._member, []).append(operation)
            _tell(scope)
        return self


class Metadata:
    """The metadata of the run that the calling code is in.

    A key that begins with ``$.`` is a path: ``$.steps.0.done``. Values are what JSON can hold.
    """

    __slots__ = ()

    parent = Relative(_PARENT)
    root = Relative(_ROOT)

    def set(self, key: str, value: Any, /) -> Metadata:
        """Give a key a value."""
        return self._change("set", key, value)

    def delete(self, key: str, /) -> Metadata:
        """Remove a key."""
        return self._change("delete", key)

    def append(self, key: str, value: Any, /) -> Metadata:
        """Add a value at the end of a list."""
        return self._change("append", key, value)

    def remove(self, key: str, value: Any, /) -> Metadata:
        """Remove what equals the value from a list."""
        return self._change("remove", key, value)

    def increment(self, key: str, by: float = 1, /) -> Metadata:
        """Add to a number; what is none counts as 0."""
        return self._change("increment", key, by)

    def decrement(self, key: str, by: float = 1, /) -> Metadata:
        """Subtract from a number."""
        return self._change("increment", key, -by)

    def replace(self, value: Mapping[str, Any], /) -> Metadata:
        """Replace the whole."""
        return self._change("update", None, dict(value))

    def get(self, key: str, /) -> Any:
        """The value of a key, or None."""
        scope = SCOPE.get()
        return None if scope is None else scope.metadata.get(key)

    def current(self) -> dict[str, Any]:
        """All of it, as a copy that may be changed."""
        scope = SCOPE.get()
        return {} if scope is None else copied(scope.metadata)

    async def flush(self) -> None:
        """Send what was changed since the last time, for others to see."""
        scope = SCOPE.get()
        if scope is not None:
            await flush_scope(scope)

    def _change(self, kind: str, key: str | None, value: Any = msgspec.UNSET) -> Metadata:
        scope = SCOPE.get()
        if scope is not None:
            operation = operation_of(kind, key, value)
            scope.metadata = operations.applied(scope.metadata, copied(operation))
            scope.metadata_ops.append(operation)
            _tell(scope)
        return self


metadata = Metadata()


def _tell(scope: Scope) -> None:
    if scope.on_metadata is not None:
        scope.on_metadata()


async def flush_scope(scope: Scope, client: Client | None = None) -> None:
    """Send the pending operations of an attempt; they stay pending when it fails."""
    own, scope.metadata_ops = scope.metadata_ops, []
    others, scope.relative_ops = scope.relative_ops, {}
    if not own and not others:
        return
    sent = False
    try:
        known = await (client or default()).send(change_call(scope.run_id, own, others))
        sent = True
    finally:
        if not sent:
            put_back(scope, own, others)
    for operation in scope.metadata_ops:  # what came while we asked
        known = operations.applied(known, copied(operation))
    scope.metadata = known


def put_back(
    scope: Scope, own: list[dict[str, Any]], others: dict[str, list[dict[str, Any]]]
) -> None:
    """Make operations pending again, before those that came since."""
    scope.metadata_ops = own + scope.metadata_ops
    for member, pending in others.items():
        scope.relative_ops[member] = pending + scope.relative_ops.get(member, [])


def operation_of(kind: str, key: str | None, value: Any) -> dict[str, Any]:
    """An operation as it travels; its value is a copy, and has a JSON form.

    Raises:
        TypeError, ValueError: naming the part of the value that has none.
    """
    operation: dict[str, Any] = {"type": kind}
    if key is not None:
        operation["key"] = key
    if value is not msgspec.UNSET:
        operation["value"] = copied(value)
    return operation


def copied(value: Any) -> Any:
    """A copy of a value, as JSON has it."""
    return packets.decode(packets.JSON, packets.encode(value))


class _Changed(msgspec.Struct):
    metadata: dict[str, Any]


_decoder = msgspec.json.Decoder(_Changed)


def _read(answer: Answer) -> dict[str, Any]:
    return decoded(_decoder, answer).metadata


def change_call(
    run_id: str, own: list[dict[str, Any]], others: dict[str, list[dict[str, Any]]]
) -> ApiCall[dict[str, Any]]:
    """Apply operations to a run, its parent and its root; gives the run's metadata after them."""
    body = {**({"operations": own} if own else {}), **others}
    request = f"PUT /api/v1/runs/{segment(run_id)}/metadata"
    return ApiCall("metadata.flush", request, body=msgspec.json.encode(body), returns=_read)
