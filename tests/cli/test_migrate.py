"""``migrate``: a schema brought up to date, an installation moved, and what both refuse."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from hairtrigger.store import schema
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from tests import databases
from tests.cli.conftest import PROGRAM, Ask
from tests.cli.test_server import Told
from tests.clock import Clock
from tests.engine.driving import World


@pytest.fixture
def target(postgres_server: str) -> Iterator[str]:
    """The URL of a PostgreSQL of the test's own, with our schema."""
    with databases.made(postgres_server) as url:
        yield url


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A SQLite installation with some runs."""
    path = f"{tmp_path}/old.db"

    async def make() -> None:
        clock = Clock()
        world = await World.make(await Store(SQLite(path, clock=clock)).open(), clock)
        for n in range(20):
            await world.trigger(tags=[f"n{n}"])
        await world.store.close()

    asyncio.run(make())
    return path


@pytest.fixture
def old(tmp_path: Path) -> str:
    """A SQLite installation with the first schema and no other."""
    path, first = f"{tmp_path}/first.db", schema.known()[0]
    with sqlite3.connect(path) as connection:
        connection.executescript(first.text)
        connection.execute(schema.REMEMBER)
        connection.execute(
            "insert into schema_version values (?, ?)", (first.number, first.checksum)
        )
    connection.close()
    return path


def test_a_file_is_brought_up_to_date_once(ht: Ask, old: str) -> None:
    later = [one.name for one in schema.known()[1:]]

    dry = ht("migrate", "--database", old, "--dry-run")
    first, again = ht("migrate", "--database", old), ht("migrate", "--database", old)

    assert dry.stdout.splitlines() == [f"Would apply {name}" for name in later]
    assert first.stdout.splitlines() == [f"Applied {name}" for name in later]
    assert "nothing to do" in again.stderr
    assert (dry.exit_code, first.exit_code, again.exit_code) == (0, 0, 0)


def test_json_names_what_was_applied(ht: Ask, old: str) -> None:
    told = json.loads(ht("migrate", "--database", old, "--json").stdout)

    later = [{"number": one.number, "name": one.name} for one in schema.known()[1:]]
    assert told == {"database": old, "dry_run": False, "migrations": later}


def test_postgres_without_a_schema_gets_it(ht: Ask, target: str) -> None:
    databases.run(databases.execute(target, "drop schema public cascade; create schema public"))

    told = json.loads(ht("migrate", "--database", target, "--json").stdout)

    assert [one["number"] for one in told["migrations"]] == [
        one.number for one in schema.known("postgres")
    ]


def test_a_file_with_a_server_is_refused_by_name(ht: Ask, file: str, tmp_path: Path) -> None:
    server = Told(tmp_path, "server", "--port", "0", "--database", file)
    server.until("Listening on")

    done = ht("migrate", "--database", file)
    moved = ht("migrate", "--database", file, "--to", "postgresql://nobody@127.0.0.1:1/x", "--yes")
    server.end()

    for one in (done, moved):
        assert one.exit_code == 1
        assert f"in use by another server (process {server.popen.pid})" in one.stderr


def test_a_newer_schema_is_refused_by_migrate_server_and_verify(ht: Ask, file: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("insert into schema_version values (9999, 'x')")
    connection.close()

    for words in (["migrate"], ["migrate", "--dry-run"], ["server", "--port", "0"], ["verify"]):
        done = ht(*words, "--database", file)
        assert done.exit_code == 1, words
        assert "schema 9999" in done.stderr


def test_a_file_that_is_not_there_is_not_made(ht: Ask, tmp_path: Path) -> None:
    done = ht("migrate", "--database", "none.db")

    assert done.exit_code == 1
    assert "There is no database at none.db" in done.stderr
    assert list(tmp_path.glob("none*")) == []


def test_a_server_that_may_not_migrate_refuses_an_old_file(ht: Ask, old: str) -> None:
    done = ht("server", "--port", "0", "--database", old, "--no-migrate")

    assert done.exit_code == 1
    assert "Run:  hairtrigger migrate" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "sqlite:///x.db"], "--to must be postgresql://"),
        (["--to", "postgresql://a/b", "--database", "postgresql://a/c"], "must be a file"),
        (["--to", "postgresql://a/b", "--dry-run"], "--dry-run is not for a move"),
        (["--replace-nul"], "give --to as well"),
    ],
)
def test_words_that_do_not_go_together_are_wrong_usage(
    ht: Ask, words: list[str], said: str
) -> None:
    done = ht("migrate", *words)

    assert done.exit_code == 2
    assert said in done.stderr


def test_a_move_needs_a_yes(ht: Ask, file: str, target: str) -> None:
    done = ht("migrate", "--database", file, "--to", target)

    assert done.exit_code == 2
    assert "add --yes" in done.stderr
    assert databases.rows(target, "select count(*) from runs") == [(0,)]


def test_a_move_says_what_it_did_and_what_to_do_next(ht: Ask, file: str, target: str) -> None:
    key = Path(f"{file}.key")
    key.write_text("the master key\n")

    done = ht("migrate", "--database", file, "--to", target, "--yes")

    assert done.exit_code == 0, done.stderr
    assert re.search(r"runs +20 rows", done.stderr)
    assert re.search(r"Moved \d+ rows in .* rows/s\): counts and sums of ids agree", done.stderr)
    assert f"HAIRTRIGGER_DATABASE={target}" in done.stdout
    assert f'HAIRTRIGGER_MASTER_KEY="$(cat {key})"' in done.stdout
    assert "the master key" not in done.stdout + done.stderr
    assert databases.rows(target, "select count(*) from runs") == [(20,)]


def test_a_move_in_json_is_one_object(ht: Ask, file: str, target: str) -> None:
    told = json.loads(ht("migrate", "--database", file, "--to", target, "--yes", "--json").stdout)

    assert told["tables"]["runs"] == 20
    assert told["rows"] == told["moved_now"] == sum(told["tables"].values())
    assert told["replaced"] == []
    assert told["next"][0].startswith("HAIRTRIGGER_DATABASE=")


def test_a_move_asks_and_draws_a_bar_with_a_rate_on_a_terminal(
    file: str, target: str, tmp_path: Path
) -> None:
    program, *words = [*PROGRAM, "migrate", "--database", file, "--to", target]
    terminal = pexpect.spawn(
        program, words, cwd=str(tmp_path), env={**os.environ, "TERM": "xterm-256color"},
        encoding="utf-8", timeout=20, dimensions=(40, 140),
    )  # fmt: skip

    terminal.expect(r"Move \d+ rows of")
    terminal.sendline("y")
    terminal.expect(r"━[^\r\n]*rows/s")
    terminal.expect("counts and sums of ids agree")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0


def test_nul_characters_are_named_by_run_before_anything_is_moved(
    ht: Ask, file: str, target: str
) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(
            "update runs set ckey = 'a' || char(0) where id = (select max(id) from runs)"
        )
    connection.close()

    refused = ht("migrate", "--database", file, "--to", target, "--yes")
    empty = databases.rows(target, "select count(*) from envs")
    replaced = ht("migrate", "--database", file, "--to", target, "--yes", "--replace-nul")

    assert refused.exit_code == 1
    named = re.search(r"run_[0-9a-f]{24}  runs\.ckey", refused.stderr)
    assert named is not None
    assert "--replace-nul" in refused.stderr
    assert empty == [(0,)]
    assert replaced.exit_code == 0, replaced.stderr
    assert named[0] in replaced.stderr
    assert ("a\ufffd",) in databases.rows(target, "select ckey from runs")


def test_a_target_that_cannot_be_reached_is_said_without_its_password(ht: Ask, file: str) -> None:
    to = "postgresql://me:secret@127.0.0.1:1/x"

    done = ht("migrate", "--database", file, "--to", to, "--yes")

    assert done.exit_code == 1
    assert "postgresql://me@127.0.0.1:1/x" in done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert "Run the same command again" in done.stderr


def test_a_server_goes_on_with_what_was_moved_and_refuses_what_is_not_finished(
    tmp_path: Path, target: str
) -> None:
    old = Told(tmp_path, "server", "--port", "0", "--database", "x.db")
    old.until("Shown once")
    key = re.search(r"tr_prod_\w{43}", old.text())
    old.end()
    assert key is not None
    subprocess.run(
        [*PROGRAM, "migrate", "--database", "x.db", "--to", target, "--yes"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / ".hairtrigger").mkdir()
    (tmp_path / "x.db.key").rename(tmp_path / ".hairtrigger" / "hairtrigger.db.key")

    databases.rows(target, "create table hairtrigger_move ()")
    refused = subprocess.run(
        [*PROGRAM, "server", "--port", "0", "--database", target],
        cwd=tmp_path, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    databases.rows(target, "drop table hairtrigger_move")
    server = Told(tmp_path, "server", "--port", "0", "--database", target)
    url = server.until(r"Listening on (\S+)")[1]
    who = subprocess.run(
        [*PROGRAM, "whoami", "--api-url", url, "--api-key", key[0]], capture_output=True, text=True
    )
    server.end(signal.SIGINT)

    assert refused.returncode == 1
    assert "has not finished" in refused.stderr
    assert who.returncode == 0, who.stderr
