"""The texts of all statements, as one database reads them.

In ``queries/*.sql`` a heading names each statement:

- ``-- name: x`` starts one; ``-- name: x.sqlite`` one that stands in its place in SQLite.
- ``-- exact: x``: every row of parameters must hit a row, or the transaction is begun anew. Written where a
  row is changed that was read before, with what was believed of it in the WHERE clause.
- ``-- catalog: x``: changes what servers remember of the catalogue.
- ``-- page: x``: read in both directions, as ``x_older`` and ``x_newer``: ``{past id}`` is ``id < $2`` or
  ``id > $2``, ``{order}`` follows.
- ``-- each: x``: how PostgreSQL executes x for many rows at once: its parameters are arrays. An INSERT of
  values needs none, it is made from the plain text.

``id in {list $1}`` takes a list of numbers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FOLDER = Path(__file__).parent / "queries"
_HEADER = re.compile(r"^-- (name|exact|catalog|page|each): (\S+)$", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)
_PAST = re.compile(r"\{past (\w+)\}")
_PARAMETER = re.compile(r"\$(\d+)")
_LIST = re.compile(r"in \{list \$(\d+)\}")
_NUMBERS = re.compile(r"\$(\d+)::bigint\[\]")
_AS_TEXT = re.compile(r"\$(\d+)::text::bigint\[\]")
_INSERT = re.compile(r"insert into (\w+) \(([^)]*)\)\s+values \(([^)]*)\)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statements:
    """Texts by name; ``many`` are the forms for many rows, where they differ, and ``copied`` the tables and
    columns of plain INSERTs, whose rows PostgreSQL can take by COPY."""

    texts: dict[str, str] = field(default_factory=dict)
    many: dict[str, str] = field(default_factory=dict)
    copied: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    catalog: set[str] = field(default_factory=set)


def load(dialect: str) -> Statements:
    """All statements, in the words of ``sqlite`` or ``postgres``."""
    found = Statements()
    special: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.sql")):
        for kind, name, text in _split(path.read_text(encoding="utf-8")):
            base, _, only = name.partition(".")
            if kind == "exact":  # in each dialect, whatever its text
                found.exact.add(base)
            if only not in ("", dialect):
                continue
            target = found.many if kind == "each" else special if only else found.texts
            if base in target:
                raise ValueError(f"{path.name}: the statement {name} stands twice")
            target[base] = (_for_sqlite if dialect == "sqlite" else _for_postgres)(text)
            if kind == "catalog":
                found.catalog.add(base)
    found.texts.update(special)
    return found


def derive_inserts(statements: Statements, types: Mapping[tuple[str, str], str]) -> None:
    """Give every INSERT of values its form for many rows. ``types`` are those of (table, column)."""
    for name, text in statements.texts.items():
        parts = _INSERT.fullmatch(text)
        if parts is None or name in statements.many:
            continue
        table, columns, values, rest = parts.groups()
        named = [column.strip().strip('"') for column in columns.split(",")]
        given = [value.strip() for value in values.split(",")]
        arrays: dict[int, str] = {}
        for column, value in zip(named, given, strict=True):
            if value.startswith("$"):
                kind = "text" if types[table, column] == "text" else "bigint"
                arrays.setdefault(int(value[1:]), kind)
        # what the rest of the statement asks besides is the same for every row
        if not rest and list(arrays) == list(range(1, len(named) + 1)) == [
            int(v[1:]) for v in given
        ]:
            statements.copied[name] = table, named
        sources = ", ".join(f"${n}::{kind}[]" for n, kind in sorted(arrays.items()))
        names = ", ".join(f"p{n}" for n in sorted(arrays))
        chosen = ", ".join(f"x.p{value[1:]}" if value.startswith("$") else value for value in given)
        rest = _PARAMETER.sub(lambda found: f"(${found[1]}::bigint[])[1]", rest)
        statements.many[name] = _for_postgres(
            f"insert into {table} ({columns}) select {chosen} from unnest({sources}) as x({names}){rest}"  # noqa: S608 (our own words)
        )


def numbers_of(text: str) -> frozenset[int]:
    """Which parameters of a PostgreSQL statement are lists of numbers, counted from 0."""
    return frozenset(int(found[1]) - 1 for found in _AS_TEXT.finditer(text))


def _split(text: str) -> Iterable[tuple[str, str, str]]:
    parts = _HEADER.split(text)
    for kind, name, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if kind != "page":
            yield kind, name, _COMMENT.sub("", body).strip()
            continue
        base, dot, only = name.partition(".")
        for direction, sign, order in (("older", "<", "desc"), ("newer", ">", "asc")):
            directed = _PAST.sub(rf"\1 {sign} $2", _COMMENT.sub("", body)).replace("{order}", order)
            yield kind, f"{base}_{direction}{dot}{only}", directed.strip()


def _for_sqlite(text: str) -> str:
    text = _LIST.sub(r"in (select value from json_each(?\1))", text)
    return _PARAMETER.sub(r"?\1", text)


def _for_postgres(text: str) -> str:
    """Lists of numbers travel as text, ``{1,2,null}``: asyncpg takes ten times as long to encode an array as
    to send its text, and PostgreSQL little longer to read that (benchmarks: 12 us a run)."""
    text = _LIST.sub(r"= any($\1::bigint[])", text)
    return _NUMBERS.sub(r"$\1::text::bigint[]", text)
