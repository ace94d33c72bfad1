"""What a page's route is: a method, a path, who may come, and what draws it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard.stream import Stream
from hairtrigger.server.routes import summary_of

if TYPE_CHECKING:
    from hairtrigger.server.dashboard.view import View

Handler = Callable[["View"], Awaitable[Answer | Stream]]
Role = Literal["anybody", "viewer", "admin"]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One method on one path. A path that begins with ``/p/{project}/{env}`` is of an environment, which its
    view then names. ``limit`` is the setting that bounds the body; ``own``: it is for somebody's own account."""

    method: str
    path: str
    handler: Handler
    role: Role = "viewer"
    limit: str = "small_bytes"
    own: bool = False

    @property
    def audited(self) -> bool:
        """Whether it stands in the audit log: what admins change, and what people do with their own accounts."""
        return self.method != "GET" and (self.role == "admin" or self.own)

    @property
    def summary(self) -> str:
        return summary_of(self.handler)

    @property
    def browsers(self) -> bool:
        """Whether pages of other origins may call it: never."""
        return False
