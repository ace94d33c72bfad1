"""Completion scripts: valid in their shell, complete, and static."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import program


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_valid_and_names_every_command(tmp_path: Path, shell: str) -> None:
    done = program("completion", shell)

    file = tmp_path / "script"
    file.write_text(done.stdout)
    assert done.returncode == 0, done.stderr
    for name in ("doctor", "schedules", "queues", "replay", "idempotency-key"):
        assert name in done.stdout
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n", str(file)], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr


def test_bash_completes_commands_options_and_ids_that_were_seen(tmp_path: Path) -> None:
    script = tmp_path / "ht.bash"
    script.write_text(program("completion", "bash").stdout)
    seen = tmp_path / ".hairtrigger" / "completion"
    seen.mkdir(parents=True)
    (seen / "tasks").write_text("send-welcome-email\n")

    def complete(*words: str) -> list[str]:
        line = " ".join(f"'{word}'" for word in ("ht", *words))
        asked = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _hairtrigger; "
        shown = subprocess.run(
            ["bash", "-c", asked + 'printf "%s\\n" "${COMPREPLY[@]}"'],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return shown.stdout.split()

    (seen / "queues").write_text("emails\ntask/send\n")
    assert complete("sch") == ["schedules"]
    assert complete("queues", "pa") == ["pause"]
    assert complete("queues", "pause", "em") == ["emails"]
    assert complete("queues", "limit", "ta") == ["task/send"]
    assert complete("schedules", "pa") == ["pause"]
    assert complete("runs", "list", "--sta") == ["--status"]
    assert complete("trigger", "send") == ["send-welcome-email"]
