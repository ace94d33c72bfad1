"""``login``, ``switch``, ``logout``: a server where people sign in, and the terminal that they let in."""

import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

from hairtrigger.cli import profiles
from tests.cli.conftest import Ask
from tests.people import EMAIL, filled, first_admin, made_token
from tests.running import PROGRAM, Live, started


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, httpx.Client]]:
    """A server with its first admin, and the browser in which she is signed in."""
    with started(tmp_path_factory.mktemp("login")) as live, first_admin(live) as browser:
        yield live, browser


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def line(stream: IO[str] | None, pattern: str) -> str:
    """What a line of a running program says."""
    assert stream is not None
    for one in stream:
        if found := re.search(pattern, one):
            return found[1]
    raise AssertionError(f"It ended without {pattern}")


@pytest.mark.parametrize("word", ["yes", "no"])
def test_a_terminal_is_let_in_on_the_page_that_it_prints(
    guarded: tuple[Live, httpx.Client], ht: Ask, word: str
) -> None:
    live, browser = guarded
    words = [*PROGRAM, "login", "--api-url", live.url, "--no-browser"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as login:
        page = line(login.stderr, r"(/authorize/\w+)")
        ends = line(login.stderr, r"ends with (\w+)")

        said = filled(browser, page, page, {"answer": word})

        assert login.stderr is not None
        told = login.stderr.read()
    if word == "no":
        assert "was not let in" in said
        assert (login.returncode, "was not let in" in told) == (4, True)
        assert not profiles.path().exists()
        return
    assert page.endswith(ends)
    assert login.returncode == 0, told
    assert f"as {EMAIL} (admin)" in told
    assert stat.S_IMODE(profiles.path().stat().st_mode) == 0o600
    who = json.loads(ht("whoami", "--json").stdout)
    assert (who["email"], who["environment"]["slug"], who["url"]) == (EMAIL, "dev", live.url)


def test_commands_act_where_one_has_switched_to(
    guarded: tuple[Live, httpx.Client], ht: Ask
) -> None:
    live, browser = guarded
    token = made_token(browser)
    project = live.get("/api/v1/whoami")["project"]
    ht("login", "--api-url", live.url, "--token", token)

    there = ht("switch")
    ht("switch", project, "prod")
    who = ht("whoami")
    one_call = json.loads(ht("whoami", "--env", "dev", "--json").stdout)
    keys = json.loads(ht("keys", "list", "--json").stdout)["data"]
    variables = ht("env", "list")
    listed = json.loads(ht("switch", "--json").stdout)

    assert re.search(r"\[dev\]\s+prod", there.stdout)
    assert "prod" in who.stdout
    assert "ada@example.com  admin" in who.stdout
    assert one_call["environment"]["slug"] == "dev"
    assert keys[0]["key"].startswith("tr_prod_")
    assert variables.exit_code == 0
    assert (listed["project"], listed["environment"]) == (project, "prod")
    for words, said in (
        (("switch", "nothing"), "There is no project nothing"),
        (("switch", project, "moon"), "has no environment moon"),
        (("whoami", "--env", "moon"), "no environment moon"),
        (("whoami", "--profile", "work"), "There is no profile work"),
    ):
        refused = ht(*words)
        assert (refused.exit_code, said in refused.stderr) == (3, True), refused.stderr


def test_a_key_that_is_given_goes_before_the_profile_unless_it_is_named(
    guarded: tuple[Live, httpx.Client], ht: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, browser = guarded
    ht("login", "--api-url", live.url, "--token", made_token(browser), "--profile", "work")
    monkeypatch.setenv("TRIGGER_API_URL", live.url)
    monkeypatch.setenv("TRIGGER_SECRET_KEY", live.prod_key)

    by_key = json.loads(ht("whoami", "--json").stdout)
    by_name = json.loads(ht("whoami", "--profile", "work", "--json").stdout)

    assert (by_key["environment"]["slug"], "email" in by_key) == ("prod", False)
    assert (by_name["environment"]["slug"], by_name["email"]) == ("dev", EMAIL)


def test_a_token_in_the_environment_acts_for_one_call(
    guarded: tuple[Live, httpx.Client], ht: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, browser = guarded
    monkeypatch.setenv("TRIGGER_API_URL", live.url)
    monkeypatch.setenv("TRIGGER_ACCESS_TOKEN", made_token(browser))
    project = live.get("/api/v1/whoami")["project"]

    bare = ht("whoami")
    told = ht("whoami", "--project", project, "--env", "prod")

    assert (bare.exit_code, "No project is chosen" in bare.stderr) == (2, True)
    assert "tr_prod_…" in told.stdout
    assert not profiles.path().exists()


def test_signing_out_revokes_the_token_and_forgets_the_profile(
    guarded: tuple[Live, httpx.Client], ht: Ask
) -> None:
    live, browser = guarded
    token = made_token(browser)
    ht("login", "--api-url", live.url, "--token", token, "--profile", "work")
    ht("login", "--api-url", live.url, "--token", made_token(browser))

    gone = ht("logout", "--profile", "work")
    late = ht("login", "--api-url", live.url, "--token", token)
    again = ht("logout", "--profile", "work")
    ht("logout")
    nobody = ht("switch")

    assert "Signed out of" in gone.stderr
    assert (late.exit_code, "unknown, revoked or over" in late.stderr) == (4, True)
    assert again.exit_code == 3
    assert (nobody.exit_code, "hairtrigger login" in nobody.stderr) == (4, True)
    assert profiles.load() == profiles.Profiles()


def test_signing_out_of_a_server_that_is_away_says_that_the_token_lives(ht: Ask) -> None:
    def keep(found: profiles.Profiles) -> None:
        found.profiles["default"] = profiles.Profile("http://127.0.0.1:1", "tr_pat_x")

    profiles.change(keep)

    gone = ht("logout")

    assert gone.exit_code == 0
    assert "revoke the token there" in gone.stderr
    assert profiles.load().profiles == {}


def test_what_is_no_token_and_what_cannot_be_read_is_said(ht: Ask) -> None:
    wrong = ht("login", "--token", "tr_dev_123")
    profiles.path().parent.mkdir(parents=True)
    profiles.path().write_text("{")
    broken = ht("switch")

    assert (wrong.exit_code, "no personal access token" in wrong.stderr) == (2, True)
    assert (broken.exit_code, "hairtrigger login" in broken.stderr) == (1, True)
    assert profiles.path().read_text() == "{"


def test_without_a_key_one_is_told_to_sign_in(ht: Ask) -> None:
    told = ht("whoami")

    assert (told.exit_code, "hairtrigger login" in told.stderr) == (4, True)
