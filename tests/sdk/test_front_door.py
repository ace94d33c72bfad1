"""``import hairtrigger``: everything public, nothing paid for before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hairtrigger


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout


def test_every_name_for_type_checkers_is_there_at_run_time() -> None:
    tree = ast.parse(Path(hairtrigger.__file__ or "").read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    shown = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert set(shown) == set(dir(hairtrigger))
    for name, origin in shown.items():
        module = origin.rpartition(".")[0]
        assert getattr(hairtrigger, name) is getattr(sys.modules[module], name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        hairtrigger.nothing_like_it  # type: ignore[attr-defined]  # noqa: B018 (planted)


@pytest.mark.acceptance("S17")
def test_importing_loads_nothing_and_declaring_a_task_starts_nothing() -> None:
    loaded = run(
        "import sys; before = set(sys.modules); import hairtrigger\n"
        "print(*[m for m in set(sys.modules) - before if m.startswith('hairtrigger.')])"
    )
    assert loaded.split() == []

    heavy = run(
        "import socket, sys, threading\n"
        "def refuse(*_): raise AssertionError('a socket')\n"
        "socket.socket.__init__ = refuse\n"
        "from hairtrigger import task, schedules, logger, runs, define_config\n"
        "@task\nasync def add(payload: int) -> int: return payload\n"
        "assert threading.active_count() == 1\n"
        "print(*[m for m in ('aiohttp', 'urllib3', 'pydantic', 'jwt', 'dotenv', 'yarl')"
        " if m in sys.modules])"
    )
    assert heavy.split() == []
