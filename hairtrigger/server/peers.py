"""Who is at the other end of a connection, and what a proxy we trust says of whoever is behind it.

Used by ``visitors``, and by ``settings`` to check which proxies are named. A header that comes from anybody
else says nothing.
"""

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from hairtrigger.server.answers import Message

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MAX_CHARS = 64  # of what stands where an address should
_PORTS = {"http": "80", "https": "443"}


class Peers:
    """The connections of one server.

    Args:
        trusted: Addresses and networks of proxies, with commas between them.
        public_url: How browsers reach this server, if that is known.
    """

    def __init__(self, trusted: str, public_url: str = "") -> None:
        self._trusted = networks(trusted)
        self._public = _origin(public_url) if public_url else None

    def is_trusted(self, scope: Message) -> bool:
        """Whether what the peer says of others is believed."""
        address = _address(_peer(scope))
        return address is not None and any(address in one for one in self._trusted)

    def address(self, scope: Message) -> str:
        """Where a request comes from: its peer, or what a trusted one has added last to X-Forwarded-For."""
        peer = _peer(scope)
        if self.is_trusted(scope):
            for said in headers(scope, b"x-forwarded-for")[-1:]:
                peer = without_port(said.rpartition(",")[2].strip())[:_MAX_CHARS] or peer
        found = _address(peer)
        return peer if found is None else str(found)

    def is_https(self, scope: Message) -> bool:
        """Whether the browser speaks https, with us or with a proxy before us."""
        if self.is_trusted(scope):
            for said in headers(scope, b"x-forwarded-proto")[:1]:
                return said.partition(",")[0].strip().lower() == "https"
        if scope["scheme"] == "https":
            return True
        return self._public is not None and self._public == ("https", named_host(scope, "https"))

    def is_origin(self, scope: Message, origin: str) -> bool:
        """Whether an ``Origin`` is that of this server, as the browser reaches it."""
        found = _origin(origin)
        if found is None:
            return False
        if found == self._public:
            return True
        scheme = found[0]
        if self.is_https(scope) and scheme != "https":
            return False
        hosts = [named_host(scope, scheme)]
        if self.is_trusted(scope):
            said = headers(scope, b"x-forwarded-host")[:1]
            hosts += [_with_port(one.partition(",")[0].strip(), scheme) for one in said]
        return found[1] in hosts


def headers(scope: Message, name: bytes) -> list[str]:
    """Every value of a header, in order. The name is in lower case."""
    return [_text(value) for key, value in scope["headers"] if key == name]


def named_host(scope: Message, scheme: str) -> str:
    """The host and port that a request names, in lower case; empty when it names none, or two."""
    named = headers(scope, b"host")
    return _with_port(named[0].strip(), scheme) if len(named) == 1 else ""


def networks(text: str) -> list[Network]:
    """Addresses and networks with commas between them.

    Raises:
        ValueError: one of them is neither.
    """
    parts = [part.strip() for part in text.split(",")]
    return [ipaddress.ip_network(part, strict=False) for part in parts if part]


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine and never another one."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def without_port(text: str) -> str:
    """The name or address in ``localhost:80``, ``1.2.3.4:80`` or ``[::1]:80``: proxies write such."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def block_of(address: str) -> str:
    """Whom an address stands for when it is counted: of IPv6 everybody has a whole /64."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return address


def _peer(scope: Message) -> str:
    client: Iterable[object] = scope.get("client") or ("",)
    return str(next(iter(client)))


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _origin(text: str) -> tuple[str, str] | None:
    """The scheme and the host with its port of a URL, or None when it has none: ``null`` is no origin."""
    try:
        parts = urlsplit(text)
        if parts.scheme not in _PORTS or not parts.hostname:
            return None
        return parts.scheme, _with_port(parts.netloc.rpartition("@")[2], parts.scheme)
    except ValueError:
        return None


def _with_port(host: str, scheme: str) -> str:
    """A host in lower case that always has its port."""
    host = host.lower()
    head, colon, port = host.rpartition(":")
    if colon and port.isdigit() and not head.endswith(":"):
        return host
    return f"{host.removesuffix(':')}:{_PORTS[scheme]}"


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
