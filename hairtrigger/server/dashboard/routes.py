"""What a page's route is: a method, a path, who may come, and what draws it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard.stream import Stream

if TYPE_CHECKING:
    from hairtrigger.server.dashboard.view import View

Handler = Callable[["View"], Awaitable[Answer | Stream]]
Role = Literal["anybody", "viewer", "admin"]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One method on one path. A path that begins with ``/p/{project}/{env}`` is of an environment, which its
    view then names. ``limit`` is the setting that bounds the body."""

    method: str
    path: str
    handler: Handler
    role: Role = "viewer"
    limit: str = "small_bytes"

    @property
    def browsers(self) -> bool:
        """Whether pages of other origins may call it: never."""
        return False
