"""Alerts: which may be made, what one may connect to, and when is tried again."""

import ipaddress
import re
from collections.abc import Sequence
from typing import Literal, get_args
from urllib.parse import urlsplit

from hairtrigger.errors import BadRequest

Kind = Literal[
    "run.failed", "error.new", "error.returned", "deployment.succeeded", "deployment.failed", "queue.latency"
]  # fmt: skip
Channel = Literal["webhook", "slack", "email"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CHANNELS: tuple[Channel, ...] = get_args(Channel)
MOST, MAX_NAME, MAX_TO, MAX_TASKS = 50, 100, 2_000, 100  # of an environment; characters; tasks
LATENCY: Kind = "queue.latency"
SHORTEST_MS, LONGEST_MS = 10_000, 30 * 86_400_000  # that a run may wait
WINDOW_MS = 10 * 60_000
"""One message of an alert about a task in this time; what fails meanwhile is counted in the next one."""
GIVE_UP_MS = 6 * 3_600_000
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 10_000, 1_800_000
_EMAIL = re.compile(r"[^\s@<>,;\"()\[\]\\:]+@[^\s@<>,;\"()\[\]\\:]+")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check(
    name: str, kind: str, channel: str, to: str | None, tasks: Sequence[str], over_ms: int | None
) -> None:
    """Refuse an alert that cannot be.

    Args:
        to: None: what it was before, which was checked then.
        over_ms: Of an alert of queues: how long a run may wait.

    Raises:
        BadRequest: naming what it is.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise BadRequest(f"An alert's name has 1 to {MAX_NAME} characters, on one line.")
    if kind not in KINDS:
        raise BadRequest(f"Unknown type {kind[:50]!r}. Known: {', '.join(KINDS)}.")
    if channel not in CHANNELS:
        raise BadRequest(f"Unknown channel {channel[:50]!r}. Known: {', '.join(CHANNELS)}.")
    if tasks and not is_of_runs(kind):
        raise BadRequest(f"{kind} is not of runs: it names no tasks.")
    if (kind == LATENCY) != (over_ms is not None):
        raise BadRequest(f"How long a run may wait belongs to {LATENCY}, and has to be said there.")
    if over_ms is not None and not SHORTEST_MS <= over_ms <= LONGEST_MS:
        raise BadRequest("A run may wait for 10 seconds to 30 days before an alert tells of it.")
    if len(tasks) > MAX_TASKS:
        raise BadRequest(f"An alert names at most {MAX_TASKS} tasks; without one it is for all.")
    if to is not None and (
        len(to) > MAX_TO or not (_EMAIL.fullmatch(to) if channel == "email" else is_url(to))
    ):
        wanted = "an email address" if channel == "email" else "an http or https URL with a host"
        raise BadRequest(f"An alert by {channel} goes to {wanted}.")


def is_of_runs(kind: str) -> bool:
    """Whether an alert of that kind tells of failed runs, rather than of versions or queues."""
    return kind.startswith(("run.", "error."))


def is_url(text: str) -> bool:
    """Whether it is an http(s) URL with a host, and without a user."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and text.isprintable()
        and " " not in text
    )


def shown(channel: str, to: str) -> str:
    """Where to, as people may see it: of a URL only the host, since the rest may be a secret."""
    if channel == "email":
        return to
    parts = urlsplit(to)
    return f"{parts.scheme}://{parts.netloc}/…"


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, in whatever form an IPv4 address is written in it."""
    found: _Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if found.teredo is not None:
            return False
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast and not found.is_reserved


def pause_ms(tries: int) -> int:
    """How long to wait after the so-maniest try, the first being 1, has failed."""
    return int(min(_FIRST_PAUSE_MS * 2 ** min(tries - 1, 20), _LONGEST_PAUSE_MS))
