"""``tags``: words to find a run by. The blocking mirror is generated from this file."""

from __future__ import annotations

import msgspec

from hairtrigger.errors import OutsideRun
from hairtrigger.sdk.api import ApiCall, nothing, segment
from hairtrigger.sdk.client import default
from hairtrigger.sdk.context import SCOPE


class Tags:
    """The tags of the run that the calling code is in."""

    __slots__ = ()

    async def add(self, *tags: str) -> None:
        """Add tags; a run has at most ten, of at most 128 characters.

        Raises:
            OutsideRun: outside of a run.
            Unprocessable: for more than ten.
        """
        scope = SCOPE.get()
        if scope is None:
            raise OutsideRun("tags.add()")
        new = [tag for tag in tags if tag not in scope.info.tags]
        if new:
            await default().send(add_call(scope.run_id, new))
            scope.info.tags = [*scope.info.tags, *new]


tags = Tags()


def add_call(run_id: str, new: list[str]) -> ApiCall[None]:
    """Add tags to a run."""
    body = msgspec.json.encode({"tags": new})
    request = f"POST /api/v1/runs/{segment(run_id)}/tags"
    return ApiCall("tags.add", request, body=body, returns=nothing)
