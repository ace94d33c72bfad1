"""Notices what is saved: task code and what it imports, the configuration and ``.env`` files."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch
from watchfiles.main import FileChange

DEBOUNCE_MS = 50
Tell = Callable[[set[FileChange]], Awaitable[None]]
_CONFIGS = ("trigger_config.py", "pyproject.toml")
_NOT_OURS = {"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__"}


class _Saved(DefaultFilter):
    """Python files, the configuration and ``.env`` files; nothing of tools, caches and environments."""

    def __init__(self, root: Path) -> None:
        super().__init__(ignore_paths=[root / ".hairtrigger"])
        self._root = root

    def __call__(self, change: Change, path: str) -> bool:
        file = Path(path)
        if file.parent == self._root and (file.name in _CONFIGS or file.name.startswith(".env")):
            return True
        return file.suffix == ".py" and super().__call__(change, path)


async def watch(
    root: Path, task_dirs: list[Path], on_saved: Callable[[list[Path]], Awaitable[None]]
) -> None:
    """Call ``on_saved`` with the files that were saved, each time some were, until cancelled.

    What git ignores is left out. Nothing that is saved while ``on_saved`` works is missed.
    """
    wanted = _Saved(root)

    async def tell(changes: set[FileChange]) -> None:
        files = sorted({Path(path) for change, path in changes if wanted(change, path)})
        if files := await asyncio.to_thread(_not_ignored, root, files):
            await on_saved(files)

    async with asyncio.TaskGroup() as group:
        if task_dirs:
            group.create_task(_watch_tasks(task_dirs, tell))
        group.create_task(_watch_around(root, task_dirs, tell))


async def _watch_tasks(task_dirs: list[Path], tell: Tell) -> None:
    """Task directories with everything below them, also what is yet to be made there."""
    async for changes in awatch(
        *task_dirs, watch_filter=None, debounce=DEBOUNCE_MS, step=DEBOUNCE_MS
    ):
        await tell(changes)


async def _watch_around(root: Path, task_dirs: list[Path], tell: Tell) -> None:
    """The rest of the project's code, one directory at a time: not its environments and caches."""
    while True:
        folders = _folders(root, task_dirs)
        async for changes in awatch(
            *folders, watch_filter=None, debounce=DEBOUNCE_MS, step=DEBOUNCE_MS, recursive=False
        ):
            await tell(changes)
            if (now := _folders(root, task_dirs)) != folders:
                # what was written into a new one before it is watched
                new = [file for path in now if path not in folders for file in path.glob("*.py")]
                await tell({(Change.added, str(file)) for file in new})
                break


def _folders(root: Path, task_dirs: list[Path]) -> list[Path]:
    """The root and every directory with code below it that is not part of a task directory."""
    found, waiting = [root], [root]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path.is_dir() and _is_code(path) and path not in task_dirs:
                found.append(path)
                waiting.append(path)
    return found


def _is_code(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.name in _NOT_OURS or path.is_symlink()
    return not hidden and not (path / "pyvenv.cfg").exists()


def _not_ignored(root: Path, files: list[Path]) -> list[Path]:
    """The files without those that git ignores; ``.env`` files are ignored by git and wanted by us."""
    asked = [path for path in files if not path.name.startswith(".env")]
    if not asked:
        return files
    try:
        answer = subprocess.run(  # noqa: S603 (the files are arguments of git, never of a shell)
            ["git", "check-ignore", "--", *map(str, asked)],  # noqa: S607 (git is wherever it is)
            cwd=root, capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return files
    ignored = set(answer.stdout.splitlines())
    return [path for path in files if str(path) not in ignored]
