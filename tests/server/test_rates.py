import pytest

from hairtrigger.server.rates import Buckets, Refused


def test_without_a_limit_nothing_is_counted_and_no_header_sent() -> None:
    buckets = Buckets(0, 0)

    assert [buckets.take(b"key") for _ in range(3)] == [[], [], []]


def test_a_bucket_empties_refuses_and_fills_again() -> None:
    now = [1_000.0]
    buckets = Buckets(2, 10, clock=lambda: now[0])

    remaining = [dict(buckets.take(b"key"))[b"x-ratelimit-remaining"] for _ in range(2)]
    with pytest.raises(Refused) as refused:
        buckets.take(b"key")
    now[0] += 1.0
    after = dict(buckets.take(b"key"))

    assert remaining == [b"1", b"0"]
    assert dict(refused.value.headers)[b"x-ratelimit-reset"] == b"1001000"
    assert "Retry in 1 seconds" in str(refused.value)
    assert after[b"x-ratelimit-remaining"] == b"0"


def test_one_key_does_not_empty_the_bucket_of_another() -> None:
    buckets = Buckets(1, 1, clock=lambda: 1_000.0)

    buckets.take(b"one")

    assert dict(buckets.take(b"two"))[b"x-ratelimit-limit"] == b"1"


def test_a_bucket_is_exact_over_a_minute() -> None:
    now, allowed = [0.0], 0
    buckets = Buckets(750, 250, clock=lambda: now[0])

    for _ in range(12_000):
        now[0] += 0.005
        try:
            buckets.take(b"key")
        except Refused:
            continue
        allowed += 1

    assert abs(allowed - (750 + 6 * 250)) <= 1
