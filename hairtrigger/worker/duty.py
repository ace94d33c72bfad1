"""What the link asks of whoever runs the runs. The supervisor does this duty."""

from typing import Protocol

from msgspec import Raw

from hairtrigger.wire.worker import Held
from hairtrigger.worker.frames import Key


class Duty(Protocol):
    """What the link asks of whoever runs the runs, and tells it. Nothing of it waits."""

    def free(self, settled: int = 0) -> int:
        """How many runs could be taken once so many more results are settled."""
        ...

    def executes(self) -> bool:
        """Whether anything is being executed, so that more results are to come."""
        ...

    def leases(self) -> list[tuple[str, int, int]]:
        """Everything that was handed out and has no verdict: run, lease, last notice."""
        ...

    def take(self, runs: list[Raw]) -> None:
        """Runs were handed out."""
        ...

    def hear(self, held: Held) -> bool:
        """The answer to a hold. Says whether anything of it was new."""
        ...

    def settled(self, key: Key, verdict: str) -> None:
        """A result has its verdict."""
        ...

    def lease_ends(self, within_s: float) -> None:
        """Soon nothing that is held can be proved to be ours."""
        ...
