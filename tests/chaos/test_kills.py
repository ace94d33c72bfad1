"""Kill -9 under load: nothing accepted is lost, nothing finishes twice, at most once stays at most once.

These few are part of every suite; ``test_scenarios.py`` has all of them.
"""

from pathlib import Path

import pytest

from tests.chaos.scenario import play
from tests.chaos.stage import SCENARIOS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def held(name: str, kind: str, directory: Path) -> None:
    verdict = play(SCENARIOS[name], kind, directory)

    assert not verdict.broken, verdict


@pytest.mark.acceptance("S02")
def test_kill_9_of_children_loses_nothing(tmp_path: Path) -> None:
    held("kill-children", "sqlite", tmp_path)


@pytest.mark.acceptance("S02")
def test_kill_9_of_workers_loses_nothing(tmp_path: Path) -> None:
    held("kill-workers", "sqlite", tmp_path)


@pytest.mark.acceptance("S02", "S40")
def test_kill_9_of_the_server_loses_nothing(tmp_path: Path) -> None:
    held("kill-the-server", "sqlite", tmp_path)


def test_kill_9_of_one_server_of_two_is_not_noticed(tmp_path: Path) -> None:
    held("kill-a-server-of-two", "postgres", tmp_path)
