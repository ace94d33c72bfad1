"""What a route is: a method, a path, who may come, and what is read and answered.

The tables in ``api/`` and ``workers/`` are made of these; ``app`` serves them, ``api/openapi`` documents
them and the tests walk them. A route without a declared credential cannot be written.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from hairtrigger.server.answers import Answer
from hairtrigger.server.auth import Rule
from hairtrigger.server.requests import Call

Handler = Callable[[Call], Awaitable[Answer]]
# anybody; the environment's secret key; that, or a public token with the scopes of ``rules``; somebody by a personal
# access token; on a path that names an environment its secret key, or such a person: any, or one who may change things
Access = Literal["anybody", "secret", "token", "person", "member", "admin"]


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path.

    ``path`` has named parts in braces; ``{name:path}`` takes slashes too. ``limit`` is the setting that
    bounds the body, ``browsers`` lets pages of any origin call it, ``hot`` routes are found without the
    router, ``rated`` ones count against the key's rate limit, ``trunk`` ones are for a preview environment as a
    whole too, not only for a branch of it, ``audited`` ones stand in the audit log. ``body``, its type ``media``
    and ``returns`` (a tuple: one of these) are documentation.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    rules: tuple[Rule, ...] = ()
    limit: str = "small_bytes"
    browsers: bool = False
    hot: bool = False
    rated: bool = True
    trunk: bool = False
    audited: bool = False
    body: Any = None
    media: str = "application/json"
    returns: Any = None
    query: tuple[str, ...] = ()
    status: int = 200

    @property
    def summary(self) -> str:
        return summary_of(self.handler)


def summary_of(handler: object) -> str:
    """What a handler does: the first line of its docstring."""
    return (handler.__doc__ or "").strip().partition("\n")[0]
