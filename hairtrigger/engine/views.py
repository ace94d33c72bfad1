"""Views: lists of runs that people keep under a name, for themselves or for everybody."""

from dataclasses import dataclass

from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store, one
from hairtrigger.wire import ids

EVERYBODY = 0
MOST, MAX_NAME, MAX_QUERY = 50, 60, 2_000  # of one owner in an environment; characters
_PREFIX = "view"


@dataclass(frozen=True, slots=True)
class SavedView:
    """``query`` is the query of its address, without a question mark."""

    id: str  # view_…
    is_shared: bool
    name: str
    query: str


async def all_for(store: Store, env: Environment, user: int) -> list[SavedView]:
    """Those of a person and those of everybody, by name."""
    rows = await store.read(one("views_of", env.id, user), quick=True)
    return [
        SavedView(ids.public(_PREFIX, number), owner == EVERYBODY, name, query)
        for number, owner, name, query in rows
    ]


async def save(store: Store, env: Environment, owner: int, *, name: str, query: str) -> str:
    """Keep a view; one of the same name and owner is replaced. Answers its name.

    Raises:
        Unprocessable: it has no name or a long one, its query is too long, or there are too many.
    """
    name = name.replace("\0", "").strip()
    if not name or len(name) > MAX_NAME:
        raise Unprocessable(f"A view needs a name of 1 to {MAX_NAME} characters.")
    if len(query) > MAX_QUERY or "\0" in query:
        raise Unprocessable(f"What a view asks for has at most {MAX_QUERY:,} characters.")
    number = store.make_id()

    def keep(_: Catalog, now: int) -> Steps[None]:
        if (yield fetch("count_views", env.id, owner, name))[0][0] >= MOST:
            raise Unprocessable(f"There are {MOST} views already. Delete one first.")
        yield fetch("put_view", number, env.id, owner, name, query, now)

    await store.change(keep)
    return name


async def delete(
    store: Store, env: Environment, view_id: str, *, user: int, may_share: bool
) -> str:
    """Delete a view of one's own, or with ``may_share`` one of everybody. Answers its name.

    Raises:
        NotFound: there is none, or it is another person's.
        Unprocessable: it is everybody's, and not theirs to delete.
    """
    number = ids.parse(_PREFIX, view_id) or 0

    def drop(_: Catalog, __: int) -> Steps[str]:
        found = yield fetch("view_by_id", number, env.id)
        owner = found[0][0] if found else None
        if owner not in (EVERYBODY, user):
            raise NotFound("There is no such view any more.")
        if owner == EVERYBODY and not may_share:
            raise Unprocessable("This view is everybody's: an admin can delete it.")
        rows = yield fetch("delete_view", number)
        return str(rows[0][0])

    name: str = await store.change(drop)
    return name
