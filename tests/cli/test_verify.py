"""``verify``: beside a running server, on a file that was tampered with, and what it says of either."""

import json
import sqlite3
from pathlib import Path

import pytest

from hairtrigger.rules.verify import CHECKS
from hairtrigger.wire import ids
from tests import databases
from tests.cli.conftest import Ask, program
from tests.running import Live, started


@pytest.fixture
def ended(tmp_path: Path) -> Path:
    """The database of a server that took three runs and was stopped."""
    with started(tmp_path) as running:
        for n in range(3):
            asked = program("trigger", "echo", str(n), cwd=None, **running.environ)
            assert asked.returncode == 0, asked.stderr
    return tmp_path / "hairtrigger.db"


def change(database: Path, sql: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(sql)
    connection.close()


def test_history_is_proven_beside_the_server_that_writes_it(ht: Ask, served: Live) -> None:
    first = ht("trigger", "echo", "1", "--wait")
    assert first.exit_code == 0, first.stderr

    done = ht("verify", "--database", f"{served.directory}/hairtrigger.db", "--since", "1h")

    lines = done.stdout.splitlines()
    assert done.exit_code == 0, done.stdout
    assert len(lines) == len(CHECKS)
    assert "places" in lines[0]
    assert "every run is in exactly one place" in lines[0]
    assert "all holds" in done.stderr
    assert ht("trigger", "echo", "2", "--wait").exit_code == 0


def test_what_is_wrong_is_named_with_its_runs_and_ends_with_1(ht: Ask, ended: Path) -> None:
    change(ended, "delete from live where run_id = (select min(id) from runs)")

    done = ht("verify", "--database", str(ended))
    told = json.loads(ht("verify", "--database", str(ended), "--json").stdout)

    assert done.exit_code == 1
    assert "1 violation" in done.stdout
    assert "A run was lost" in done.stdout
    places, *others = told["checks"]
    assert (told["ok"], places["ok"], places["rows"], places["found"]) == (False, False, 3, 1)
    (violation,) = places["violations"]
    assert violation["subject"].startswith("run_")
    assert violation["subject"] in done.stdout
    assert all(one["ok"] for one in others)


def test_counters_are_repaired_and_then_hold(ht: Ask, ended: Path) -> None:
    change(ended, "insert into queues (env, name, lim) select id, 'narrow', 1 from envs limit 1")
    change(ended, "insert into lanes (env, queue, lim, queued) select env, id, 1, 3 from queues "
                  "where name = 'narrow'")  # fmt: skip
    assert ht("verify", "--database", str(ended)).exit_code == 1

    done = ht("verify", "--repair", "--database", str(ended))

    assert done.exit_code == 0, done.stdout
    assert "Set 1 counter right" in done.stderr
    assert ht("verify", "--database", str(ended)).exit_code == 0


def test_repair_beside_a_running_server_is_refused(ht: Ask, served: Live) -> None:
    done = ht("verify", "--repair", "--database", f"{served.directory}/hairtrigger.db")

    assert done.exit_code == 1
    assert "in use by another server" in done.stderr


def test_verify_writes_nothing(ht: Ask, ended: Path) -> None:
    before = ended.read_bytes()

    assert ht("verify", "--database", str(ended)).exit_code == 0

    assert ended.read_bytes() == before


def test_file_that_is_not_there_is_an_error_and_is_not_made(ht: Ask, tmp_path: Path) -> None:
    done = ht("verify", "--database", str(tmp_path / "none.db"))

    assert done.exit_code == 1
    assert "Cannot open the database" in done.stderr
    assert list(tmp_path.glob("none*")) == []


@pytest.mark.parametrize("sql", ["drop table schema_version", "delete from schema_version"])
def test_file_of_another_version_or_kind_is_refused(ht: Ask, ended: Path, sql: str) -> None:
    change(ended, sql)

    done = ht("verify", "--database", str(ended))

    assert done.exit_code == 1
    assert "database" in done.stderr
    assert "schema" in done.stderr


def test_duration_that_is_none_is_wrong_usage(ht: Ask, ended: Path) -> None:
    done = ht("verify", "--database", str(ended), "--since", "soon")

    assert done.exit_code == 2
    assert "--since" in done.stderr


def test_postgresql_is_verified_by_its_url(ht: Ask, postgres_database: str) -> None:
    databases.emptied(postgres_database)

    sound = ht("verify", "--database", postgres_database)
    assert sound.exit_code == 0, sound.output
    assert len(sound.stdout.splitlines()) == len(CHECKS)

    databases.rows(
        postgres_database,
        "insert into live (run_id, env, lane, state, tracked, order_at) values (77, 1, -1, 1, 0, 1)",
    )
    done = ht("verify", "--database", postgres_database)

    assert done.exit_code == 1
    assert f"{ids.public('run', 77)} has a row in live" in done.stdout
    assert postgres_database.partition("@")[0] not in done.output
