"""The Python that a version's code runs on: made by uv from the project's own lock or requirements.

Versions with the same requirements share one. A project that names none runs on the worker's own Python;
hairtrigger itself is the worker's own, too, unless the project brings one.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

from hairtrigger.errors import ProjectError

INSTALL_S = 1_800.0
_DONE = ".complete"
_LAST_LINES = 12
# Whether an environment lacks hairtrigger, and where its packages are.
_LOOK = """
import importlib.util, json, sysconfig
print(json.dumps([importlib.util.find_spec("hairtrigger") is None, sysconfig.get_path("purelib")]))
"""


def python_for(project: Path, cache: Path) -> Path:
    """The interpreter for the code in a directory; what it needs is installed when it is the first to need it.
    Blocks for as long as that takes.

    Args:
        cache: Where environments are kept, for all projects and processes of this machine.
    Raises:
        ProjectError: it cannot be installed, with the installer's last words.
    """
    wanted = _wanted(project)
    if wanted is None:
        return Path(sys.executable)
    kind, files = wanted
    directory = cache / _name(kind, files)
    python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    with _alone(directory):
        if not (directory / _DONE).exists():
            shutil.rmtree(directory, ignore_errors=True)
            _install(kind, project, directory, python)
            _lend(python)
            (directory / _DONE).touch()
    return python


def _wanted(project: Path) -> tuple[str, list[Path]] | None:
    """What says which packages a project needs, and how it is read; None when nothing does."""
    lock, pyproject = project / "uv.lock", project / "pyproject.toml"
    requirements = project / "requirements.txt"
    if lock.is_file() and pyproject.is_file():
        return "lock", [lock, pyproject]
    if requirements.is_file():
        return "requirements", [requirements]
    if pyproject.is_file() and _dependencies(pyproject):
        return "pyproject", [pyproject]
    return None


def _dependencies(pyproject: Path) -> list[str]:
    try:
        found = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"pyproject.toml cannot be read: {error}.") from None
    named: list[str] = found.get("project", {}).get("dependencies", [])
    return named


def _name(kind: str, files: list[Path]) -> str:
    """A name that equal requirements on equal Pythons have in common; those that name files of the project are its
    own (``-r``, ``-e``, ``./``)."""
    digest = hashlib.sha256(f"{kind}\0{sys.version}\0{sys.prefix}\0".encode())
    for file in files:
        body = file.read_bytes()
        digest.update(hashlib.sha256(body).digest())
        if kind != "lock" and any(
            mark in body for mark in (b"-r ", b"-c ", b"-e ", b"./", b"file:")
        ):
            digest.update(str(file.parent).encode())
    return digest.hexdigest()[:24]


def _install(kind: str, project: Path, directory: Path, python: Path) -> None:
    uv = _uv()
    if kind == "lock":
        if uv is None:
            raise ProjectError(
                "The project has a uv.lock, and there is no uv here. Install it beside the worker: "
                'pip install "hairtrigger[deploy]".'
            )
        _run(
            [uv, "sync", "--frozen", "--no-dev", "--no-install-project", "--python", sys.executable], project,
            {"UV_PROJECT_ENVIRONMENT": str(directory)},
        )  # fmt: skip
        return
    source = ["-r", "requirements.txt" if kind == "requirements" else "pyproject.toml"]
    if uv is not None:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(directory)], project, {})
        _run([uv, "pip", "install", "--quiet", "--python", str(python), *source], project, {})
        return
    _run([sys.executable, "-m", "venv", str(directory)], project, {})
    if kind == "pyproject":
        source = _dependencies(project / "pyproject.toml")
    _run([str(python), "-m", "pip", "install", "--quiet", *source], project, {})


def _uv() -> str | None:
    """The program uv: that of our extra, else one that the system has."""
    if importlib.util.find_spec("uv") is not None:
        import uv

        with contextlib.suppress(FileNotFoundError):
            return str(uv.find_uv_bin())
    return shutil.which("uv")


def _run(command: list[str], project: Path, more: dict[str, str]) -> None:
    environ = {
        k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "TRIGGER_SECRET_KEY")
    }
    try:
        done = subprocess.run(  # noqa: S603 (uv or pip, with the project's own requirements)
            command, cwd=project, env=environ | more, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=INSTALL_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ProjectError(f"{Path(command[0]).name} took longer than {INSTALL_S:.0f} s.") from None
    except OSError as error:
        raise ProjectError(f"{command[0]} cannot be started: {error}.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:]
        raise ProjectError("\n".join(["What the project needs cannot be installed:", *said]))


def _lend(python: Path) -> None:
    """Let an environment without hairtrigger find the worker's own, after all that it has itself."""
    done = subprocess.run(  # noqa: S603 (the interpreter just made)
        [str(python), "-I", "-c", _LOOK], capture_output=True, text=True, check=True
    )
    lacks, packages = json.loads(done.stdout)
    if lacks:
        ours = dict.fromkeys([sysconfig.get_path("purelib"), *site.getsitepackages()])
        lines = [f"import site; site.addsitedir({directory!r})" for directory in ours]
        (Path(packages) / "zz-hairtrigger.pth").write_text("\n".join(lines) + "\n")


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One process at a time makes an environment."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
