"""One look at the dashboard: who looks, at which environment, with which query; and how it is answered."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from hairtrigger.errors import BadRequest
from hairtrigger.rules.project import Environment
from hairtrigger.server.answers import Answer, Header
from hairtrigger.server.dashboard import render, shell
from hairtrigger.server.requests import Call
from hairtrigger.server.server import Server
from hairtrigger.server.visitors import Visitor
from hairtrigger.store.store import Store
from hairtrigger.wire import ids

_FORM = b"application/x-www-form-urlencoded"
_STAYS = (b"hx-push-url", b"false")  # a form that comes back stays at the address of its page


@dataclass(slots=True)
class View:
    """What a page's handler is given. ``env`` is there on every path that begins with ``/p/``."""

    call: Call
    visitor: Visitor | None
    environment: Environment | None
    query: dict[str, str] = field(default_factory=dict)
    _pairs: list[tuple[str, str]] | None = None

    @property
    def server(self) -> Server:
        return self.call.server

    @property
    def store(self) -> Store:
        return self.call.server.store

    @property
    def env(self) -> Environment:
        assert self.environment is not None, "the path names no environment"
        return self.environment

    @property
    def path(self) -> str:
        """The path that was asked for, without its query."""
        return self.call.scope["raw_path"].decode("latin-1")  # type: ignore[no-any-return]

    @property
    def parts(self) -> list[str]:
        """The blocks that a living page asks for; none: all of it."""
        asked = self.call.headers.get(b"x-parts", b"").decode("latin-1")
        return [part for part in asked.split(",") if part.isidentifier()]

    def base(self, env: Environment | None = None) -> str:
        """The path of an environment, ``/p/proj_…/prod``."""
        return base(env or self.env)

    def link(self, page: str, **query: Any) -> str:
        """A path of this environment; what is None or empty in the query is left out."""
        given = {name: value for name, value in query.items() if value not in (None, "", False)}
        return f"{self.base()}/{page}" + (f"?{urlencode(given)}" if given else "")

    def queue(self, name: str) -> str:
        """The path of a queue's page, by its full name."""
        return queue_path(self.env, name)

    def here(self, **changed: Any) -> str:
        """This page with another query; a value of None leaves its name out."""
        query = {
            name: value
            for name, value in {**self.query, **changed}.items()
            if value not in (None, "")
        }
        return self.path + (f"?{urlencode(query)}" if query else "")

    @property
    def page_number(self) -> int:
        """The page of a list (from 1) that the query asks for; what is no number asks for the first."""
        text = self.query.get("page", "")
        return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 6 else 1

    def turns(self, count: int, size: int) -> dict[str, Any]:
        """Where to turn to from here in a list of ``count`` in pages of ``size``: ``newer`` and ``older``."""
        page = self.page_number
        return {
            "newer": self.here(page=page - 1 if page > 2 else None) if page > 1 else None,
            "older": self.here(page=page + 1) if page * size < count else None,
        }

    def number(self, prefix: str, parameter: str) -> int:
        """The number behind a public id in the path."""
        return self.call.number(prefix, parameter)

    def page(
        self, template: str, *, status: int = 200, headers: Iterable[Header] = (), **context: Any
    ) -> Answer:
        """A page, or its parts that were asked for."""
        given: dict[str, Any] = {
            "view": self,
            **shell.context(self.call, self.visitor, self.environment),
            **context,
        }
        if (
            self.parts
        ):  # drawn once for everybody with that role: nothing of one person may stand in it
            del given["csrf"], given["visitor"]
        if status >= 400 and self.call.scope["method"] == "POST":
            headers = [*headers, _STAYS]
        return render.answer(render.html(template, given, self.parts), status, headers)

    async def form(self) -> dict[str, str]:
        """The members of a form; of one that comes twice the last counts.

        Raises:
            BadRequest: it is no form, or not UTF-8.
        """
        return dict(await self.form_pairs())

    async def form_pairs(self) -> list[tuple[str, str]]:
        """The members of a form, in their order."""
        if self._pairs is None:
            kind = self.call.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != _FORM:
                raise BadRequest("This takes a form (application/x-www-form-urlencoded).")
            body = await self.call.body()
            try:
                self._pairs = parse_qsl(
                    body.decode("ascii"),
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=2_000,
                )
            except ValueError as error:
                raise BadRequest(f"The form cannot be read: {error}.") from None
        return self._pairs

    def go(self, where: str, *, say: str = "") -> Answer:
        """Send the browser to a path of ours, with a word for it to show there."""
        headers: list[Header] = [(b"location", where.encode("latin-1", "replace")), *render.HEADERS]
        if say:
            headers.append(
                (b"set-cookie", f"ht_say={quote(say)}; Path=/; Max-Age=20; SameSite=Lax".encode())
            )
        return Answer(b"", 303, headers)

    def file(self, name: str, body: bytes) -> Answer:
        """Something to be kept, never to be shown: whatever it holds, the browser runs nothing of it."""
        headers = [
            (b"content-disposition", f'attachment; filename="{name}"'.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"content-security-policy", b"sandbox"),
            (b"cache-control", b"no-store"),
        ]
        return Answer(body, headers=headers, type=(b"content-type", b"application/octet-stream"))


def base(env: Environment) -> str:
    """The path of an environment."""
    return f"/p/{quote(env.project_ref, safe='')}/{quote(env.slug, safe='')}"


def queue_path(env: Environment, name: str) -> str:
    """The path of a queue's page, by its full name."""
    return f"{base(env)}/queues/{quote(name, safe='')}"


def run_id(number: int) -> str:
    """A run's public id."""
    return ids.public("run", number)
