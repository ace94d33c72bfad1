"""A run as the engine knows it: what was asked for, where it stands, how it ended."""

from dataclasses import dataclass, field

import msgspec

from hairtrigger.wire import statuses
from hairtrigger.wire.options import KeyOptions
from hairtrigger.wire.worker import Failure


class RunOptions(msgspec.Struct, rename="camel", omit_defaults=True):
    """The rare options of a run, stored with it as one JSON text. Times in ms."""

    delayed_until: int | None = None
    machine: str | None = None
    priority_ms: int = 0
    idempotency_key: str | None = None  # as the engine knows it, often a hash
    key_options: KeyOptions | None = None
    test: bool = False
    function: str = "trigger"
    replay_of: int | None = None
    batch_index: int | None = None
    debounce_key: str | None = None
    source: str | None = None
    metadata: str | None = None  # as given at the trigger
    external_id: str | None = None  # of the schedule that made the run
    trace: str | None = None


class RunError(msgspec.Struct, omit_defaults=True):
    """How a run failed, as stored: a failure and what kind of thing it was."""

    failure: Failure
    kind: str = (
        "BUILT_IN_ERROR"  # or STRING_ERROR, INTERNAL_ERROR; then the failure's name is a code
    )


@dataclass(slots=True)
class Run:
    """One run, joined from its immutable row and its place. Instants and durations in ms."""

    id: int
    env: int
    task: str
    queue: str
    concurrency_key: str | None
    created_at: int
    payload: tuple[str, str] | None  # (data type, text)
    tags: list[str]
    version: str | None
    parent: int | None
    root: int | None
    batch: int | None
    schedule: int | None
    depth: int
    max_attempts: int
    max_duration_ms: int | None
    ttl_ms: int | None
    options: RunOptions
    updated_at: int
    # unfinished: where it stands
    state: int | None = None
    fence: int = 0
    flags: int = 0
    order_at: int | None = None
    due_at: int | None = None
    expires_at: int | None = None
    worker: int | None = None
    # finished: how it ended
    final: int | None = None
    finished_at: int | None = None
    output: tuple[str, str] | None = None
    error: RunError | None = None
    # both
    attempt: int = 0  # begun so far
    started_at: int | None = None
    usage_ms: int = 0
    metadata: str | None = None
    delayed_until: int | None = None
    key_released: bool = False
    children: list["Run"] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The public status."""
        if self.final is not None:
            return statuses.of_final(self.final)
        assert self.state is not None, "a run is unfinished or finished"
        return statuses.of_live(self.state, self.fence, self.flags)

    @property
    def is_final(self) -> bool:
        return self.final is not None
