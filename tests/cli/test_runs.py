"""``runs``, ``tasks``, ``schedules``, ``whoami`` and ``doctor`` against a real server."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.running import Live


def _run(ht: Ask, *words: str) -> str:
    done = ht("trigger", *words, "--wait", "--json")
    run_id: str = json.loads(done.stdout)["id"]
    return run_id


def test_the_list_is_a_table_and_in_json_what_the_api_says(served: Live, ht: Ask) -> None:
    run_id = _run(ht, "echo", "a=1", "--tag", "listed")

    table, data = (
        ht("runs", "list", "--tag", "listed"),
        ht("runs", "list", "--tag", "listed", "--json"),
    )

    assert table.stdout.splitlines()[0].split()[:3] == ["STATUS", "TASK", "RUN"]
    assert run_id in table.stdout
    told = json.loads(data.stdout)
    assert [run["id"] for run in told["data"]] == [run_id]
    assert told["pagination"] == {"next": None}


def test_the_list_goes_on_where_a_cursor_says(served: Live, ht: Ask) -> None:
    made = {_run(ht, "echo", f"a={n}", "--tag", "paged") for n in range(3)}

    first = json.loads(ht("runs", "list", "--tag", "paged", "--limit", "2", "--json").stdout)
    cursor = first["pagination"]["next"]
    second = json.loads(ht("runs", "list", "--tag", "paged", "--cursor", cursor, "--json").stdout)

    assert len(first["data"]) == 2
    assert {run["id"] for run in first["data"] + second["data"]} == made


def test_filters_are_those_of_the_api(served: Live, ht: Ask) -> None:
    failed = _run(ht, "always-fails", "--tag", "filtered")
    _run(ht, "echo", "a=1", "--tag", "filtered")

    by_status = ht("runs", "list", "--tag", "filtered", "--status", "failed", "--json")
    by_task = ht(
        "runs", "list", "--tag", "filtered", "--task", "always-fails", "--since", "1h", "--json"
    )
    long_ago = ht("runs", "list", "--tag", "filtered", "--until", "1h", "--json")
    wrong = ht("runs", "list", "--status", "SLEEPING")

    assert [run["id"] for run in json.loads(by_status.stdout)["data"]] == [failed]
    assert [run["id"] for run in json.loads(by_task.stdout)["data"]] == [failed]
    assert json.loads(long_ago.stdout)["data"] == []
    assert wrong.exit_code == 2


def test_a_narrow_table_drops_columns_and_never_wraps(
    served: Live, ht: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(ht, "echo", "a=1", "--tag", "narrow")

    for width in ("60", "80", "120"):
        monkeypatch.setenv("COLUMNS", width)
        lines = ht("runs", "list", "--tag", "narrow").stdout.splitlines()
        assert len(lines) == 2
        assert all(len(line) <= int(width) for line in lines)
        assert "RUN" in lines[0]


@pytest.mark.parametrize("verb", ["get", "show"])
def test_one_run_is_shown_with_its_payload_and_output(served: Live, ht: Ask, verb: str) -> None:
    run_id = _run(ht, "send-welcome-email", "userId=7", "email=a")

    text, data = ht("runs", verb, run_id), ht("runs", verb, run_id, "--json")

    assert "send-welcome-email" in text.stdout
    assert '{"userId": "7", "email": "a"}' in text.stdout
    assert json.loads(data.stdout)["output"] == {"success": True, "userId": "7"}


def test_a_failed_run_is_shown_with_its_trace(served: Live, ht: Ask) -> None:
    text = ht("runs", "get", _run(ht, "always-fails"))

    assert "Failed" in text.stdout
    assert "no use" in text.stdout


def test_an_unknown_run_is_exit_code_3(served: Live, ht: Ask) -> None:
    assert ht("runs", "get", "run_nowhere").exit_code == 3
    assert ht("runs", "logs", "run_nowhere").exit_code == 3
    assert ht("runs", "cancel", "run_nowhere").exit_code == 3


def test_logs_are_printed_and_followed_to_the_end(served: Live, ht: Ask) -> None:
    run_id = _run(ht, "send-welcome-email", "userId=7", "email=a")

    now, followed = ht("runs", "logs", run_id), ht("runs", "logs", run_id, "--follow", "--json")

    assert "Sending" in now.stdout
    assert [json.loads(line)["message"] for line in followed.stdout.splitlines()] == ["Sending"]


def test_watching_a_run_ends_with_it_and_tells_how(served: Live, ht: Ask) -> None:
    done, failed = _run(ht, "echo", "a=1"), _run(ht, "always-fails")

    assert ht("runs", "watch", done).exit_code == 0
    assert ht("runs", "watch", failed).exit_code == 1


def test_a_replay_is_a_new_run_with_the_same_payload(served: Live, ht: Ask) -> None:
    run_id = _run(ht, "echo", "a=1")

    again = ht("runs", "replay", run_id).stdout.strip()

    assert again != run_id
    assert served.get(f"/api/v3/runs/{again}?wait=20")["output"] == {"a": 1}


def test_runs_are_canceled_by_filter_after_a_yes(served: Live, ht: Ask) -> None:
    for n in range(3):
        ht("trigger", "echo", f"a={n}", "--delay", "1h", "--tag", "doomed")

    asked = ht("runs", "cancel", "--tag", "doomed")
    done = ht("runs", "cancel", "--tag", "doomed", "--yes")
    nothing = ht("runs", "cancel", "--yes")

    assert asked.exit_code == 2
    assert "--yes" in asked.stderr
    assert done.exit_code == 0
    assert "Canceled 3 runs" in done.stderr
    assert nothing.exit_code == 2
    statuses = {run["status"] for run in served.get("/api/v1/runs?filter[tag]=doomed")["data"]}
    assert statuses == {"CANCELED"}


def test_some_failures_of_many_are_exit_code_1(served: Live, ht: Ask) -> None:
    run_id = _run(ht, "echo", "a=1")

    done = ht("runs", "replay", run_id, "run_nowhere", "--json")

    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert len(told["data"]) == 1
    assert told["errors"][0]["id"] == "run_nowhere"


@pytest.mark.acceptance("S16", "S100")
def test_tasks_are_those_of_the_code(served: Live, ht: Ask) -> None:
    table, data = ht("tasks", "list"), json.loads(ht("tasks", "list", "--json").stdout)["data"]

    assert {"send-welcome-email", "always-fails", "echo", "daily-digest"} <= {t["id"] for t in data}
    assert "trigger/tasks.py" in table.stdout


def test_a_task_tells_its_schema(served: Live, ht: Ask) -> None:
    known, unknown = ht("tasks", "schema", "send-welcome-email"), ht("tasks", "schema", "nope")

    assert "userId" in known.stdout
    assert json.loads(known.stdout)
    assert unknown.exit_code == 3


def test_a_schedule_lives_from_create_to_delete(served: Live, ht: Ask) -> None:
    made = ht(
        "schedules", "create", "--task", "daily-digest", "--cron", "0 9 * * *", "--tz", "Europe/London",
        "--external-id", "user_1", "--json",
    )  # fmt: skip
    id_ = json.loads(made.stdout)["id"]
    paused = ht("schedules", "pause", id_)
    asleep = json.loads(ht("schedules", "get", id_, "--json").stdout)
    resumed = ht("schedules", "resume", id_)
    listed = ht("schedules", "list")
    unasked = ht("schedules", "delete", id_)
    deleted = ht("schedules", "delete", id_, "--yes")

    assert [r.exit_code for r in (made, paused, resumed, listed, deleted)] == [0] * 5
    assert asleep["active"] is False
    assert asleep["externalId"] == "user_1"
    assert "0 9 * * *" in listed.stdout
    assert unasked.exit_code == 2
    assert ht("schedules", "get", id_).exit_code == 3


def test_a_schedule_with_a_wrong_pattern_is_refused_here(served: Live, ht: Ask) -> None:
    done = ht("schedules", "create", "--task", "daily-digest", "--cron", "0 99 * * *")

    assert done.exit_code == 2
    assert "hour" in done.stderr


@pytest.mark.acceptance("S50")
def test_another_project_than_the_keys_is_refused(served: Live, ht: Ask) -> None:
    done = ht("runs", "list", "--project", "proj_other")

    assert done.exit_code == 4
    assert "The key is not one of proj_other" in done.stderr


def test_whoami_names_project_environment_and_where_the_key_comes_from(
    served: Live, ht: Ask
) -> None:
    text, data = ht("whoami"), json.loads(ht("whoami", "--json").stdout)

    assert "TRIGGER_SECRET_KEY in the environment" in text.stdout
    assert served.dev_key not in text.stdout
    assert data["environment"]["slug"] == "dev"


def test_doctor_finds_nothing_wrong_where_nothing_is(
    served: Live, ht: Ask, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)

    done = ht("doctor", "--json")

    checks = {check["name"]: check for check in json.loads(done.stdout)["data"]}
    assert done.exit_code == 0, done.stdout
    assert {"python", "config", "tasks", "key", "server", "access", "workers", "database"} <= set(
        checks
    )


def test_doctor_says_what_is_wrong_and_how_to_mend_it(
    ht: Ask, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("TRIGGER_API_URL", "http://localhost:9")
    (project / "trigger" / "broken.py").write_text("import nowhere_to_be_found\n")

    done = ht("doctor")

    assert done.exit_code == 1
    assert "trigger/broken.py:1" in done.stdout
    assert "nowhere_to_be_found" in done.stdout
    assert "http://localhost:9" in done.stdout
    assert "hairtrigger server" in done.stdout
