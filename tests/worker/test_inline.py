import sys
from pathlib import Path

import pexpect
import pytest

_BODIES = """
from hairtrigger.sdk.decorators import task

@task
async def on_loop(payload: dict):
    x = payload["a"] + 1
    breakpoint()
    return x

@task
def on_thread(payload: dict):
    x = payload["a"] + 1
    breakpoint()
    return x
"""


@pytest.mark.acceptance("S47")
def test_a_breakpoint_opens_a_usable_prompt_and_does_not_fail_the_run(tmp_path: Path) -> None:
    (tmp_path / "trigger").mkdir()
    (tmp_path / "trigger" / "bodies.py").write_text(_BODIES)
    words = ["-m", "tests.worker.inline_worker", str(tmp_path), "on-loop", "on-thread"]
    terminal = pexpect.spawn(sys.executable, words, timeout=20, encoding="utf-8")

    for task in ("on-loop", "on-thread"):
        terminal.expect(r"\(Pdb\) ")
        terminal.sendline("p x * 1000")
        terminal.expect("42000")
        terminal.expect(r"\(Pdb\) ")
        terminal.sendline("c")
        terminal.expect_exact(f"{task} gave ('application/json', '42')")

    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
