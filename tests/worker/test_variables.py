"""The environment's variables in the processes of a worker, and secrets in what they say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Live, started, until

TASKS = """
import os

from hairtrigger import logger, task

AT_IMPORT = os.environ.get("GREETING", "")


@task
async def tell() -> str:
    print("printed", os.environ["TOKEN"])
    logger.info("logged", {"token": os.environ["TOKEN"], "quoted": 'a "' + os.environ["QUOTED"]})
    return AT_IMPORT + " " + os.environ["SHORT"]


@task
async def fall() -> None:
    raise ValueError("the token is " + os.environ["TOKEN"])
"""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    (tmp_path / "trigger").mkdir()
    (tmp_path / "trigger" / "tasks.py").write_text(TASKS)
    (tmp_path / "trigger_config.py").write_text(
        "from hairtrigger import define_config\n\nconfig = define_config()\n"
    )
    (tmp_path / "server").mkdir()
    with started(tmp_path / "server") as live:
        yield live


def test_variables_are_there_at_import_and_secrets_are_not_in_logs_or_errors(
    live: Live, tmp_path: Path
) -> None:
    place = f"/api/v1/projects/{live.get('/api/v1/whoami')['project']}/envvars/dev"
    live.post(place, {"name": "GREETING", "value": "hello"})
    secrets = {"TOKEN": "s3cr3t-token", "SHORT": "abc", "QUOTED": 'it\'s "so"\\'}
    live.post(f"{place}/import", {"variables": secrets, "isSecret": True})
    live.start_worker(tmp_path, "--processes", "1", GREETING="of the worker", TOKEN="none")

    told, fell = (live.post(f"/api/v1/tasks/{task}/trigger", {})["id"] for task in ("tell", "fall"))
    until(
        lambda: all(live.get(f"/api/v3/runs/{one}")["isCompleted"] for one in (told, fell)),
        "the ends",
    )

    assert live.get(f"/api/v3/runs/{told}")["output"] == "hello abc"
    lines = {one["message"]: one for one in live.events(told)}
    assert "printed <redacted>" in lines
    assert lines["logged"]["attributes"] == {"token": "<redacted>", "quoted": 'a "<redacted>'}
    error = live.get(f"/api/v3/runs/{fell}")["error"]
    assert error["message"] == "the token is <redacted>"
    assert "s3cr3t" not in str(error)
