"""What came of a COMMIT that had no answer.

PostgreSQL remembers by its number how a transaction ended. But when it crashes it forgets numbers that left
no trace on the disk, and gives them again: "committed" is then said of somebody else's transaction. So each
connection knows the mark of the time between two crashes in which it was made.
"""

import weakref
from typing import Any, Literal

import asyncpg

from hairtrigger.store import connecting

Outcome = Literal["committed", "aborted", "in progress", "unknown"]
UNKNOWN = (
    "The connection to the database broke in a COMMIT, and what came of it cannot be asked now. "
    "Send the request again: it is safe by its key."
)
_marks: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


async def mark(connection: Any) -> None:
    """Let a connection know its mark, before its first transaction."""
    if connection not in _marks:
        await connection.execute(_MAKE)
        _marks[connection] = await connecting.ask(connection, _LOOK) or ""


async def ask(connection: Any, xid: str, broken: Any) -> Outcome:
    """How the transaction ended that a connection which is broken now had begun."""
    try:
        async with connection.transaction():
            status, now = await connection.fetchrow(_ASK, xid)
    except asyncpg.InvalidParameterValueError:  # a number that was not given yet: it was forgotten
        return "aborted"
    if now == _marks.get(broken):
        known: Outcome = status or "unknown"
        return known
    # It crashed since. What was committed then is committed still: whoever has the number now, if it is not
    # committed, ours was not either.
    return "unknown" if status in ("committed", None) else "aborted"


_MAKE = "insert into incarnation (mark) values (gen_random_uuid()) on conflict do nothing"
_LOOK = "select mark::text from incarnation"
_ASK = "select pg_xact_status($1::text::xid8), (select mark::text from incarnation)"
