"""Loads a project in a process of its own and says what it holds, as one line of JSON: for ``doctor`` and
``deploy``.

Started as ``python -P -m hairtrigger.cli.indexing DIRECTORY``: task code may do anything to its process.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_PATIENCE_S = 60


def index(root: Path) -> dict[str, Any]:
    """What a project holds: ``project``, ``config``, ``tasks`` (ids), ``manifests`` of them as a server takes
    them, ``contentHash``, and ``problems`` (file, line, error, context)."""
    command = [sys.executable, "-P", "-m", "hairtrigger.cli.indexing", str(root)]
    try:
        done = subprocess.run(  # noqa: S603 (our own module)
            command, capture_output=True, text=True, timeout=_PATIENCE_S, cwd=root, check=False
        )
    except subprocess.TimeoutExpired:
        return _broken(f"Loading the project takes longer than {_PATIENCE_S} s.")
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return _broken(f"The process that loaded the project died: {last}")
    found = json.loads(lines[-1])
    assert isinstance(found, dict)
    return found


def _broken(error: str) -> dict[str, Any]:
    problem = {"file": "", "line": 0, "error": error, "context": ""}
    return {"project": "", "config": None, "tasks": [], "manifests": [], "contentHash": "",
            "problems": [problem]}  # fmt: skip


def main() -> None:
    """Load the project whose directory is the first argument."""
    import msgspec

    from hairtrigger.cli.output import Output
    from hairtrigger.worker.loader import load

    with contextlib.redirect_stdout(sys.stderr):
        project = load(Path(sys.argv[1]))
    problems = [
        {"file": p.file, "line": p.line, "error": p.error, "context": p.context}
        for p in project.problems
    ]
    path = project.config.path
    Output().ndjson(
        {
            "project": project.config.project,
            "config": None if path is None else str(path),
            "tasks": sorted(project.tasks),
            "manifests": msgspec.to_builtins(project.manifests),
            "contentHash": project.content_hash,
            "problems": problems,
        }
    )


if __name__ == "__main__":
    main()
