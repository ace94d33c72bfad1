"""``webhooks``: what an alert has sent to a webhook, checked."""

import hmac
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from hairtrigger.errors import WebhookError
from hairtrigger.wire import webhooks as wire


class WebhookEvent(msgspec.Struct, frozen=True):
    """What an alert tells. ``timestamp`` is RFC 3339, ``id`` the same in every repetition."""

    type: str
    timestamp: str
    data: dict[str, Any]
    id: str = ""


_event = msgspec.json.Decoder(WebhookEvent)


class Webhooks:
    """Webhooks that alerts send."""

    __slots__ = ()

    def construct_event(
        self, body: bytes | str, headers: Mapping[str, str], secret: str, *, now_s: float | None = None
    ) -> WebhookEvent:  # fmt: skip
        """The event of a request, after its signature was checked.

        Args:
            body: As it came: bytes that were parsed and written again are not what was signed.
            headers: Those of the request, in any case.
            secret: What was shown when the alert was made.
            now_s: The time, in seconds since 1970; the clock's when left out.
        Raises:
            WebhookError: a header is missing, the signature is another one's, or it is older (or newer) than
                five minutes.
        """
        raw = body.encode() if isinstance(body, str) else body
        given = {name.lower(): value for name, value in headers.items()}
        try:
            number, signatures = given[wire.ID], given[wire.SIGNATURE]
            timestamp_s = int(given[wire.TIMESTAMP])
        except KeyError as error:
            raise WebhookError(f"The request has no header {error.args[0]}.") from None
        except ValueError:
            raise WebhookError(f"{wire.TIMESTAMP} is not a number of seconds.") from None
        try:
            wanted = wire.sign(secret, number, timestamp_s, raw).encode()
        except ValueError as error:
            raise WebhookError(str(error)) from None
        if not any([hmac.compare_digest(wanted, one.encode()) for one in signatures.split()]):  # noqa: C419
            raise WebhookError("The signature does not fit. Is it the secret of this alert?")
        if abs((time.time() if now_s is None else now_s) - timestamp_s) > wire.TOLERANCE_S:
            raise WebhookError(
                "The request was signed more than five minutes ago, or in the future."
            )
        try:
            event = _event.decode(raw)
        except msgspec.MsgspecError as error:
            raise WebhookError(f"The body is not an event: {error}.") from None
        return msgspec.structs.replace(event, id=number)


webhooks = Webhooks()
