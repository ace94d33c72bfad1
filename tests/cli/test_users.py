"""``users``, and the first admin of a server: beside a running one, on both databases, and on a terminal."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from click.testing import Result

from hairtrigger.cli.dev.command import _with_server
from hairtrigger.cli.dev.place import Key
from hairtrigger.cli.dev.session import Plan
from hairtrigger.engine import accounts
from hairtrigger.store.opening import database_at
from hairtrigger.store.store import Store
from hairtrigger.worker.settings import WorkerSettings
from tests import databases
from tests.cli.conftest import PROGRAM, Ask
from tests.cli.test_server import Told

ADA, BOB = "ada@example.com", "bob@example.com"
PASSWORD = "correct horse battery"
SETUP = r"http://localhost:\d+/setup\?token=([0-9a-f]{64})"


def opened(database: str) -> None:
    async def open_and_close() -> None:
        await (await Store(database_at(database)).open()).close()

    databases.run(open_and_close())


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The database of a server that is stopped, without anybody."""
    if request.param == "sqlite":
        opened(f"{tmp_path}/x.db")
        return f"{tmp_path}/x.db"
    url = str(request.getfixturevalue("postgres_database"))
    databases.emptied(url)
    return url


@pytest.fixture
def users(ht: Ask, database: str) -> Callable[..., Result]:
    """``hairtrigger users`` on that database; a password goes in by a pipe."""

    def ask(*words: str, password: str | None = None) -> Result:
        piped = () if password is None else ("--password-stdin",)
        return ht(
            "users", *words, *piped, "--database", database,
            input=None if password is None else f"{password}\n",
        )  # fmt: skip

    return ask


def listed(users: Callable[..., Result]) -> dict[str, Any]:
    told = json.loads(users("list", "--json").stdout)
    assert told["pagination"] == {"next": None}
    return {one["email"]: one for one in told["data"]}


def may_sign_in(database: str, email: str, password: str) -> bool:
    async def look() -> bool:
        store = await Store(database_at(database)).open()
        try:
            user = await accounts.find(store, email)
            return await accounts.is_password_of(store, user.id, password)
        finally:
            await store.close()

    return databases.run(look())


def test_people_are_added_listed_changed_and_removed(
    users: Callable[..., Result], database: str
) -> None:
    first = users("add", "Ada@Example.com", "--role", "admin", "--name", "Ada", password=PASSWORD)
    users("add", BOB, "--no-password")
    before = listed(users)
    changed = users("role", BOB, "admin")
    password = users("password", BOB, password="another password")
    removed = users("remove", ADA, "--yes")
    after = listed(users)

    for one in (first, changed, password, removed):
        assert (one.exit_code, one.stdout) == (0, ""), one.output
    assert "Added ada@example.com as admin" in first.stderr
    assert (before[ADA]["role"], before[ADA]["name"], before[ADA]["hasPassword"]) == (
        "admin", "Ada", True,
    )  # fmt: skip
    assert (before[BOB]["role"], before[BOB]["name"], before[BOB]["hasPassword"]) == (
        "viewer", "bob", False,
    )  # fmt: skip
    assert re.fullmatch(r"user_[0-9a-f]{24}", before[BOB]["id"])
    assert before[BOB]["createdAt"].endswith("Z")
    assert before[BOB]["seenAt"] is None
    assert after == {BOB: before[BOB] | {"role": "admin", "hasPassword": True}}
    assert may_sign_in(database, BOB, "another password")
    assert not may_sign_in(database, BOB, PASSWORD)


def test_what_was_done_is_one_object_in_json(users: Callable[..., Result]) -> None:
    added = json.loads(users("add", ADA, "--json", password=PASSWORD).stdout)
    changed = json.loads(users("role", ADA, "admin", "--json").stdout)

    assert changed == added | {"role": "admin"}
    assert listed(users) == {ADA: changed}


def test_a_table_names_everybody_and_an_empty_one_says_what_to_do(
    users: Callable[..., Result],
) -> None:
    empty = users("list")
    users("add", ADA, password=PASSWORD)
    table = users("list").stdout.splitlines()

    assert "users add EMAIL --role admin" in empty.stderr
    assert table[0].split() == ["EMAIL", "ROLE", "NAME", "PASSWORD", "SEEN"]
    assert table[1].split() == [ADA, "viewer", "ada", "yes", "never"]


