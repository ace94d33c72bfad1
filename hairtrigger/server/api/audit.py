"""The audit log over the API, for admins: who changed what in this installation. A path of our own."""

from typing import Any

import msgspec

from hairtrigger.engine import audit as engine
from hairtrigger.engine.audit import Entry
from hairtrigger.rules import accounts
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import pages
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids


class EntryObject(msgspec.Struct, rename="camel"):
    """Something that was done. ``project`` and ``environment`` are left out where it was in none."""

    id: str
    at: str
    who: str
    action: str
    what: str
    subject: str
    address: str
    project: Any = msgspec.UNSET
    environment: Any = msgspec.UNSET


async def list_entries(call: Call) -> Answer:
    """What was done, newest first, by whom, and from where."""
    accounts.demand(call.user.role, "change")
    asked = pages.asked(call.query())
    after, _, turn = pages.position(asked)
    store = call.server.store
    found, following = await engine.page(store, before=after, size=asked.size)
    data = [shown(one, store.catalog.envs) for one in found]
    return answers.json(pages.cursor_page(data, pages.named(following, turn), None))


def shown(one: Entry, envs: dict[int, Any]) -> EntryObject:
    """An entry as it is told, with the names of where it was."""
    env = None if one.env is None else envs.get(one.env)
    place = (msgspec.UNSET, msgspec.UNSET) if env is None else (env.project_ref, env.slug)
    return EntryObject(
        ids.public("audit", one.id), durations.iso(one.at), one.who, one.action, one.what, one.subject,
        one.address, *place,
    )  # fmt: skip


ROUTES = (
    Route(
        "GET", "/api/hairtrigger/v1/audit", list_entries, "person", returns=pages.CursorPage,
        query=("page[size]", "page[after]"),
    ),
)  # fmt: skip
