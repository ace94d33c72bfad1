"""``explain``: why a run is not running, why it ran again, how it ended, and what to do about it."""

from collections.abc import Iterator
from typing import Any

import click

from hairtrigger.cli import memory, words
from hairtrigger.cli.commands import command as make
from hairtrigger.cli.state import State, pass_state
from hairtrigger.sdk.api import segment

_OVER = ("canceled_before_start", "expired")


@make("explain")
@click.argument("run")
@pass_state
def command(state: State, run: str) -> None:
    """Say why a RUN is not running, or why it ran again, and what to do."""
    found = state.get(f"/api/v1/runs/{segment(run)}/explanation")
    memory.remember(state.root, "runs", [found["id"]])
    if state.out.is_json:
        state.out.json(found)
        return
    glyph, _, word = words.status(found["status"])
    state.out.data(
        f"{state.out.glyph(glyph)} {found['id']}  {found['taskIdentifier']}  {_since(found, word)}"
    )
    for line in _lines(found):
        state.out.data(line)


def _since(found: dict[str, Any], word: str) -> str:
    """The status, and for how long it has waited: ``Queued 41 s``."""
    created = words.instant(found["createdAt"])
    if found["attemptCount"] or created is None or found["reason"]["code"] in _OVER:
        return word
    return f"{word} {words.span((words.now() - created).total_seconds())}"


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield from _said(found["reason"])
    for title, name in (("Ran again, because", "repeats"), ("Besides", "notes")):
        if found[name]:
            yield ""
            yield f"{title}:"
        for reason in found[name]:
            yield from _said(reason)


def _said(reason: dict[str, Any]) -> Iterator[str]:
    yield f"  {reason['message']}"
    if reason.get("fix"):
        yield f"  {reason['fix']}"
