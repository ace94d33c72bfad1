import subprocess
import sys
from pathlib import Path

from hairtrigger.worker.predecessors import Predecessors

URL = "http://localhost:3030"
_DIE = """
import os, sys
from pathlib import Path
from hairtrigger.worker.predecessors import Predecessors
Predecessors(Path(sys.argv[1]), sys.argv[2]).succeed("worker_dead")
os._exit(1)
"""


def _die(directory: Path, url: str = URL) -> None:
    """A worker that ends without leaving."""
    subprocess.run([sys.executable, "-c", _DIE, str(directory), url], check=False)


def test_the_session_of_a_process_that_died_is_dead_until_somebody_succeeds_it(
    tmp_path: Path,
) -> None:
    _die(tmp_path)
    successor = Predecessors(tmp_path, URL)

    assert successor.dead() == ["worker_dead"]
    successor.succeed("worker_new")

    assert Predecessors(tmp_path, URL).dead() == []
    successor.release()


def test_the_session_of_a_living_process_is_not_dead(tmp_path: Path) -> None:
    living = Predecessors(tmp_path, URL)
    living.succeed("worker_living")

    assert Predecessors(tmp_path, URL).dead() == []
    living.release()


def test_sessions_of_another_server_are_none_of_ours(tmp_path: Path) -> None:
    _die(tmp_path, "http://elsewhere")

    assert Predecessors(tmp_path, URL).dead() == []


def test_without_a_directory_to_write_to_nobody_is_known(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    predecessors = Predecessors(tmp_path / "file", URL)

    predecessors.succeed("worker_1")

    assert predecessors.dead() == []
    predecessors.release()
