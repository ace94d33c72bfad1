"""How a run ended, for whoever waits for it: ``Ok`` with its output, or ``Failed`` with its error."""

from typing import Generic, Literal, NoReturn, TypeVar

from hairtrigger.errors import SubtaskError, TaskError

R = TypeVar("R", covariant=True)


class Ok(Generic[R]):
    """A run that completed; ``output`` is what its body returned."""

    __slots__ = ("id", "output", "task_id")
    __match_args__ = ("output",)

    def __init__(self, output: R, *, id: str, task_id: str) -> None:
        self.id, self.task_id, self.output = id, task_id, output

    @property
    def ok(self) -> Literal[True]:
        return True

    @property
    def error(self) -> None:
        return None

    def unwrap(self) -> R:
        """The output."""
        return self.output

    def __bool__(self) -> Literal[True]:
        return True

    def __repr__(self) -> str:
        return f"Ok({self.output!r}, id={self.id!r}, task_id={self.task_id!r})"


class Failed:
    """A run that ended in any other way; ``error`` says how. Asking it for an output raises that error."""

    __slots__ = ("error", "id", "task_id")
    __match_args__ = ("error",)

    def __init__(self, error: TaskError, *, id: str, task_id: str) -> None:
        self.id, self.task_id, self.error = id, task_id, error

    @property
    def ok(self) -> Literal[False]:
        return False

    @property
    def output(self) -> NoReturn:
        raise SubtaskError(self.error, run_id=self.id, task_id=self.task_id)

    def unwrap(self) -> NoReturn:
        """Raises ``SubtaskError``: there is no output."""
        raise SubtaskError(self.error, run_id=self.id, task_id=self.task_id)

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return f"Failed({self.error.name}: {self.error}, id={self.id!r}, task_id={self.task_id!r})"
