"""The demonstration: everything that it shows ends as it should, and nothing is left running."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.docs.blocks import ROOT


@pytest.mark.slow
@pytest.mark.acceptance("S01", "S02", "S04", "S90")
def test_the_demonstration_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    env = os.environ | {"TMPDIR": str(tmp_path)}

    ran = subprocess.run(
        [sys.executable, "examples/demo"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.findall(r"^(ok |BAD) ", ran.stdout, re.MULTILINE) == ["ok "] * 9
    assert "Every run ended as it should." in ran.stdout
    assert list(tmp_path.iterdir()) == []
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(one.info)]


@pytest.mark.slow
def test_what_is_kept_answers_until_it_is_stopped(tmp_path: Path) -> None:
    env = os.environ | {"TMPDIR": str(tmp_path)}

    ran = subprocess.run(
        [sys.executable, "examples/demo", "--keep"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip

    url = re.search(r"Still up: (\S+)", ran.stdout)
    pids = re.search(r"Stop it:  kill (\d+) (\d+)", ran.stdout)
    assert url, ran.stdout + ran.stderr
    assert pids, ran.stdout
    processes = [psutil.Process(int(pid)) for pid in pids.groups()]
    try:
        assert all(one.is_running() for one in processes)
    finally:
        for one in reversed(processes):
            one.terminate()
        _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive
