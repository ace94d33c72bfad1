"""A server for each file of tests about telemetry, and the project that its workers run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Live, started


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with started(tmp_path_factory.mktemp("server")) as live:
        yield live


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The tasks that the file has under ``TASKS``."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "trigger").mkdir()
    (directory / "trigger" / "tasks.py").write_text(request.module.TASKS)
    (directory / "trigger_config.py").write_text(
        "from hairtrigger import define_config\n\nconfig = define_config()\n"
    )
    return directory
