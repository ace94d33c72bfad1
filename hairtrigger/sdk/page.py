"""Lists that come in pages. The blocking mirror is generated from this file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from hairtrigger.errors import HairtriggerError
from hairtrigger.sdk.api import ApiCall
from hairtrigger.sdk.client import Client

T = TypeVar("T")


class Cursor(msgspec.Struct, rename="camel"):
    """Where the neighbours of a page are: opaque texts, or the number of the page and how many there are."""

    next: str | None = None
    previous: str | None = None
    current_page: int = 0
    total_pages: int = 0


class Listed(msgspec.Struct, Generic[T]):
    """One page as the API sends it."""

    data: list[T]
    pagination: Cursor


Ask = Callable[[str | None], ApiCall[Any]]  # the call for the page at a cursor; None: the first


class Page(Generic[T]):
    """One page of a list, or the whole of it when iterated.

    Awaiting it gives the first page alone, iterating walks every page. In ``hairtrigger.sync`` there is
    nothing to await.
    """

    __slots__ = ("_ask", "_client", "_cursor", "_listed")

    def __init__(self, client: Client, ask: Ask, cursor: str | None = None) -> None:
        self._client, self._ask, self._cursor = client, ask, cursor
        self._listed: Listed[T] | None = None

    async def load(self) -> Page[T]:
        """The page itself, once it is there."""
        await self._load()
        return self

    def __await__(self) -> Generator[Any, None, Page[T]]:  # sync: drop
        return self.load().__await__()  # sync: drop

    async def __aiter__(self) -> AsyncIterator[T]:
        page = await self.load()
        while True:
            for item in page.data:
                yield item
            if not page.has_next_page():
                return
            page = await page.get_next_page()

    @property
    def data(self) -> list[T]:
        """The items of this page."""
        return self._here().data

    def has_next_page(self) -> bool:
        """Whether there is another page after this one."""
        return next_cursor(self._here().pagination) is not None

    async def get_next_page(self) -> Page[T]:
        """The page after this one; the same one when it is the last."""
        cursor = next_cursor(self._here().pagination)
        if cursor is None:
            return self
        return await Page[T](self._client, self._ask, cursor).load()

    async def _load(self) -> Listed[T]:
        if self._listed is not None:
            return self._listed
        listed: Listed[T] = await self._client.send(self._ask(self._cursor))
        self._listed = listed
        return listed

    def _here(self) -> Listed[T]:
        listed = self._listed
        if listed is None:
            listed = not_awaited()  # sync: listed = self._load()
        return listed


def not_awaited() -> NoReturn:
    """Raises: a page that has not come yet was asked for what is on it."""
    raise HairtriggerError("Await the page first: page = await runs.list(...)")


def next_cursor(found: Cursor) -> str | None:
    """What names the next page, or None on the last one."""
    if found.current_page:
        return str(found.current_page + 1) if found.current_page < found.total_pages else None
    return found.next
