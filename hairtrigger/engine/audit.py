"""The audit log: who changed what, and from where. Written before whoever did it hears that it is done."""

from dataclasses import dataclass

from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Database, Steps, fetch
from hairtrigger.store.store import Store, one

KEPT_MS = 400 * 86_400_000
SIZE = 50
_END = 2**63 - 1
_MAX = 200  # characters of what comes from outside


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that somebody did. ``who`` is an email address, the ends of a key, or a user of the machine."""

    id: int
    at: int  # ms
    env: int | None
    who: str
    action: str  # keys.create
    what: str  # the same in words
    subject: str  # of what: an id or a name
    address: str


async def note(
    store: Store, *, who: str, action: str, what: str, subject: str = "", address: str = "",
    env: int | None = None,
) -> None:  # fmt: skip
    """Write down that somebody did something."""
    number, texts = (
        store.make_id(),
        [_plain(text) for text in (who, action, what, subject, address)],
    )

    def insert(_: Catalog, now: int) -> Steps[None]:
        yield fetch("insert_audit", number, now, env, *texts)

    await store.change(insert)


async def page(
    store: Store | Database, *, before: int | None = None, size: int = SIZE
) -> tuple[list[Entry], int | None]:
    """What was done, newest first, and the number to go on before; None at the end."""
    rows = await store.read(one("audit_before", before or _END, size + 1))
    found = [Entry(*row) for row in rows[:size]]
    return found, found[-1].id if len(rows) > size else None


def _plain(text: str) -> str:
    """On one line, and not without end."""
    return "".join(one if one.isprintable() else " " for one in text)[:_MAX]
