"""Connecting to PostgreSQL: with which settings, what counts as away, and the schema.

Used by the database itself, and by commands that look at it or move it.
"""

import asyncio
import time
from typing import Any

import asyncpg

from hairtrigger.errors import ConfigError
from hairtrigger.store import places, schema

OLDEST = 15
COMMAND_S = 20.0  # that any statement may take
CONNECT_S = 5.0
MIGRATE_S = 60.0  # that a migration tries to get its locks
MOMENT_MS = 500  # that it waits for one at a time: everybody else waits behind it
LONGEST_S = 3_600.0  # that one may take
# A queue's statistics are always wrong: it is empty when they are taken, or full. So the plans are pinned.
PLANNER = {
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_material": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
# A server that froze or was cut off in a transaction must not keep its locks for long: the others wait.
SESSION = {
    "idle_in_transaction_session_timeout": "3s",
    "lock_timeout": "8s",
    "statement_timeout": "15s",
    "tcp_keepalives_idle": "5",
    "tcp_user_timeout": "8s",
}
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,
)
POOLED_BEGIN = "begin; " + "; ".join(
    f"set local {name} = '{value}'" for name, value in PLANNER.items()
)


def words(*, pooled: bool) -> dict[str, Any]:
    """The arguments of a connection that runs the engine's statements."""
    return {
        "timeout": CONNECT_S,
        "command_timeout": COMMAND_S,
        "statement_cache_size": 0 if pooled else 400,
        "max_cached_statement_lifetime": 0,
        "server_settings": {
            "application_name": "hairtrigger", **({} if pooled else PLANNER | SESSION)
        },
    }  # fmt: skip


async def connect(url: str, *, pooled: bool = False, timeout_s: float = CONNECT_S) -> Any:
    """A connection for the engine's statements."""
    given: dict[str, Any] = {**words(pooled=pooled), "timeout": timeout_s}
    return await asyncpg.connect(url, **given)


async def connect_plainly(url: str, name: str, *, timeout_s: float = CONNECT_S) -> Any:
    """A connection with PostgreSQL's own settings, for upkeep and single looks."""
    given: dict[str, Any] = {"timeout": timeout_s, "statement_cache_size": 0}
    return await asyncpg.connect(url, **given, server_settings={"application_name": name})


async def ask(connection: Any, sql: str, *params: Any) -> Any:
    """The first value of a statement's answer, in a transaction of its own: a pooler may give what is outside
    of one to another session half-way, when the statement is known and not yet executed."""
    async with connection.transaction():
        return await connection.fetchval(sql, *params)


def check_version(connection: Any) -> None:
    """Refuse a PostgreSQL that is too old.

    Raises:
        ConfigError: it is.
    """
    major = connection.get_server_version().major
    if major < OLDEST:
        raise ConfigError(f"PostgreSQL {major} is too old: {OLDEST} or newer is needed.")


async def migrate(connection: Any, *, dry: bool = False, moving: bool = False) -> list[int]:
    """Apply what a database lacks, one server at a time; answers the numbers applied.

    While a change of a table waits for the transactions that use it, everybody else waits behind the change.
    So it waits for a moment only, lets the others go first, and tries again.

    Args:
        dry: Apply nothing: raise if anything is lacking.
        moving: For a move into the database, which everybody else has to wait for.
    Raises:
        ConfigError: as ``schema.missing``; or something is lacking in a dry run; or a transaction has kept
            a table for longer than ``MIGRATE_S``.
    """
    deadline, pause_s = time.monotonic() + MIGRATE_S, 0.1
    while True:
        try:
            async with connection.transaction():
                return await _apply(connection, dry=dry, moving=moving)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if time.monotonic() > deadline:
                raise ConfigError(
                    "The schema cannot be brought up to date: a transaction keeps a table. "
                    f"{await _longest(connection)}"
                ) from error
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 2.0)


async def _apply(connection: Any, *, dry: bool, moving: bool) -> list[int]:
    """Everything that is lacking, in the transaction that is open."""
    await connection.execute(_PATIENTLY)
    await connection.execute("select pg_advisory_xact_lock(4710, 2)", timeout=2 * MIGRATE_S)
    await connection.execute(f"set local lock_timeout = {MOMENT_MS}")
    if dry and not await connection.fetchval("select to_regclass('schema_version') is not null"):
        raise ConfigError("The database has no schema yet. Run:  hairtrigger migrate")
    if not moving:
        await refuse_unfinished(connection)
    if not dry:
        await connection.execute(schema.REMEMBER)
    applied = {row[0]: row[1] for row in await connection.fetch(schema.APPLIED)}
    lacking = schema.missing("postgres", applied)
    if lacking and dry:
        raise ConfigError(schema.too_old(applied))
    for file in lacking:
        await connection.execute(file.text, timeout=LONGEST_S)
        await connection.execute(
            "insert into schema_version values ($1, $2)", file.number, file.checksum
        )
    return [file.number for file in lacking]


async def lacks(connection: Any) -> list[schema.Migration]:
    """What a database lacks; nothing is changed.

    Raises:
        ConfigError: as ``schema.missing``, or a move into it is not finished.
    """
    await refuse_unfinished(connection)
    if not await connection.fetchval("select to_regclass('schema_version') is not null"):
        return schema.missing("postgres", {})
    applied = {row[0]: row[1] for row in await connection.fetch(schema.APPLIED)}
    return schema.missing("postgres", applied)


async def refuse_unfinished(connection: Any) -> None:
    """Refuse a database that an installation is being moved into.

    Raises:
        ConfigError: it is.
    """
    if await connection.fetchval(f"select to_regclass('{schema.MOVE}') is not null"):
        raise ConfigError(schema.UNFINISHED)


async def _longest(connection: Any) -> str:
    """Who has had a transaction open for the longest time, as a sentence."""
    row = await connection.fetchrow(_LONGEST)
    if row is None:
        return "It has ended just now: try again."
    who = f"process {row[0]} ({row[1] or 'unnamed'})"
    return f"The longest one is {who}, for {row[2]} s: end it, or try again."


_PATIENTLY = f"set local statement_timeout = 0; set local lock_timeout = '{MIGRATE_S:.0f}s'"
_LONGEST = """
select pid, application_name, extract(epoch from clock_timestamp() - xact_start)::int from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
order by xact_start limit 1
"""


async def is_new(url: str) -> bool:
    """Whether a database has no project yet.

    Raises:
        ConfigError: it cannot be reached.
    """
    try:
        connection = await connect_plainly(url, "hairtrigger")
        try:
            made = await connection.fetchval("select to_regclass('projects') is not null")
            return not made or not await connection.fetchval("select exists (select from projects)")
        finally:
            await connection.close()
    except (*AWAY, asyncpg.PostgresError) as error:
        raise ConfigError(
            f"Cannot open the database {places.shown(url)} ({say(error)})."
        ) from error


def say(error: BaseException) -> str:
    """An error's words; some have none."""
    return str(error) or type(error).__name__


def say_refusal(error: Exception) -> str:
    """The words of an error that a value is refused with."""
    if "0x00" in str(error):
        return "PostgreSQL cannot store a NUL character in a text: send the value as JSON"
    return str(error)
