"""``dev`` in other places: other keys and ports, other servers, under a debugger, for programs."""

import json
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import PROGRAM, program
from tests.cli.terminal import Start
from tests.running import until


def test_a_taken_port_is_passed_over_unless_it_was_asked_for(dev: Start, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()

        asked = dev("--port", str(port))
        refused = asked.until(f"Cannot listen on 127.0.0.1:{port}")
        code = asked.end()
        terminal = dev()
        block = terminal.until(f"Port {port} is taken")

    assert refused
    assert code == 1
    assert re.search(r"http://localhost:\d+", block)
    assert f"http://localhost:{port} " not in block


def test_a_second_dev_is_told_who_has_the_database(dev: Start, port: int) -> None:
    terminal = dev()
    terminal.until("r reload")

    second = terminal.ht("dev")

    assert second.returncode == 1
    assert f"(process {terminal.child.pid})" in second.stderr
    assert f"hairtrigger dev --attach http://localhost:{port}" in second.stderr


@pytest.mark.acceptance("S44")
def test_attached_to_a_server_it_is_a_worker_only(dev: Start, port: int, project: Path) -> None:
    terminal = dev()
    terminal.until("r reload")

    attached = dev("--attach", f"http://localhost:{port}")
    block = attached.until("r reload")

    assert f"http://localhost:{port}" in block
    assert "Database" not in block


def test_without_an_env_file_it_makes_a_key_and_says_where(
    dev: Start, project: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").unlink()

    first = dev("--port", str(port))
    block = first.until("r reload")
    kept = (project / ".hairtrigger" / "dev.env").read_text()
    first.child.send("q")
    first.end()
    second = dev("--port", str(port))
    second.until("r reload")

    assert "key in .hairtrigger/dev.env" in block
    assert kept == (project / ".hairtrigger" / "dev.env").read_text()
    monkeypatch.setenv("TRIGGER_SECRET_KEY", kept.strip().partition("=")[2])
    assert second.ht("whoami", "--api-url", f"http://localhost:{port}").returncode == 0


def test_a_key_that_the_database_does_not_know_is_said(dev: Start, project: Path) -> None:
    first = dev()
    first.until("r reload")
    first.child.send("q")
    first.end()
    env = (project / ".env").read_text()
    (project / ".env").write_text(re.sub(r"tr_dev_\w+", "tr_dev_" + "x" * 40, env))

    second = dev()
    said = second.until("start over: .*")

    assert "The key in .env does not open .hairtrigger/dev.db" in said
    assert second.end() == 4


def test_a_production_key_is_refused(project: Path) -> None:
    done = program("dev", cwd=project, TRIGGER_SECRET_KEY="tr_prod_" + "x" * 40)

    assert done.returncode == 4
    assert "development key" in done.stderr


@pytest.mark.acceptance("S47")
def test_a_breakpoint_opens_a_prompt_under_inline(dev: Start, project: Path) -> None:
    (project / "trigger" / "paused.py").write_text(
        "from hairtrigger import task\n\n\n@task(id='paused')\nasync def paused() -> int:\n"
        "    answer = 42\n    breakpoint()\n    return answer\n"
    )
    terminal = dev("--inline")
    terminal.until("process-data")
    run_id = terminal.ht("trigger", "paused").stdout.strip()

    terminal.until(r"\(Pdb\)")
    terminal.child.sendline("p answer * 2")
    terminal.until(r"\b84\b")
    terminal.child.sendline("answer = 7")
    terminal.until(r"\(Pdb\)")
    terminal.child.sendline("c")
    terminal.until(r"✓.*paused")

    run = json.loads(terminal.ht("runs", "get", run_id, "--json").stdout)
    assert run["output"] == 7
    assert run["attemptCount"] == 1


def test_in_json_every_event_is_a_line(project: Path, port: int, tmp_path: Path) -> None:
    output = tmp_path / "events.ndjson"
    with output.open("wb") as stream:
        running = subprocess.Popen(
            [*PROGRAM, "dev", "--json"], cwd=project, stdout=stream, stderr=stream
        )

    def told(name: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            assert running.poll() is None, output.read_text()
            lines = output.read_text().splitlines()
            events = [json.loads(line) for line in lines if line.endswith("}")]
            return next((event for event in events if event["event"] == name), None)

        return until(found, name)

    try:
        ready = told("ready")
        program("trigger", "send-welcome-email", "userId=1", "email=a", "--wait", cwd=project)
        log, completed = told("run.log"), told("run.completed")
        (project / "trigger" / "new.py").write_text("import nowhere_to_be_found\n")
        reload = told("reload")
    finally:
        running.terminate()

    assert running.wait(20) == 143
    assert ready["url"] == f"http://localhost:{port}"
    assert ready["environment"] == "dev"
    assert len(ready["tasks"]) == 3
    assert log["message"] == "Sending welcome email"
    assert completed["task"] == "send-welcome-email"
    assert reload["ok"] is False
    assert reload["problems"][0]["file"] == "trigger/new.py"


@pytest.mark.acceptance("S53")
def test_retries_can_be_off_in_development(dev: Start, project: Path) -> None:
    (project / "trigger_config.py").write_text(
        "from hairtrigger import define_config\n\nconfig = define_config(retries={'enabled_in_dev': False})\n"
    )
    (project / "trigger" / "bad.py").write_text(
        "from hairtrigger import task\n\n\n@task(id='bad')\ndef bad() -> None:\n    raise ValueError('x')\n"
    )
    terminal = dev()
    terminal.until("r reload")

    done = terminal.ht("trigger", "bad", "--wait", "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["attemptCount"] == 1


@pytest.mark.acceptance("S14", "S51")
def test_a_wrong_configuration_is_named_with_what_it_accepts(dev: Start, project: Path) -> None:
    (project / "trigger_config.py").write_text(
        "from hairtrigger import define_config\n\nconfig = define_config(runtime='bun')\n"
    )

    terminal = dev()

    assert terminal.until("Known: python")


@pytest.mark.acceptance("S09")
def test_a_saved_env_file_reaches_the_next_run(dev: Start, project: Path) -> None:
    (project / "trigger" / "greet.py").write_text(
        "import os\n\nfrom hairtrigger import task\n\n\n@task(id='greet')\ndef greet() -> str | None:\n"
        "    return os.environ.get('GREETING')\n"
    )
    terminal = dev()
    terminal.until("r reload")

    env = project / ".env"
    env.write_text(env.read_text() + "GREETING=hello\n")
    shown = terminal.until("ready in")
    done = terminal.ht("trigger", "greet", "--wait")

    assert ".env changed" in shown
    assert json.loads(done.stdout) == "hello", done.stderr


@pytest.mark.acceptance("S14")
def test_the_project_is_found_from_below(dev: Start, project: Path) -> None:
    terminal = dev()
    terminal.until("r reload")

    done = program("tasks", "list", "--json", cwd=project / "trigger")

    assert len(json.loads(done.stdout)["data"]) == 3, done.stderr