def test_the_last_admin_stays(users: Callable[..., Result]) -> None:
    users("add", ADA, "--role", "admin", password=PASSWORD)

    for done in (users("role", ADA, "viewer"), users("remove", ADA, "--yes")):
        assert done.exit_code == 2
        assert "last admin" in done.stderr
    assert listed(users)[ADA]["role"] == "admin"


def test_who_is_not_there_is_not_found(users: Callable[..., Result]) -> None:
    for done in (
        users("role", BOB, "admin"),
        users("remove", BOB, "--yes"),
        users("password", BOB, password=PASSWORD),
    ):
        assert done.exit_code == 3
        assert f"no user {BOB}" in done.stderr


@pytest.mark.parametrize(
    ("words", "password", "said"),
    [
        (["add", "ada"], PASSWORD, "no email address"),
        (["add", ADA], "short", "too short"),
        (["add", ADA], "", "too short"),
        (["add", ADA], ADA, "is the email address"),
        (["add", ADA], None, "--password-stdin"),
        (["add", ADA, "--no-password"], PASSWORD, "do not go together"),
        (["remove", ADA], None, "add --yes"),
        (["add", ADA, "--role", "owner"], PASSWORD, "owner"),
    ],
)
def test_what_will_not_do_is_wrong_usage_and_changes_nothing(
    users: Callable[..., Result], words: list[str], password: str | None, said: str
) -> None:
    done = users(*words, password=password)

    assert done.exit_code == 2
    assert said in done.stderr
    assert listed(users) == {}


def test_somebody_is_there_once(users: Callable[..., Result]) -> None:
    users("add", ADA, password=PASSWORD)

    done = users("add", ADA, password=PASSWORD)

    assert done.exit_code == 2
    assert "already" in done.stderr


def test_a_database_that_is_not_there_is_not_made(ht: Ask, tmp_path: Path) -> None:
    for words in (["list"], ["add", ADA, "--no-password"]):
        done = ht("users", *words, "--database", "none.db")

        assert done.exit_code == 1, done.output
    assert list(tmp_path.glob("none*")) == []


