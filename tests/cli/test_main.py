"""The program as a whole: start-up, global options, mistakes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hairtrigger.cli.main import TABLE
from tests.cli.conftest import Ask, program

HEAVY = (
    "aiohttp", "asyncio", "cryptography", "hairtrigger.engine", "hairtrigger.sdk", "hairtrigger.server",
    "hairtrigger.store", "hairtrigger.worker", "jwt", "msgspec", "rich", "sqlite3", "starlette", "urllib3",
    "uvicorn", "uvloop", "watchfiles",
)  # fmt: skip


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["runs", "--help"]])
def test_version_and_help_import_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys\nfrom hairtrigger.cli.main import root\n"
        f"root({words!r}, standalone_mode=False)\nprint('MODULES', *sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.rpartition("MODULES ")[2].split())
    heavy = set(HEAVY) if words[0] != "runs" else {*HEAVY} - {"msgspec", "hairtrigger.sdk"}
    assert not loaded & heavy
    assert len(loaded) < 260, len(loaded)


def test_both_names_and_the_module_are_the_same_program() -> None:
    ours = program("--version").stdout

    assert ours.startswith("hairtrigger ")
    for name in ("hairtrigger", "ht"):
        script = Path(sys.executable).with_name(name)
        done = subprocess.run([script, "version"], capture_output=True, text=True, check=True)
        assert done.stdout == ours


def test_unknown_commands_and_options_name_the_closest(ht: Ask) -> None:
    command, below, option = (
        ht("rnus"),
        ht("runs", "repaly"),
        ht("runs", "list", "--stats", "FAILED"),
    )

    assert (command.exit_code, below.exit_code, option.exit_code) == (2, 2, 2)
    assert "No such command: rnus" in command.stderr
    assert "Did you mean `runs`?" in command.stderr
    assert "Did you mean `runs replay`?" in below.stderr
    assert "--status" in option.stderr
    assert "Traceback" not in command.stderr + below.stderr + option.stderr


def test_global_options_stand_before_or_after_the_command(ht: Ask) -> None:
    before, after = ht("--json", "version"), ht("version", "--json")

    assert json.loads(before.stdout) == json.loads(after.stdout)
    assert before.exit_code == after.exit_code == 0


def test_errors_are_json_when_json_was_asked_for(ht: Ask) -> None:
    done = ht("cron", "61 * * * *", "--json")

    error = json.loads(done.stderr)["error"]
    assert done.exit_code == 2
    assert done.stdout == ""
    assert error["code"] == "invalid_cron"
    assert set(error) == {"code", "message", "hint", "request_id"}


@pytest.mark.acceptance("S10")
def test_a_missing_key_is_exit_code_4_and_names_both_variables(ht: Ask) -> None:
    done = ht("runs", "list")

    assert done.exit_code == 4
    assert "TRIGGER_SECRET_KEY" in done.stderr
    assert "TRIGGER_API_KEY" in done.stderr
    assert "hairtrigger init" in done.stderr


def test_an_unreachable_server_is_exit_code_5_with_the_command_to_start_it(
    ht: Ask, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "TRIGGER_SECRET_KEY=tr_dev_x\nTRIGGER_API_URL=http://localhost:9\n"
    )

    done = ht("whoami")

    assert done.exit_code == 5
    assert "Cannot reach http://localhost:9" in done.stderr
    assert "TRIGGER_API_URL in .env" in done.stderr
    assert "hairtrigger dev" in done.stderr


def test_an_environment_that_the_key_does_not_open_is_exit_code_4(ht: Ask) -> None:
    done = ht("runs", "list", "--api-key", "tr_dev_abc", "--env", "prod")

    assert done.exit_code == 4
    assert "The key is not one of prod" in done.stderr


def test_no_colour_reaches_a_pipe() -> None:
    done = program("rnus", FORCE_COLOR="")

    assert "\x1b" not in done.stdout + done.stderr


def test_colour_can_be_forced_and_forbidden() -> None:
    forced = program("rnus", FORCE_COLOR="1")
    forbidden = program("rnus", FORCE_COLOR="1", NO_COLOR="1")

    assert "\x1b[31m" in forced.stderr
    assert "\x1b" not in forbidden.stderr


def test_an_error_is_an_annotation_in_github_actions() -> None:
    done = program("rnus", GITHUB_ACTIONS="true", CI="true")

    assert "::error title=hairtrigger::No such command: rnus" in done.stderr


def test_signs_fall_back_where_the_encoding_has_none() -> None:
    done = program("rnus", PYTHONIOENCODING="ascii")

    assert done.stderr.startswith("x No such command")


def test_help_of_every_command_fits_a_screen(ht: Ask) -> None:
    names = [
        line.split()[0]
        for line in ht("--help").stdout.rpartition("Commands:")[2].splitlines()
        if line
    ]

    assert names == list(TABLE)
    for name in names:
        done = ht(name, "--help")
        assert done.exit_code == 0, name
        assert len(done.stdout.splitlines()) <= 40, name
