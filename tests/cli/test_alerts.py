"""``alerts`` against a real server."""

import json
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Ask
from tests.running import Live, started


@pytest.fixture(scope="module")
def _alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server without a worker, which sends to the internet only."""
    with started(tmp_path_factory.mktemp("alerts-server")) as running:
        yield running


@pytest.fixture
def alone(_alone: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    for name, value in _alone.environ.items():
        monkeypatch.setenv(name, value)
    return _alone


def test_alerts_are_added_listed_switched_and_removed(alone: Live, ht: Ask) -> None:
    hint = ht("alerts", "list")
    added = ht(
        "alerts", "add", "ops", "--by", "webhook", "--to", "https://a.example/key", "--task", "work"
    )
    mail = json.loads(
        ht("alerts", "add", "mail", "--by", "email", "--to", "ann@a.example", "--json").stdout
    )
    off = ht("alerts", "disable", "ops")
    (_, ops) = json.loads(ht("alerts", "list", "--json").stdout)["data"]
    on = ht("alerts", "enable", ops["id"], "--json")
    table = ht("alerts", "list").stdout
    removed = ht("alerts", "remove", "ops", mail["id"], "--yes")

    assert "alerts add" in hint.stderr
    assert "whsec_" in added.stdout
    assert (mail["to"], mail["type"], "secret" in mail) == ("ann@a.example", "run.failed", False)
    assert off.exit_code == 0
    assert (ops["enabled"], ops["tasks"], ops["to"]) == (False, ["work"], "https://a.example/…")
    assert json.loads(on.stdout)["enabled"]
    assert "ops" in table
    assert "whsec_" not in table
    assert removed.exit_code == 0
    assert json.loads(ht("alerts", "list", "--json").stdout)["data"] == []


def test_an_alert_is_edited_in_what_is_said(alone: Live, ht: Ask) -> None:
    ht("alerts", "add", "ops", "--by", "email", "--to", "ann@a.example", "--task", "work")

    done = ht("alerts", "edit", "ops", "--name", "pager", "--all-tasks")
    hooked = ht("alerts", "edit", "pager", "--by", "webhook", "--to", "https://a.example/key")
    (one,) = json.loads(ht("alerts", "list", "--json").stdout)["data"]
    refused = [
        ht("alerts", "edit", *words)
        for words in (("pager",), ("pager", "--task", "x", "--all-tasks"), ("pager", "--by", "slack"))
    ]  # fmt: skip
    unknown = ht("alerts", "edit", "nobody", "--name", "x")
    ht("alerts", "remove", "pager", "--yes")

    assert "pager is changed" in done.stderr
    assert "whsec_" in hooked.stdout
    assert (one["name"], one["tasks"], one["channel"]) == ("pager", [], "webhook")
    assert [each.exit_code for each in refused] == [2, 2, 2]
    assert "Say where to" in refused[2].stderr
    assert unknown.exit_code == 3


def test_a_test_says_why_it_did_not_arrive(alone: Live, ht: Ask) -> None:
    ht("alerts", "add", "here", "--by", "slack", "--to", "http://127.0.0.1:9/key")

    failed, told = ht("alerts", "test", "here"), ht("alerts", "test", "here", "--json")
    unknown = ht("alerts", "test", "nobody")
    ht("alerts", "remove", "here", "--yes")

    assert failed.exit_code == 1
    assert "private network" in " ".join(failed.stderr.split())
    assert json.loads(told.stdout)["delivered"] is False
    assert unknown.exit_code == 3
    assert "no alert nobody" in unknown.stderr
