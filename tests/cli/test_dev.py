"""``dev`` on a terminal: the whole of a developer's first hour."""

import json
import re
import time
from pathlib import Path

import pytest

from tests.cli.terminal import Start

READY_S, RELOAD_S = 2.0, 1.0
SLOW = """

@task(id="slow")
async def slow() -> None:
    import asyncio

    logger.info("Has begun")
    await asyncio.sleep(1.5)
"""


@pytest.mark.acceptance("S07", "S12", "S13", "S43", "S44")
def test_a_fresh_project_is_ready_at_once_and_ends_cleanly(dev: Start, port: int) -> None:
    terminal = dev()
    block = terminal.until("send-welcome-email")
    ready_s = terminal.seconds()

    terminal.child.sendintr()
    end = terminal.until("Stopped.*")

    assert f"http://localhost:{port}" in block
    assert re.search(r"Environment +dev", block)
    assert re.search(r"\d{8}\.1 · 3 tasks · 16 slots · watching trigger/", block)
    assert "daily-digest, process-data, send-welcome-email" in block
    assert "key in .env" in block
    assert ready_s < READY_S * 2  # the time limit is for a machine that does nothing else
    assert "No runs. Data stays in .hairtrigger/dev.db" in end
    assert terminal.end() == 130


@pytest.mark.acceptance("S45", "S46")
def test_a_run_is_shown_with_its_log_lines_and_its_time(dev: Start) -> None:
    terminal = dev()
    terminal.until("send-welcome-email")

    done = terminal.ht("trigger", "send-welcome-email", "userId=1", "email=ada@b.c", "--wait")
    shown = terminal.until(r"✓.*send-welcome-email.* ms")

    assert json.loads(done.stdout) == {"success": True, "emailSent": True}, done.stderr
    assert re.search(r"│ send-welcome-email +run_\w+ +Sending welcome email +email=ada@b\.c", shown)


@pytest.mark.acceptance("S16", "S45", "S100")
def test_saves_are_used_within_a_second_and_a_broken_one_takes_nothing_down(
    dev: Start, project: Path
) -> None:
    terminal = dev()
    terminal.until("r reload")
    file = project / "trigger" / "example.py"
    good = file.read_text()

    terminal.began = time.monotonic()
    file.write_text(good.replace('"success": True, "emailSent"', '"success": False, "emailSent"'))
    terminal.until(r"\.2 ready in")
    saved_s = terminal.seconds()
    edited = terminal.ht("trigger", "send-welcome-email", "userId=1", "email=a", "--wait")
    edited_s = terminal.seconds()

    file.write_text(good.replace("class Sent", "clas Sent"))
    broken = terminal.until(r"success: bool")
    still = terminal.ht("trigger", "send-welcome-email", "userId=1", "email=a", "--wait")

    file.write_text(good + SLOW)
    fixed = terminal.until(r"\+slow")

    assert json.loads(edited.stdout)["success"] is False, edited.stderr
    assert saved_s < RELOAD_S * 2
    assert edited_s < 5
    assert "Could not load trigger/example.py · all tasks stay at" in broken
    assert "SyntaxError: invalid syntax" in broken
    assert "› 13 │ clas Sent" in broken
    assert json.loads(still.stdout)["success"] is False, still.stderr
    assert re.search(r"\.3 ready in \d[\d.]* m?s · 4 tasks · \+slow", fixed)


@pytest.mark.acceptance("S16")
def test_a_new_file_is_found_and_a_file_that_is_broken_from_the_start_is_reported(
    dev: Start, project: Path
) -> None:
    (project / "trigger" / "broken.py").write_text("import nowhere_to_be_found\n")
    terminal = dev()
    shown = terminal.until("import nowhere_to_be_found")
    done = terminal.ht("trigger", "process-data", 'data=["a"]', "--wait")

    (project / "trigger" / "deeper").mkdir()
    (project / "trigger" / "broken.py").unlink()
    terminal.until("ready in")
    (project / "trigger" / "deeper" / "more.py").write_text(
        "from hairtrigger import task\n\n\n@task(id='deep')\ndef deep() -> None: ...\n"
    )
    found = terminal.until(r"\+deep")

    assert "Could not load trigger/broken.py" in shown
    assert "No module named 'nowhere_to_be_found'" in shown
    assert done.returncode == 0, done.stderr
    assert "4 tasks" in found


def test_an_error_is_shown_with_its_source_and_then_counted(dev: Start, project: Path) -> None:
    (project / "trigger" / "bad.py").write_text(
        "from hairtrigger import AbortTaskRunError, task\n\n\n@task(id='bad')\ndef bad() -> None:\n"
        "    raise AbortTaskRunError('no use')\n"
    )
    terminal = dev()
    terminal.until("r reload")

    terminal.ht("trigger", "bad", "--wait")
    first = terminal.until(r"› 6 │     raise AbortTaskRunError\('no use'\)")
    terminal.ht("trigger", "bad", "--wait")
    second = terminal.until(r"AbortTaskRunError ×2")

    assert "AbortTaskRunError: no use" in first
    assert "trigger/bad.py:6 in bad" in first
    assert "raise" not in second


def test_ctrl_c_finishes_what_is_running(dev: Start, project: Path) -> None:
    (project / "trigger" / "example.py").write_text(
        (project / "trigger" / "example.py").read_text() + SLOW
    )
    terminal = dev()
    terminal.until("r reload")
    terminal.ht("trigger", "slow")
    terminal.until("Has begun")

    terminal.child.sendintr()
    terminal.until("Draining 1 run")
    end = terminal.until("Stopped.*")

    assert re.search(r"✓ slow", end)
    assert "1 run: 1 completed, 0 failed" in end
    assert terminal.end() == 130


def test_ctrl_c_twice_stops_at_once_and_the_run_is_kept(dev: Start, project: Path) -> None:
    text = (project / "trigger" / "example.py").read_text() + SLOW.replace("1.5", "600")
    (project / "trigger" / "example.py").write_text(text)
    terminal = dev()
    terminal.until("r reload")
    terminal.ht("trigger", "slow")
    terminal.until("Has begun")

    terminal.child.sendintr()
    terminal.until("Draining 1 run")
    terminal.began = time.monotonic()
    terminal.child.sendintr()
    terminal.until("Stopped")

    assert terminal.end() == 130
    assert terminal.seconds() < 15
    again = dev()
    again.until("Has begun")
    again.child.sendintr()
    again.child.sendintr()


def test_keys_pause_and_reload_and_quit(dev: Start) -> None:
    terminal = dev()
    terminal.until("r reload")

    terminal.child.send("p")
    terminal.until("Paused")
    run_id = terminal.ht("trigger", "process-data", 'data=["a"]').stdout.strip()
    held = json.loads(terminal.ht("runs", "get", run_id, "--json").stdout)
    terminal.child.send("p")
    terminal.until(r"✓.*process-data")
    terminal.child.send("r")
    terminal.until("same tasks")
    terminal.child.send("l")
    terminal.until("Log lines are off")
    terminal.child.send("q")
    terminal.until("Stopped")

    assert held["status"] == "QUEUED"
    assert terminal.end() == 0
