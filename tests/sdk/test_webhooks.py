"""Webhooks: what an alert has signed is believed, and nothing else."""

import pytest

import hairtrigger
from hairtrigger import WebhookError, webhooks
from hairtrigger.wire import webhooks as wire

SECRET = wire.new_secret()
BODY = b'{"type":"run.failed","timestamp":"2026-03-01T09:30:00.000Z","data":{"task":"work"}}'
NOW_S = 1_772_357_400


def headers(**given: str) -> dict[str, str]:
    signed = wire.sign(SECRET, "delivery_1", NOW_S, BODY)
    return {
        "Webhook-Id": "delivery_1", "Webhook-Timestamp": str(NOW_S), "Webhook-Signature": signed,
        **given,
    }  # fmt: skip


def test_a_signed_event_is_typed() -> None:
    event = webhooks.construct_event(BODY, headers(), SECRET, now_s=NOW_S + 10)

    assert isinstance(event, hairtrigger.WebhookEvent)
    assert (event.id, event.type, event.data) == ("delivery_1", "run.failed", {"task": "work"})
    assert webhooks.construct_event(BODY.decode(), headers(), SECRET, now_s=NOW_S) == event


def test_the_signature_is_that_of_the_specification() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'

    assert wire.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("age_s", [301, -301])
def test_what_was_signed_at_another_time_is_refused(age_s: int) -> None:
    with pytest.raises(WebhookError, match="five minutes"):
        webhooks.construct_event(BODY, headers(), SECRET, now_s=NOW_S + age_s)


@pytest.mark.parametrize(
    ("given", "body", "secret"),
    [
        ({}, BODY + b" ", SECRET),
        ({}, BODY, wire.new_secret()),
        ({}, BODY, "no base64"),
        ({"Webhook-Id": "delivery_2"}, BODY, SECRET),
        ({"Webhook-Timestamp": str(NOW_S + 1)}, BODY, SECRET),
        ({"Webhook-Timestamp": "noon"}, BODY, SECRET),
        ({"Webhook-Signature": "v1,ü"}, BODY, SECRET),
        ({"Webhook-Signature": ""}, BODY, SECRET),
    ],
    ids=["body", "secret", "no secret", "id", "time", "no time", "signature", "no signature"],
)
def test_what_somebody_else_signed_is_refused(
    given: dict[str, str], body: bytes, secret: str
) -> None:
    with pytest.raises(WebhookError):
        webhooks.construct_event(body, headers(**given), secret, now_s=NOW_S)


def test_a_missing_header_and_a_body_of_another_form_are_said() -> None:
    with pytest.raises(WebhookError, match="webhook-id"):
        webhooks.construct_event(BODY, {}, SECRET)
    signed = headers(**{"Webhook-Signature": wire.sign(SECRET, "delivery_1", NOW_S, b"[]")})
    with pytest.raises(WebhookError, match="not an event"):
        webhooks.construct_event(b"[]", signed, SECRET, now_s=NOW_S)
