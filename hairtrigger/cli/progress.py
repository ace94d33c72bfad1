"""A bar with a count and a rate, for commands that do the same thing many times."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar


class Progress:
    """Counts what is done; draws a bar when it has a console. Use it as a context manager.

    Args:
        unit: What is counted; with one, so many of them a second are shown too.
    """

    def __init__(
        self, label: str, total: int, console: "Console | None", *, unit: str = ""
    ) -> None:
        self.label, self.total, self.done = label, total, 0
        self._unit = unit
        self._console = console
        self._bar: Bar | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether somebody sees a bar."""
        return self._console is not None

    def advance(self, count: int = 1) -> None:
        """So many more are done."""
        self.done += count
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0], count)
            if self._unit:
                speed = self._bar.tasks[0].speed or 0
                self._bar.update(self._bar.task_ids[0], rate=f"{speed:,.0f} {self._unit}/s")

    def __enter__(self) -> Self:
        if self._console is not None:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
                console=self._console, transient=True,
            )  # fmt: skip
            self._bar.add_task(self.label, total=self.total, rate="")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
