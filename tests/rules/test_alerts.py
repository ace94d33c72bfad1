"""Alerts: which may be made, and which addresses are of the internet."""

import pytest

from hairtrigger.errors import BadRequest
from hairtrigger.rules import alerts


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "2002:7f00:1::", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_addresses_of_private_networks_are_told_in_every_form(address: str) -> None:
    assert not alerts.is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert alerts.is_public(address)


@pytest.mark.parametrize(
    ("name", "kind", "channel", "to"),
    [
        ("", "run.failed", "email", "a@b.c"),
        ("two\nlines", "run.failed", "email", "a@b.c"),
        ("a", "run.sneezed", "email", "a@b.c"),
        ("a", "run.failed", "pigeon", "a@b.c"),
        ("a", "run.failed", "email", "a@b.c\nbcc: d@e.f"),
        ("a", "run.failed", "email", "nobody"),
        ("a", "run.failed", "slack", "ftp://example.com"),
        ("a", "run.failed", "webhook", "http://user:word@example.com"),
        ("a", "run.failed", "webhook", "http://"),
        ("a", "run.failed", "webhook", "http://a:port/"),
    ],
)
def test_what_cannot_be_told_is_refused(name: str, kind: str, channel: str, to: str) -> None:
    with pytest.raises(BadRequest):
        alerts.check(name, kind, channel, to, [], None)


def test_of_a_url_people_see_the_host_only() -> None:
    assert alerts.shown("slack", "https://hooks.slack.com/services/T0/B0/key") == (
        "https://hooks.slack.com/…"
    )
    assert alerts.shown("email", "a@b.c") == "a@b.c"


def test_pauses_grow_to_half_an_hour() -> None:
    assert [alerts.pause_ms(tries) for tries in (1, 2, 3, 100)] == [
        10_000,
        20_000,
        40_000,
        1_800_000,
    ]


@pytest.mark.parametrize(
    ("kind", "tasks", "over_ms"),
    [
        ("queue.latency", [], None), ("queue.latency", [], 9_999), ("queue.latency", [], 31 * 86_400_000),
        ("queue.latency", ["a"], 60_000), ("run.failed", [], 60_000), ("deployment.failed", ["a"], None),
    ],
)  # fmt: skip
def test_how_long_a_run_may_wait_belongs_to_alerts_of_queues(
    kind: str, tasks: list[str], over_ms: int | None
) -> None:
    alerts.check("a", "queue.latency", "email", "a@b.c", [], 60_000)
    with pytest.raises(BadRequest):
        alerts.check("a", kind, "email", "a@b.c", tasks, over_ms)
