"""``retry``: try a piece of code again within one attempt.

The blocking mirror is generated from this file.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar, Unpack

from hairtrigger.errors import AbortTaskRunError
from hairtrigger.sdk import retry_policy
from hairtrigger.sdk.exchange import sleep
from hairtrigger.sdk.options import Retry

T = TypeVar("T")


class Again:
    """Retrying within an attempt."""

    __slots__ = ()

    async def on_raise(
        self,
        fn: Callable[[int], Awaitable[T]],  # sync: fn: Callable[[int], T],
        /,
        **options: Unpack[Retry],
    ) -> T:
        """Call ``fn(attempt)`` until it does not raise; ``attempt`` counts from 1.

        Takes retry options, with their defaults. ``AbortTaskRunError`` is not retried. The last error is
        raised as it is. Source: Trigger.dev ``retry.onThrow``.
        """
        rule = retry_policy.policy(options, "retry.on_raise")
        attempt = 1
        while True:
            try:
                return await fn(attempt)
            except AbortTaskRunError:
                raise
            except Exception:
                if attempt >= rule.max_attempts:
                    raise
            luck = random.random()  # noqa: S311 (jitter is no secret)
            await sleep(retry_policy.delay_ms(rule, attempt, luck) / 1000)
            attempt += 1


retry = Again()
