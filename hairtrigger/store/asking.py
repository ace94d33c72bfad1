"""What requests ask of the store: runs to be made, and the answer for each."""

from dataclasses import dataclass, field

from hairtrigger.errors import HairtriggerError, Unprocessable
from hairtrigger.rules.run import RunOptions

BYTES_A_RUN = 4_096  # of payload, that weigh as much as a run


@dataclass(slots=True)
class Debounce:
    key: str
    delay_ms: int
    trailing: bool
    latest_ms: int  # from the first call: after it a new run is made


@dataclass(frozen=True, slots=True)
class Stored:
    """A payload that is to lie apart, under the path that its run has in its place."""

    type: str
    body: bytes


@dataclass(slots=True)
class NewRun:
    """One run to be made. Durations in ms; ``delay_until`` an instant."""

    id: int
    env: int
    task: str
    created_at: int
    payload: str | None = None
    payload_type: int | None = None
    stored: Stored | None = (
        None  # the payload itself, when what the run has is a path of our making
    )
    queue: str | None = None  # None: the task's own
    ckey: str | None = None
    tags: list[str] = field(default_factory=list)
    delay_until: int | None = None
    ttl_ms: int | None = None  # None: the task's
    default_ttl_ms: int | None = None  # when neither the caller nor the task says
    priority_ms: int = 0
    max_attempts: int | None = None
    max_duration_ms: int | None = None
    version: int | None = None
    parent: int | None = None
    batch: int | None = None
    schedule: int | None = None
    options: RunOptions | None = None
    key: str | None = None
    key_ttl_ms: int = 0
    debounce: Debounce | None = None


@dataclass(slots=True)
class Made:
    """The answer for one run: its id, and whether it was there before. Or why it could not be made."""

    id: int = 0
    cached: bool = False
    error: HairtriggerError | None = None
    ready: bool = False


@dataclass(frozen=True, slots=True)
class OneTime:
    """A token that may make something once: the hash of its text, and when it is dead anyway (in ms)."""

    text_hash: str
    expires_at: int

    @property
    def name(self) -> str:
        """What its use is remembered under, among the requests that made something."""
        return f"one-time:{self.text_hash}"

    def spent(self, what: str) -> Unprocessable:
        return Unprocessable(
            f"Cannot {what} with a one-time use token as it has already been used."
        )


@dataclass(slots=True)
class Call:
    """What one request asks for. ``request_key`` names the request across its repetitions."""

    env: int
    runs: list[NewRun]
    request_key: str | None = None
    one_time: OneTime | None = None
    weight: int = field(init=False)
    """How much of a tick it takes: each run, and each 4 KiB of its payload."""

    def __post_init__(self) -> None:
        self.weight = len(self.runs) + sum(map(_size, self.runs)) // BYTES_A_RUN


def _size(run: NewRun) -> int:
    if run.stored is not None:
        return len(run.stored.body)
    return 0 if run.payload is None else len(run.payload)
