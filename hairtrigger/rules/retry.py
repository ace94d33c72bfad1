"""After a failure: how long until the next attempt."""

from hairtrigger.wire.worker import RetryPolicy


def delay_ms(policy: RetryPolicy, attempt: int, luck: float) -> int:
    """Milliseconds between the failure of an attempt and the next one.

    ``min(max, min * factor ** (attempt - 1) * r)`` with r = 1, or uniform in [1, 2) when the policy is
    randomized: ``luck`` in [0, 1) decides where. Source: Trigger.dev retry options.
    """
    stretch = 1 + luck if policy.randomize else 1
    try:
        delay = policy.min_timeout_in_ms * policy.factor ** (attempt - 1) * stretch
    except OverflowError:
        return policy.max_timeout_in_ms
    return round(min(policy.max_timeout_in_ms, delay))
