"""Where a database is: what its URL says."""

from pathlib import Path

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
