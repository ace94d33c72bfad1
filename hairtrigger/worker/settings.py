"""What a worker is told when it starts."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from hairtrigger.sdk.settings import find_branch


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _state_dir() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "hairtrigger" / "workers"


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """One worker: a supervisor and its child processes.

    Args:
        url: Where the server is, without a path.
        key: The secret key of the environment whose runs are wanted.
        project_dir: The project's root: where its configuration and its task folders are.
        branch: Of that environment, whose runs are wanted instead; by default the one that the environment names.
        slots: How many runs go on at once, over all processes.
        processes: How many child processes share them; by default one for each CPU.
        name: For people, in lists of workers; by default host and process id.
        version: Of the code, ``YYYYMMDD.N``; empty lets the server choose.
        promote: Make this code's version the current one; else it waits to be promoted.
        queues: Serve these only; none means all.
        drain_timeout_s: How long runs may go on after the first SIGTERM before they are handed back.
        kill_grace_s: How long an interrupted body may take to stop before its process is killed.
        health_port: Answer ``GET /healthcheck`` there (200 while connected, else 503).
        echo: Whether what tasks print and log is also written to this terminal.
        inline: One process that keeps the terminal, for ``breakpoint()``.
        tolerant: Whether to start although some of the code cannot be loaded.
        state_dir: Where the lock files of sessions are, which tell later workers who is dead.
    """

    url: str
    key: str
    project_dir: Path
    branch: str | None = field(default_factory=find_branch)
    slots: int = 16
    processes: int = field(default_factory=_cpus)
    name: str = ""
    version: str = ""
    promote: bool = True
    queues: tuple[str, ...] = ()
    drain_timeout_s: float = 30.0
    kill_grace_s: float = 5.0
    health_port: int | None = None
    echo: bool = True
    inline: bool = False
    tolerant: bool = False
    state_dir: Path = field(default_factory=_state_dir)
