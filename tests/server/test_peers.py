"""Addresses and hosts: what a trusted proxy says counts, what anybody else says does not."""

from typing import Any

import pytest

from hairtrigger.server.peers import Peers, block_of, is_loopback, networks

PROXY, STRANGER = "10.0.0.1", "203.0.113.9"


def scope(peer: str | None = PROXY, scheme: str = "http", **headers: str | list[str]) -> Any:
    """A request from a peer. Underscores in header names are hyphens, a list is several of them."""
    raw = [
        (name.replace("_", "-").encode(), one.encode("latin-1"))
        for name, value in headers.items()
        for one in ([value] if isinstance(value, str) else value)
    ]
    client = None if peer is None else (peer, 5)
    return {"type": "http", "scheme": scheme, "client": client, "headers": raw}


def peers(trusted: str = "10.0.0.0/8, ::1", public_url: str = "") -> Peers:
    return Peers(trusted, public_url)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (PROXY, "198.51.100.7", "198.51.100.7"),
        (PROXY, "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        (PROXY, "198.51.100.7:4711", "198.51.100.7"),
        (PROXY, "[2001:db8::7]:4711", "2001:db8::7"),
        (PROXY, "2001:DB8::7", "2001:db8::7"),
        (PROXY, "::ffff:198.51.100.7", "198.51.100.7"),
        (PROXY, "unknown", "unknown"),
        (PROXY, "", PROXY),
        (PROXY, ["198.51.100.7", "198.51.100.8"], "198.51.100.8"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::1", "198.51.100.7", "198.51.100.7"),
        (STRANGER, "198.51.100.7", STRANGER),
        ("fe80::1%eth0", "198.51.100.7", "fe80::1"),
        (None, "198.51.100.7", ""),
        ("/run/a.sock", "198.51.100.7", "/run/a.sock"),
    ],
)
def test_the_address_is_the_peers_or_what_a_trusted_one_adds(
    peer: str | None, forwarded: str | list[str], address: str
) -> None:
    assert peers().address(scope(peer, x_forwarded_for=forwarded)) == address


def test_without_a_word_the_address_is_the_peers() -> None:
    assert peers().address(scope("::ffff:10.9.9.9")) == "10.9.9.9"


@pytest.mark.parametrize(
    ("peer", "scheme", "proto", "https"),
    [
        (PROXY, "http", "https", True),
        (PROXY, "http", "https, http", True),
        (PROXY, "http", "http", False),
        (PROXY, "https", "http", False),
        (STRANGER, "http", "https", False),
        (STRANGER, "https", "http", True),
    ],
)
def test_https_is_what_a_trusted_proxy_says_or_the_connection(
    peer: str, scheme: str, proto: str, https: bool
) -> None:
    assert peers().is_https(scope(peer, scheme, x_forwarded_proto=proto)) is https


@pytest.mark.parametrize(
    ("host", "https"),
    [("jobs.example.com", True), ("JOBS.example.com:443", True), ("10.0.0.5:3030", False)],
)
def test_https_is_known_from_the_public_url_too(host: str, https: bool) -> None:
    known = peers(public_url="https://jobs.example.com/")

    assert known.is_https(scope(STRANGER, host=host)) is https


@pytest.mark.parametrize(
    ("origin", "host", "is_ours"),
    [
        ("http://localhost:3030", "localhost:3030", True),
        ("http://LOCALHOST:3030", "localhost:3030", True),
        ("https://jobs.example.com", "jobs.example.com", True),
        ("http://jobs.example.com", "jobs.example.com:80", True),
        ("http://[::1]:3030", "[::1]:3030", True),
        ("http://[::1]", "[::1]", True),
        ("http://localhost:3031", "localhost:3030", False),
        ("http://evil.example", "localhost:3030", False),
        ("http://localhost:3030.evil.example", "localhost:3030", False),
        ("http://evil.example/localhost:3030", "localhost:3030", False),
        ("null", "null", False),
        ("", "", False),
        ("file://", "", False),
        ("ftp://localhost:3030", "localhost:3030", False),
        ("http://[", "[", False),
        ("http://x", ["x", "y"], False),
    ],
)
def test_an_origin_is_ours_when_it_is_the_host_of_the_request(
    origin: str, host: str | list[str], is_ours: bool
) -> None:
    assert peers().is_origin(scope(STRANGER, host=host), origin) is is_ours


def test_an_origin_is_ours_under_the_public_url_whatever_the_host_says() -> None:
    known = peers(public_url="https://jobs.example.com/some/path")

    assert known.is_origin(scope(STRANGER, host="backend:3030"), "https://jobs.example.com")
    assert not known.is_origin(scope(STRANGER, host="backend:3030"), "http://jobs.example.com")


def test_an_origin_without_tls_is_not_ours_where_the_browser_has_it() -> None:
    request = scope(PROXY, host="x", x_forwarded_proto="https")

    assert peers().is_origin(request, "https://x")
    assert not peers().is_origin(request, "http://x")


@pytest.mark.parametrize(("peer", "is_ours"), [(PROXY, True), (STRANGER, False)])
def test_the_host_that_a_trusted_proxy_was_asked_for_counts(peer: str, is_ours: bool) -> None:
    request = scope(peer, host="backend:3030", x_forwarded_host="jobs.example.com")

    assert peers().is_origin(request, "http://jobs.example.com") is is_ours


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST.", "a.localhost", "::ffff:127.0.0.1"]
)  # fmt: skip
def test_this_machine_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.1", "example.com", "localhost.example.com", "notlocalhost"]
)  # fmt: skip
def test_other_machines_are_not_this_one(host: str) -> None:
    assert not is_loopback(host)


def test_addresses_of_one_block_are_counted_together() -> None:
    assert block_of("2001:db8:1:2:3::4") == block_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert block_of("2001:db8:1:3::4") != block_of("2001:db8:1:2::4")
    assert block_of("203.0.113.9") == "203.0.113.9"


def test_networks_are_read_and_what_is_none_is_refused() -> None:
    assert [str(one) for one in networks("10.1.2.3/8, ::1,")] == ["10.0.0.0/8", "::1/128"]
    with pytest.raises(ValueError, match="proxy"):
        networks("proxy.example.com")
