"""What is shown: a table that changes while it happens on a terminal, a line for each end without one."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table
from scenes import Scene

console = Console(highlight=False)
_COLOURS = {"COMPLETED": "green", "FAILED": "red", "EXECUTING": "cyan", "DELAYED": "yellow"}


def say(text: str) -> None:
    """A line."""
    console.print(text, soft_wrap=True)


async def show(scenes: Sequence[Scene]) -> None:
    """Show the scenes until all of them are over."""
    if not sys.stdout.isatty():
        await asyncio.gather(*(_line(scene) for scene in scenes))
        return
    with Live(console=console, refresh_per_second=10) as live:
        async with asyncio.TaskGroup() as group:
            following = [group.create_task(scene.follow()) for scene in scenes]
            while not all(one.done() for one in following):
                live.update(_table(scenes))
                await asyncio.sleep(0.1)
        live.update(_table(scenes))


async def _line(scene: Scene) -> None:
    await scene.follow()
    mark = "ok " if scene.is_right else "BAD"
    say(f"{mark} {scene.title:<29} {scene.task:<20} {_status(scene):<16} {_facts(scene)}")


def _table(scenes: Sequence[Scene]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, min_width=1)
    table.add_column(no_wrap=True, min_width=29)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, min_width=11)
    table.add_column(no_wrap=True, min_width=17)
    for scene in scenes:
        mark = "[green]✓[/]" if scene.is_right else "[red]✕[/]" if scene.is_over else "·"
        status = _status(scene)
        colour = _COLOURS.get(status, "green" if scene.is_over else "default")
        table.add_row(mark, scene.title, scene.task, f"[{colour}]{status}[/]", _facts(scene))
    return table


def _status(scene: Scene) -> str:
    if len(scene.ids) > 1:
        return f"{scene.finished} of {len(scene.ids)}"
    return scene.runs[0].status if scene.runs else "SCHEDULED"


def _facts(scene: Scene) -> str:
    if scene.due is not None and not scene.runs:
        left = (scene.due - datetime.now(UTC)).total_seconds()
        return f"due in {max(0, round(left))} s"
    attempts = f", {scene.attempts} attempts" if scene.attempts > 1 else ""
    return f"{scene.seconds:.1f} s{attempts}"
