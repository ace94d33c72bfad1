"""A task that tells of its payload what a test wants to know."""

from typing import TypedDict

from hairtrigger import task


class Document(TypedDict):
    title: str
    text: str


@task
async def measure(payload: Document) -> list[int | str]:
    return [payload["title"], len(payload["text"]), payload["text"][-1]]
