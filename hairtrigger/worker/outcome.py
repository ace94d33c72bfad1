"""What an attempt comes to: a body's value or exception as the result that is reported."""

import random
from datetime import UTC, datetime

from hairtrigger.sdk import retry_policy
from hairtrigger.sdk.hooks import RetryDecision
from hairtrigger.wire import packets
from hairtrigger.wire.worker import Failure, Packet, Result, RetryPolicy, RunInfo
from hairtrigger.worker import failure
from hairtrigger.worker.frames import Key, Why


def completed(info: RunInfo, output: object) -> Result:
    """The body returned. An output that cannot be sent fails the run for good, naming the field."""
    try:
        return Result(info.id, info.lease, done=_packet(output))
    except (TypeError, ValueError, RecursionError) as error:
        message = str(error).replace("value", "output", 1)
        reason = Failure("OutputNotSerializable", failure.cut(message, failure.MAX_MESSAGE_BYTES))
        return failed(info, reason, None)


def _packet(output: object) -> Packet | bool:
    if output is None:
        return True
    if type(output) is str:
        if not output.isascii():
            packets.encode(output)  # raises for what has no UTF-8 form
        return (packets.TEXT, output)
    return (packets.JSON, packets.encode(output))


def failed(info: RunInfo, reason: Failure, retry_in_ms: int | None) -> Result:
    """The body raised; None as ``retry_in_ms`` is for good."""
    return Result(info.id, info.lease, failed=reason, retry_in_ms=retry_in_ms)


def interrupted(key: Key, why: Why, *, begun: bool = True) -> Result:
    """A hand-out was stopped from outside."""
    if why == "cancel":
        return Result(*key, cancelled=True)
    if why == "timeout":
        return Result(*key, timed_out=True)
    return Result(*key, handed_back=True, begun=begun)


def retry_in_ms(
    info: RunInfo, policy: RetryPolicy, decision: RetryDecision | None, *, luck: float | None = None
) -> int | None:
    """How long until the next attempt after a failed one, or None when there is none.

    A decision of a ``catch_error`` hook goes before the policy, but not beyond ``max_attempts``.
    """
    decision = decision or {}
    most = info.max_attempts
    if (options := decision.get("retry")) is not None:
        policy = retry_policy.policy(options, "catch_error")
        most = options.get("max_attempts", most)
    if decision.get("skip_retrying") or info.attempt >= most:
        return None
    if (at := decision.get("retry_at")) is not None:
        return max(0, round((at - datetime.now(at.tzinfo or UTC)).total_seconds() * 1000))
    if (delay := decision.get("retry_delay_in_ms")) is not None:
        return max(0, delay)
    luck = random.random() if luck is None else luck  # noqa: S311 (jitter)
    try:
        return retry_policy.delay_ms(policy, info.attempt, luck)
    except OverflowError:
        return policy.max_timeout_in_ms
