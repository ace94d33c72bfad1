"""Where a database is: a URL to a SQLite file or a PostgreSQL database, and back to the database itself."""

from pathlib import Path

from hairtrigger.store.database import Database

MEMORY = ":memory:"
FORMS = "sqlite:///path, a path, or postgresql://user@host/name"
_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(url: str) -> bool:
    return url.startswith(_POSTGRES)


def file_of(url: str) -> str:
    """The path of a SQLite database, or ``:memory:``.

    Raises:
        ValueError: the URL names no file.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        rest = url
    elif scheme != "sqlite":
        raise ValueError(url)
    else:
        rest = rest.removeprefix("/")  # sqlite:///relative, sqlite:////absolute
    if not rest:
        raise ValueError(url)
    return rest if rest == MEMORY else str(Path(rest).expanduser())


def shown(url: str) -> str:
    """A place as people may see it: without a password."""
    if not is_postgres(url):
        return file_of(url)
    scheme, _, rest = url.partition("://")
    account, at, place = rest.rpartition("@")
    return f"{scheme}://{account.partition(':')[0]}{at}{place.partition('?')[0]}"


def database_at(url: str, *, pooled: bool = False, migrate: bool = True) -> Database:
    """The database, not open yet. PostgreSQL's driver is loaded only for one of its own."""
    if is_postgres(url):
        from hairtrigger.store.postgres import Postgres

        return Postgres(url, pooled=pooled, migrate=migrate)
    from hairtrigger.store.sqlite import SQLite

    return SQLite(file_of(url))


def is_new(url: str) -> bool:
    """Whether the database is yet to be made. Blocking: for the start of a program.

    Raises:
        ConfigError: it cannot be reached.
    """
    if is_postgres(url):
        import asyncio

        from hairtrigger.store.postgres import is_new as is_new_postgres

        return asyncio.run(is_new_postgres(url))
    file = file_of(url)
    return file == MEMORY or not Path(file).exists()
