"""Sizes, ranges and forms of what callers may ask for.

Each function takes a value as it came and answers it in the engine's terms, or raises naming the option,
what is wrong and what is allowed. Source of the numbers: Trigger.dev's limits for self-hosting.
"""

import math
import re

import msgspec

from hairtrigger.errors import BadRequest, InvalidDuration, TooLarge, Unprocessable
from hairtrigger.wire import durations, packets, rates
from hairtrigger.wire.options import (
    MAX_BURST,
    MAX_CONCURRENCY,
    MAX_DEBOUNCE_KEY_CHARS,
    MAX_KEY_CHARS,
    MAX_METADATA_BYTES,
    MAX_QUEUE_CHARS,
    MAX_TAG_CHARS,
    MAX_TAGS,
    MIN_BURST,
    DebounceOption,
)
from hairtrigger.wire.worker import QueueManifest

MAX_PAYLOAD_BYTES = 3_145_728
MAX_TASK_CHARS = 256
MIN_DURATION_S = 5
DEBOUNCE_CAP_MS = 3_600_000
MAX_PRIORITY_S = 10 * 365 * 86_400
_CLEAN = re.compile(r"[^A-Za-z0-9_/-]")
_KEY_TTL = re.compile(r"(\d{1,9})([smhd])")


def task_id(text: str) -> str:
    if not text or len(text) > MAX_TASK_CHARS:
        raise BadRequest(f"A task id has 1 to {MAX_TASK_CHARS} characters.")
    return text


def instant(text: str, now: int, what: str) -> int:
    """A duration from now, or an ISO date, as an instant in ms."""
    found = durations.parse_instant(text) if text[:4].isdigit() and "-" in text else None
    if found is not None and found <= now + durations.MAX_MS:
        return found
    try:
        return now + durations.parse(text, what)
    except InvalidDuration:
        raise Unprocessable(
            f"Invalid {what} {text[:100]!r}. Give a duration like 30s or 1h30m, or an ISO 8601 date."
        ) from None


def ttl_ms(value: str | int) -> int:
    """A ttl in ms; 0 means none."""
    if isinstance(value, int):
        if value < 0:
            raise BadRequest(f"ttl must not be negative, but is {value}.")
        return durations.to_ms(value, "ttl")
    return durations.parse(value, "ttl")


def priority_ms(seconds: float) -> int:
    if not math.isfinite(seconds) or abs(seconds) > MAX_PRIORITY_S:
        raise BadRequest("priority is a number of seconds, at most ten years.")
    return round(seconds * 1000)


def queue_name(text: str) -> str:
    """A queue's name with what is not allowed in one replaced, cut to its longest length."""
    name = _CLEAN.sub("", text)[:MAX_QUEUE_CHARS]
    if not name:
        raise BadRequest(
            f"Invalid queue name {text[:100]!r}: use letters, digits, '_', '-' and '/'."
        )
    return name


def check_queue(declared: QueueManifest) -> None:
    """Refuse a queue that could not be declared.

    Raises:
        BadRequest: its name or a limit. Unprocessable: its rate.
    """
    queue_name(declared.name)
    concurrency_limit(declared.concurrency_limit)
    concurrency_limit(declared.total_limit, "totalLimit")
    if declared.rate is not None:
        rates.check(declared.rate, f"rate limit of queue {declared.name!r}")


def concurrency_limit(value: int | None, what: str = "concurrencyLimit") -> int | None:
    """How many runs execute at once; None: no limit."""
    if value is not None and not 0 <= value <= MAX_CONCURRENCY:
        raise BadRequest(f"{what} is between 0 and {MAX_CONCURRENCY}, not {value}.")
    return value


def burst(value: int) -> int:
    """What all queues of an environment may run together, in percent of its limit."""
    if not MIN_BURST <= value <= MAX_BURST:
        raise BadRequest(f"burst is between {MIN_BURST} and {MAX_BURST} percent, not {value}.")
    return value


def concurrency_key(value: str | float) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        value = int(value)  # 1.0 and 1 are one key, as in JSON
    text = str(value)
    if not text or len(text) > MAX_KEY_CHARS:
        raise BadRequest(f"A concurrencyKey has 1 to {MAX_KEY_CHARS} characters.")
    return text


def max_attempts(value: int | None) -> int | None:
    if value is not None and not 1 <= value <= 10_000:
        raise BadRequest(f"maxAttempts is between 1 and 10000, not {value}.")
    return value


def max_duration_ms(seconds: float | None) -> int | None:
    """A maximum duration in ms, at least five seconds."""
    if seconds is None:
        return None
    if not math.isfinite(seconds) or seconds < 0:
        raise BadRequest("maxDuration is a positive number of seconds.")
    return round(min(max(seconds, MIN_DURATION_S), durations.MAX_MS / 1000) * 1000)


def tags(value: str | list[str] | None) -> list[str]:
    """Tags without blanks and duplicates, in the order given."""
    if value is None:
        return []
    found = dict.fromkeys(
        tag for tag in ([value] if isinstance(value, str) else value) if tag.strip()
    )
    for tag in found:
        if len(tag) > MAX_TAG_CHARS:
            raise BadRequest(
                f"A tag has at most {MAX_TAG_CHARS} characters: {tag[:40]!r}… has {len(tag)}."
            )
    if len(found) > MAX_TAGS:
        raise Unprocessable(f"A run has at most {MAX_TAGS} tags, not {len(found)}.")
    return list(found)


def metadata(raw: bytes) -> str | None:
    """Metadata as given at a trigger: an object, or a string that holds one; kept as text."""
    if raw == b"null":
        return None
    try:
        text = raw.decode()
        if text.startswith('"'):
            text = msgspec.json.decode(text, type=str)
            if text.startswith('{"json":'):
                text = bytes(packets.shown(packets.SUPER_JSON, text)).decode()
    except ValueError:
        raise BadRequest("metadata is not valid JSON.") from None
    check_metadata(text)
    if not text.lstrip().startswith("{"):
        raise BadRequest("metadata must be a JSON object.")
    return text


def check_metadata(text: str) -> None:
    if len(text) > MAX_METADATA_BYTES or len(text.encode()) > MAX_METADATA_BYTES:
        raise TooLarge(f"metadata is larger than {MAX_METADATA_BYTES} bytes.")
    packets.check_json(text, "metadata")


def idempotency_key(text: str) -> str:
    if not text or len(text) > MAX_KEY_CHARS:
        raise BadRequest(f"An idempotencyKey has 1 to {MAX_KEY_CHARS} characters.")
    return text


def key_ttl_ms(text: str) -> int:
    match = _KEY_TTL.fullmatch(text)
    if match is None:
        raise Unprocessable(
            f"Invalid idempotencyKeyTTL {text[:100]!r}. Write it like 60s, 5m, 24h or 30d."
        )
    return durations.parse(text, "idempotencyKeyTTL")


def debounce(option: DebounceOption) -> tuple[int, int]:
    """A debounce's delay and the longest time that its first run may be put off, in ms."""
    if not option.key or len(option.key) > MAX_DEBOUNCE_KEY_CHARS:
        raise BadRequest(f"A debounce key has 1 to {MAX_DEBOUNCE_KEY_CHARS} characters.")
    delay = durations.parse(option.delay, "debounce.delay")
    longest = DEBOUNCE_CAP_MS
    if option.max_delay is not None:
        longest = durations.parse(option.max_delay, "debounce.maxDelay")
    if longest <= delay:
        raise Unprocessable(
            f"debounce.maxDelay ({durations.to_text(longest)}) must be longer than "
            f"debounce.delay ({durations.to_text(delay)})."
        )
    return delay, longest
