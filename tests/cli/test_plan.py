"""``plan`` and ``usage``: on the database itself, and beside a server."""

import json

import pytest

from tests.cli.conftest import Ask
from tests.cli.test_server import Told
from tests.cli.test_users import database as database
from tests.cli.test_users import server as server
from tests.running import Live


@pytest.mark.acceptance("S105")
def test_the_plan_is_shown_and_changed(ht: Ask, database: str) -> None:
    before = ht("plan", "show", "--database", database)
    asked = ht("plan", "set", "pro", "--database", database)
    changed = ht("plan", "set", "pro", "--yes", "--json", "--database", database)
    after = ht("plan", "show", "--json", "--database", database)
    unknown = ht("plan", "set", "gold", "--database", database)

    assert before.stdout.splitlines()[0] == "unlimited"
    assert (asked.exit_code, unknown.exit_code) == (2, 2)
    assert "whole organisation" in asked.stderr
    assert json.loads(changed.stdout) == json.loads(after.stdout) == {
        "name": "pro", "price": "$29/month", "support": "priority support", "runsLimit": 1_000_000,
        "concurrencyLimit": None,
    }  # fmt: skip
    assert "priority support" in ht("plan", "show", "--database", database).stdout


@pytest.mark.acceptance("S108")
def test_beside_a_server_the_plan_and_its_usage_are_shown(ht: Ask, server: Told) -> None:
    shown = ht("plan", "show", "--database", "x.db")
    refused = ht("plan", "set", "free", "--yes", "--database", "x.db")

    assert "no limit in a calendar month" in shown.stdout
    assert refused.exit_code == 1
    assert "Settings or Usage" in refused.stderr


@pytest.mark.acceptance("S108")
def test_usage_is_shown(ht: Ask, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in live.environ.items():
        monkeypatch.setenv(name, value)

    told = json.loads(ht("usage", "--json").stdout)
    shown = ht("usage").stdout

    assert told["runs"]["count"] == sum(told["runs"]["days"])
    assert f"{told['runs']['count']:,} runs this month, on the plan unlimited" in shown
    assert "no limit" in shown