def test_a_password_is_typed_twice_and_never_shown(tmp_path: Path) -> None:
    opened(f"{tmp_path}/x.db")
    program, *words = [*PROGRAM, "users", "add", ADA, "--database", "x.db"]
    terminal = pexpect.spawn(
        program, words, cwd=str(tmp_path), encoding="utf-8", timeout=20,
        env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip

    for asked in ("Password: ", "Repeat for confirmation: "):
        terminal.expect(asked)
        terminal.sendline(PASSWORD)
    shown = terminal.read()
    terminal.close()

    assert terminal.exitstatus == 0
    assert f"Added {ADA}" in shown
    assert PASSWORD not in shown
    assert may_sign_in(f"{tmp_path}/x.db", ADA, PASSWORD)


# beside a server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Told]:
    """A server on a fresh SQLite file, which says where its first admin is made."""
    told = Told(tmp_path, "server", "--port", "0", "--database", "x.db")
    told.until(SETUP)
    yield told
    if told.popen.poll() is None:
        told.end()


def test_a_server_without_people_says_where_the_first_admin_is_made_until_there_is_one(
    server: Told, ht: Ask, tmp_path: Path
) -> None:
    token = server.until(SETUP)[1]
    server.end()
    out, err = server.out.read_text(), server.err.read_text()
    again = Told(tmp_path, "server", "--port", "0", "--database", "x.db")
    same = again.until(SETUP)[1]
    again.end()
    ht("users", "add", ADA, "--role", "admin", "--no-password", "--database", "x.db")
    later = Told(tmp_path, "server", "--port", "0", "--database", "x.db")
    later.until("Listening on")
    later.end()

    assert "Create the first one at" in err
    assert token not in out, "the log"
    assert same == token
    assert "/setup" not in later.text()


def test_a_server_in_json_says_it_in_json_and_under_its_public_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAIRTRIGGER_PUBLIC_URL", "https://jobs.example.com/")
    server = Told(tmp_path, "server", "--port", "0", "--database", "x.db", "--log-format", "json")
    server.until("server.setup")
    server.end()

    lines = [one for one in server.err.read_text().splitlines() if one.startswith("{")]
    (told,) = (json.loads(one) for one in lines)
    assert told["event"] == "server.setup"
    assert re.fullmatch(r"https://jobs\.example\.com/setup\?token=[0-9a-f]{64}", told["url"])


@pytest.mark.parametrize("login", ["none", "proxy"])
def test_a_server_that_asks_nobody_for_a_password_has_no_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    monkeypatch.setenv("HAIRTRIGGER_LOGIN", login)
    server = Told(tmp_path, "server", "--port", "0", "--database", "x.db")
    server.until("Listening on")
    server.end()

    assert "/setup" not in server.text()


def test_a_server_for_others_without_a_login_is_refused(
    ht: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAIRTRIGGER_LOGIN", "none")

    done = ht("server", "--host", "0.0.0.0", "--port", "0")

    assert done.exit_code == 2
    assert "HAIRTRIGGER_LOGIN is 'none'" in done.stderr
    assert "HAIRTRIGGER_HOST=127.0.0.1" in done.stderr


def test_beside_a_server_on_sqlite_people_are_listed_and_the_dashboard_changes_them(
    server: Told, ht: Ask
) -> None:
    seen = ht("users", "list", "--json", "--database", "x.db")
    for words in (["add", ADA, "--no-password"], ["role", ADA, "admin"], ["remove", ADA, "--yes"]):
        done = ht("users", *words, "--database", "x.db")

        assert done.exit_code == 1
        assert f"in use by another server (process {server.popen.pid})" in done.stderr
        assert "sign in to its dashboard as an admin" in done.stderr
    asked = ht("users", "add", ADA, "--no-password", "--json", "--database", "x.db")

    assert json.loads(seen.stdout)["data"] == []
    assert json.loads(asked.stderr)["error"]["code"] == "database_in_use"


def test_beside_a_server_on_postgres_people_are_changed(
    ht: Ask, tmp_path: Path, postgres_database: str
) -> None:
    databases.emptied(postgres_database)
    server = Told(tmp_path, "server", "--port", "0", "--database", postgres_database)
    server.until(SETUP)

    done = ht("users", "add", ADA, "--no-password", "--database", postgres_database)
    server.end()

    assert done.exit_code == 0, done.output
    assert databases.rows(postgres_database, "select email, role from users") == [(ADA, "viewer")]


# dev


@pytest.mark.parametrize(("said", "login"), [(None, "none"), ("password", "password")])
def test_dev_asks_nobody_unless_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, login: str
) -> None:
    if said is not None:
        monkeypatch.setenv("HAIRTRIGGER_LOGIN", said)
    monkeypatch.setenv("HAIRTRIGGER_HOST", "0.0.0.0")
    key = Key("tr_dev_" + "d" * 40, "here")
    worker = WorkerSettings(url="", key=key.text, project_dir=tmp_path)

    plan = _with_server(Plan(tmp_path, [], key, worker), 0)

    assert plan.server is not None
    assert plan.lock is not None
    plan.lock.release()
    assert (plan.server.login, plan.server.host) == (login, "127.0.0.1")


def test_who_changed_what_by_command_stands_in_the_audit_log(
    users: Callable[..., Result], database: str, ht: Ask
) -> None:
    nothing = ht("audit", "--database", database)
    users("add", ADA, "--role", "admin", password=PASSWORD)
    users("add", "no address", password=PASSWORD)
    users("role", ADA, "owner")
    users("add", BOB, "--no-password")

    told = json.loads(ht("audit", "--database", database, "--json").stdout)["data"]
    table = ht("audit", "--database", database, "--limit", "1").stdout

    assert "Nothing has been changed" in nothing.stderr
    assert [(one["action"], one["subject"]) for one in told] == [
        ("hairtrigger.users.add", BOB), ("hairtrigger.users.add", ADA),
    ]  # fmt: skip
    assert " at " in told[0]["who"]
    assert BOB in table
    assert ADA not in table
    assert PASSWORD not in json.dumps(told)
