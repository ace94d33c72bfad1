"""Connecting to PostgreSQL: with which settings, what counts as away, and the schema.

Used by the database itself, and by commands that look at it or move it.
"""

from typing import Any

import asyncpg

from hairtrigger.errors import ConfigError
from hairtrigger.store import places, schema

OLDEST = 15
COMMAND_S = 20.0  # that any statement may take
CONNECT_S = 5.0
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
    return await asyncpg.connect(
        url, timeout=timeout_s, statement_cache_size=0, server_settings={"application_name": name}
    )


async def ask(connection: Any, sql: str, *params: Any) -> Any:
    """The first value of a statement's answer, in a transaction of its own: a pooler may give what is outside
    of one to another session half-way, when the statement is known and not yet executed."""
    async with connection.transaction():
        return await connection.fetchval(sql, *params)


async def migrate(connection: Any, *, dry: bool = False) -> list[int]:
    """Apply what a database lacks, one server at a time; answers the numbers applied.

    Args:
        dry: Apply nothing: raise if anything is lacking.
    Raises:
        ConfigError: as ``schema.missing``; or something is lacking in a dry run.
    """
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(4710, 2)")
        if dry and not await connection.fetchval(
            "select to_regclass('schema_version') is not null"
        ):
            raise ConfigError("The database has no schema yet. Run:  hairtrigger migrate")
        await connection.execute(schema.REMEMBER)
        applied = {row[0]: row[1] for row in await connection.fetch(schema.APPLIED)}
        lacking = schema.missing("postgres", applied)
        if lacking and dry:
            raise ConfigError(
                f"The database has schema {max(applied)}, this hairtrigger needs {lacking[-1].number}. "
                "Run:  hairtrigger migrate"
            )
        for file in lacking:
            await connection.execute(file.text)
            await connection.execute(
                "insert into schema_version values ($1, $2)", file.number, file.checksum
            )
    return [file.number for file in lacking]


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
