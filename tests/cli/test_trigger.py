"""``trigger``: what is sent, what comes back, and the exit codes of waiting."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Ask
from tests.running import Live, until


@pytest.mark.acceptance("S09", "S11", "S45")
def test_waiting_gives_the_output_on_stdout_and_the_times_on_stderr(served: Live, ht: Ask) -> None:
    done = ht("trigger", "send-welcome-email", "userId=1", "email=ada@example.com", "--wait")

    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"success": True, "userId": "1"}
    assert "queued" in done.stderr
    assert "total" in done.stderr


@pytest.mark.acceptance("S09")
def test_only_an_env_file_is_needed(served: Live, ht: Ask, tmp_path: Path) -> None:
    for name in ("TRIGGER_API_URL", "TRIGGER_SECRET_KEY"):
        os.environ.pop(name)
    (tmp_path / ".env").write_text(
        f"TRIGGER_API_KEY={served.dev_key}\nTRIGGER_API_URL=http://localhost:9\n"
    )
    (tmp_path / ".env.local").write_text(f"TRIGGER_API_URL={served.url}/\n")

    done = ht("trigger", "echo", "a=1", "--wait")

    assert done.exit_code == 0, done.stderr


def test_without_waiting_the_id_is_all_of_stdout(served: Live, ht: Ask) -> None:
    done = ht("trigger", "echo", "[1, 2]", "--tag", "a", "--tag", "b")

    run_id = done.stdout.strip()
    assert run_id.startswith("run_")
    assert served.get(f"/api/v3/runs/{run_id}")["tags"] == ["a", "b"]


def test_options_reach_the_run(served: Live, ht: Ask) -> None:
    done = ht(
        "trigger", "echo", "x=1", "--delay", "1h", "--ttl", "2h", "--queue", "slow", "--max-attempts", "7",
        "--concurrency-key", "ck", "--json",
    )  # fmt: skip

    run = served.get(f"/api/v3/runs/{json.loads(done.stdout)['id']}")
    assert run["status"] == "DELAYED"
    assert (run["queue"], run["maxAttempts"], run["concurrencyKey"]) == ("slow", 7, "ck")


def test_an_idempotency_key_makes_one_run(served: Live, ht: Ask) -> None:
    first = ht("trigger", "echo", "x=1", "--idempotency-key", "once")
    second = ht("trigger", "echo", "x=1", "--idempotency-key", "once")

    assert first.stdout == second.stdout
    assert "not made again" in second.stderr


def test_a_failed_run_is_exit_code_1_and_says_why(served: Live, ht: Ask) -> None:
    done = ht("trigger", "always-fails", "--wait")

    assert done.exit_code == 1
    assert "AbortTaskRunError: no use" in done.stderr
    assert done.stdout == ""


def test_a_canceled_run_is_exit_code_8(served: Live, ht: Ask) -> None:
    run_id = ht("trigger", "echo", "--delay", "1h").stdout.strip()

    ht("runs", "cancel", run_id)

    assert ht("runs", "watch", run_id).exit_code == 8


def test_a_timeout_is_exit_code_6_and_the_run_goes_on(served: Live, ht: Ask) -> None:
    done = ht("trigger", "echo", "--delay", "1h", "--wait", "--timeout", "1s")

    assert done.exit_code == 6
    assert "It goes on." in done.stderr
    assert "hairtrigger runs watch run_" in done.stderr


@pytest.mark.acceptance("S46")
def test_following_shows_log_lines_and_then_the_output(served: Live, ht: Ask) -> None:
    done = ht("trigger", "send-welcome-email", "userId=1", "email=a@b.c", "--follow")

    assert "Sending" in done.stderr
    assert "email=a@b.c" in done.stderr
    assert json.loads(done.stdout)["success"] is True


def test_following_in_json_is_one_object_a_line(served: Live, ht: Ask) -> None:
    done = ht("trigger", "send-welcome-email", "userId=1", "email=a", "--follow", "--json")

    *logs, run = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["message"] for line in logs if line["event"] == "run.log"] == ["Sending"]
    assert run["status"] == "COMPLETED"
    assert done.stderr == ""


def test_an_unknown_task_is_exit_code_3_with_the_closest(served: Live, ht: Ask) -> None:
    done = ht("trigger", "send-welcome-emial", "a=1")

    assert done.exit_code == 3
    assert "Closest: send-welcome-email." in done.stderr
    assert "hairtrigger tasks list" in done.stderr


def test_a_payload_that_lacks_something_is_exit_code_2(served: Live, ht: Ask) -> None:
    done = ht("trigger", "send-welcome-email", "userId=1")

    assert done.exit_code == 2
    assert "email: missing" in done.stderr
    assert "hairtrigger tasks schema send-welcome-email" in done.stderr


def test_a_wrong_key_is_exit_code_4(served: Live, ht: Ask) -> None:
    done = ht("trigger", "echo", "a=1", "--api-key", "tr_dev_" + "x" * 32)

    assert done.exit_code == 4
    assert "--api-key" in done.stderr


def test_a_batch_makes_a_run_of_each_line(served: Live, ht: Ask, tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_text("".join(f'{{"n": {n}}}\n' for n in range(1_201)))

    done = ht("trigger", "echo", "--batch", str(file), "--tag", "many", "--json")

    told = json.loads(done.stdout)
    assert done.exit_code == 0, done.stderr
    assert (told["triggered"], told["failed"], len(set(told["runs"]))) == (1_201, 0, 1_201)
    assert served.get(f"/api/v3/runs/{told['runs'][700]}")["payload"] == {"n": 700}


def test_a_batch_with_a_broken_line_sends_nothing(served: Live, ht: Ask, tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_text('{"n": 1}\n{"n": \n')

    done = ht("trigger", "echo", "--batch", str(file))

    assert done.exit_code == 2
    assert f"{file}:2" in done.stderr


def test_ctrl_c_stops_the_waiting_and_not_the_run(served: Live) -> None:
    waiting = subprocess.Popen(
        [*PROGRAM, "trigger", "echo", "--delay", "1h", "--tag", "left-alone", "--wait"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # tests that run in the background of a shell ignore it, and would hand that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    path = "/api/v1/runs?filter[tag]=left-alone&filter[status]=DELAYED"
    until(lambda: served.get(path)["data"], "the run")

    def is_over() -> bool:
        waiting.send_signal(signal.SIGINT)  # once more: Python loses one that comes in a callback
        with contextlib.suppress(subprocess.TimeoutExpired):
            waiting.wait(2)
        return waiting.returncode is not None

    until(is_over, "the program to end")
    _, said = waiting.communicate()

    assert waiting.returncode == 130
    assert "goes on. Cancel it: hairtrigger runs cancel run_" in said or said.strip() == ""
    assert "Traceback" not in said
    assert len(served.get(path)["data"]) == 1
