"""How numbers, times and statuses are said to people."""

from datetime import UTC, datetime

_STATUS = {
    "PENDING_VERSION": ("clock", "yellow", "Waits for code"),
    "DELAYED": ("clock", "blue", "Delayed"),
    "QUEUED": ("clock", "blue", "Queued"),
    "DEQUEUED": ("run", "blue", "Starting"),
    "EXECUTING": ("run", "blue", "Executing"),
    "WAITING": ("clock", "blue", "Waiting"),
    "COMPLETED": ("ok", "green", "Completed"),
    "FAILED": ("bad", "red", "Failed"),
    "CANCELED": ("minus", "yellow", "Canceled"),
    "CRASHED": ("bad", "red", "Crashed"),
    "SYSTEM_FAILURE": ("bad", "red", "System failure"),
    "EXPIRED": ("minus", "yellow", "Expired"),
    "TIMED_OUT": ("bad", "red", "Timed out"),
}


def status(name: str) -> tuple[str, str, str]:
    """A run's status as a glyph's name, a colour and a word."""
    return _STATUS.get(name, ("run", "blue", name.replace("_", " ").capitalize()))


def duration(ms: float) -> str:
    """A duration to three digits: ``212 ms``, ``1.06 s``, ``25.2 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if ms < 999.5:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, name, next_size, next_name in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // next_size
            return f"{whole // size} {name}" + (f" {rest} {next_name}" if rest else "")
    return f"{whole} s"


def span(seconds: float) -> str:
    """A rough time in one or two units: ``29 s``, ``2 min``, ``7 h 42 min``."""
    return duration(max(round(seconds), 0) * 1000) if seconds >= 60 else f"{max(seconds, 0):.0f} s"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago: ``29 s ago``."""
    return f"{span((now - moment).total_seconds())} ago"


def ahead(moment: datetime, now: datetime) -> str:
    """How far ahead: ``in 42 min``."""
    return f"in {span((moment - now).total_seconds())}"


def instant(text: str | None) -> datetime | None:
    """An ISO date of the API; None when there is none."""
    return None if text is None else datetime.fromisoformat(text)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 run``, ``2 runs``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """A number of bytes: ``4.1 MB``."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def secret(key: str) -> str:
    """A key as it may be shown: ``tr_prod_…x7Qd``."""
    prefix = key[: key.rfind("_") + 1]
    return f"{prefix}…{key[-4:]}" if len(key) > len(prefix) + 8 else "…"
