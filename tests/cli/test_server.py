"""``server`` and ``worker`` as processes: what they say, how they stop."""

import json
import re
import signal
import subprocess
from pathlib import Path

import asyncpg
import pytest

from tests import databases
from tests.cli.conftest import PROGRAM
from tests.running import Live, until

_WAITERS = """
select count(*) from pg_locks l join pg_database d on d.oid = l.database
where d.datname = current_database() and l.locktype = 'advisory' and not l.granted
"""


class Told:
    """A process of ours whose output goes to files."""

    def __init__(self, directory: Path, *words: str, cwd: Path | None = None) -> None:
        self.out, self.err = directory / "out.txt", directory / "err.txt"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.popen = subprocess.Popen(
                [*PROGRAM, *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd or directory,
            )

    def until(self, pattern: str) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            assert self.popen.poll() is None, self.text()
            return re.search(pattern, self.text())

        return until(found, pattern)

    def text(self) -> str:
        return self.out.read_text() + self.err.read_text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(20)


def test_a_fresh_server_says_where_it_listens_and_shows_its_keys_once(tmp_path: Path) -> None:
    first = Told(tmp_path, "server", "--port", "0", "--database", "runs.db")
    url = first.until(r"Listening on (http://localhost:\d+)")[1]
    first.until("Shown once")
    keys = re.findall(r"tr_(?:dev|prod)_\w{43}", first.text())
    code = first.end()

    again = Told(tmp_path, "server", "--port", "0", "--database", "runs.db")
    again.until("Listening on")
    shown = again.text()
    again_code = again.end(signal.SIGINT)

    assert url
    assert len(set(keys)) == 2
    assert not any(key in first.out.read_text() for key in keys)
    assert not re.search(r"tr_\w+", shown)
    assert (code, again_code) == (143, 130)


async def test_of_two_servers_that_find_a_database_fresh_one_shows_keys_and_they_open_it(
    tmp_path: Path, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.emptied(postgres_database)
    monkeypatch.setenv("HAIRTRIGGER_MASTER_KEY", "the same for both of them, of 32 characters")
    places = [tmp_path / "a", tmp_path / "b"]
    for place in places:
        place.mkdir()
    holder = await asyncpg.connect(postgres_database)
    try:  # neither goes on before both have seen that nothing is there
        await holder.execute("select pg_advisory_lock(4710, 2)")
        both = [
            Told(place, "server", "--port", "0", "--database", postgres_database)
            for place in places
        ]
        until(lambda: databases.rows(postgres_database, _WAITERS) == [(2,)], "both at the door")
    finally:
        await holder.close()

    urls = [one.until(r"Listening on (\S+)")[1] for one in both]
    shown = [one.until("Shown once|Another server made this database")[0] for one in both]
    keys = [key for one in both for key in re.findall(r"tr_dev_\w{43}", one.text())]
    who = subprocess.run(
        [*PROGRAM, "whoami", "--api-url", urls[0], "--api-key", *keys],
        capture_output=True,
        text=True,
    )
    for one in both:
        one.end()

    assert sorted(shown) == ["Another server made this database", "Shown once"]
    assert who.returncode == 0, who.stderr


@pytest.mark.acceptance("S12")
def test_a_fresh_server_takes_the_key_of_the_project(project: Path, tmp_path: Path) -> None:
    key = re.search(r"tr_dev_\w+", (project / ".env").read_text())
    assert key is not None
    server = Told(
        tmp_path, "server", "--port", "0", "--database", str(tmp_path / "x.db"), cwd=project
    )
    url = server.until(r"Listening on (\S+)")[1]

    who = subprocess.run(
        [*PROGRAM, "whoami", "--api-url", url, "--api-key", key[0]], capture_output=True, text=True
    )
    server.end()

    assert who.returncode == 0, who.stderr
    assert key[0] not in server.text()


def test_a_server_beyond_loopback_is_warned_about(tmp_path: Path) -> None:
    server = Told(tmp_path, "server", "--host", "0.0.0.0", "--port", "0", "--database", "x.db")

    server.until("TLS proxy")

    server.end()


def test_a_server_in_json_says_one_object_a_line(tmp_path: Path) -> None:
    server = Told(tmp_path, "server", "--port", "0", "--database", "x.db", "--log-format", "json")
    server.until("server.listening")
    server.end()

    lines = [json.loads(line) for line in server.out.read_text().splitlines()]
    assert {"server.started", "server.listening", "server.stopped"} <= {
        line["event"] for line in lines
    }
    assert all(line["time"].endswith("Z") for line in lines)


def test_a_taken_port_is_said_with_the_way_out(live: Live, tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "server", "--port", str(live.port), "--database", "x.db"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30,
    )  # fmt: skip

    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{live.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_server_on_one_database_is_refused_with_the_first_ones_process(
    tmp_path: Path,
) -> None:
    first = Told(tmp_path, "server", "--port", "0", "--database", "x.db")
    first.until("Listening on")

    second = subprocess.run(
        [*PROGRAM, "server", "--port", "0", "--database", "x.db"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    first.end()

    assert second.returncode == 1
    assert f"process {first.popen.pid}" in second.stderr


def test_a_server_can_run_a_worker_beside_it(project: Path, tmp_path: Path) -> None:
    server = Told(
        tmp_path, "server", "--port", "0", "--database", str(tmp_path / "x.db"), "--workers", "1",
        cwd=project,
    )  # fmt: skip
    url = server.until(r"Listening on (\S+)")[1]
    server.until("Worker of dev started")

    done = subprocess.run(
        [*PROGRAM, "trigger", "process-data", 'data=["a"]', "--wait", "--api-url", url],
        cwd=project, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    code = server.end()

    assert json.loads(done.stdout) == {"success": True, "processedCount": 1}, done.stderr
    assert code == 143


@pytest.fixture
def alone(live: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """The session's server: what code is current there is nobody's business here."""
    for name, value in live.environ.items():
        monkeypatch.setenv(name, value)
    return live


def test_a_worker_says_its_version_its_tasks_and_its_slots(
    alone: Live, project: Path, tmp_path: Path
) -> None:
    worker = Told(
        tmp_path, "worker", "--slots", "3", "--processes", "1", "--queue", "mine", cwd=project
    )
    said = worker.until(r"started on \d{8}\.\d+: 3 tasks, 3 slots, 1 process")
    worker.until("daily-digest, process-data, send-welcome-email")
    code = worker.end()

    assert said
    assert code == 143
    assert "Worker stopped" in worker.text()


@pytest.mark.acceptance("S16")
def test_a_worker_whose_code_cannot_be_loaded_is_exit_code_7(
    alone: Live, project: Path, tmp_path: Path
) -> None:
    (project / "trigger" / "broken.py").write_text("import nowhere_to_be_found\n")

    worker = Told(tmp_path, "worker", cwd=project)

    assert worker.popen.wait(30) == 7
    assert "trigger/broken.py:1" in worker.text()
    assert "nowhere_to_be_found" in worker.text()
