"""Retry options as users write them, read into one policy, and the wait that follows from it."""

from hairtrigger.errors import ProjectError
from hairtrigger.sdk.options import Retry, refuse_unknown
from hairtrigger.wire.worker import RetryPolicy

_LOWEST = {"max_attempts": 1, "factor": 0, "min_timeout_in_ms": 0, "max_timeout_in_ms": 0}


def policy(given: Retry, what: str) -> RetryPolicy:
    """A policy from options; what is missing comes from the built-in defaults.

    Raises:
        ProjectError: for an unknown name, or a value of the wrong type or range.
    """
    refuse_unknown(f"{what}: retry", given, Retry.__annotations__)
    for name, value in given.items():
        if not _fits(name, value):
            raise ProjectError(f"{what}: retry: {name} cannot be {value!r}.")
    return RetryPolicy(**given)


def _fits(name: str, value: object) -> bool:
    if name == "randomize":
        return isinstance(value, bool)
    kinds = (int, float) if name == "factor" else int
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    return value >= _LOWEST[name]


def delay_ms(rule: RetryPolicy, attempt: int, luck: float) -> int:
    """How long to wait after failed attempt number ``attempt`` (from 1), with ``luck`` in [0, 1). In ms.

    Source: Trigger.dev retry options.
    """
    stretch = 1 + luck if rule.randomize else 1.0
    wait = stretch * max(1, rule.min_timeout_in_ms) * rule.factor ** (attempt - 1)
    return round(min(rule.max_timeout_in_ms, wait))
