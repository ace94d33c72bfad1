"""Requests to addresses that people have given: only to the internet, without redirects, in bounded time.

The address that was checked is the one that is connected to: a name is looked up once.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hairtrigger.errors import HairtriggerError
from hairtrigger.rules import alerts as rules

TIMEOUT_S = 10
_MOST_READ = 4_096  # bytes of an answer


class NotReached(HairtriggerError):
    """A request that was not made, or not answered well."""

    code, status = "not_reached", 502


class _Checked(AbstractResolver):
    """Looks names up, and refuses those that lead into private networks."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name.

        Raises:
            NotReached: one of them is private.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        answers: list[ResolveResult] = []
        for kind, _, proto, _, place in found:
            address = str(place[0])
            _check(address, host)
            answers.append(
                ResolveResult(
                    hostname=host, host=address, port=port, family=kind, proto=proto,
                    flags=socket.AI_NUMERICHOST,
                )
            )  # fmt: skip
        return answers

    async def close(self) -> None:
        """Nothing is kept."""


def _check(address: str, host: str) -> None:
    if not rules.is_public(address):
        raise NotReached(
            f"{host} is an address of a private network or of this machine, where alerts may not go. "
            "HAIRTRIGGER_ALERTS_ALLOW_PRIVATE=1 allows it."
        )


async def post(
    url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool = False
) -> None:
    """Send a request that must be answered with a 2xx.

    Raises:
        NotReached: saying why it was not, without the URL.
    """
    resolver = aiohttp.ThreadedResolver() if allow_private else _Checked()
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        try:
            if not allow_private:
                _check_literal(urlsplit(url).hostname or "")
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.content.read(_MOST_READ)
                if not 200 <= answer.status < 300:
                    raise NotReached(f"It was answered with HTTP {answer.status}.")
        except TimeoutError:
            raise NotReached(f"There was no answer within {TIMEOUT_S} s.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotReached(f"It could not be reached ({type(error).__name__}).") from None


def _check_literal(host: str) -> None:
    """aiohttp asks no resolver about a host that is an address already."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    _check(host, host)
