"""``worker --deployed``: a worker for each version that is deployed, with the code that was deployed."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hairtrigger.cli.problems import INTERRUPTED, TERMINATED

if TYPE_CHECKING:
    from hairtrigger.sdk.settings import Settings

EXITS = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


def default_cache() -> Path:
    """Where code and environments are kept unless somebody says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hairtrigger"


async def follow(
    settings: "Settings", cache: Path, words: Sequence[str], health_port: int | None
) -> int:
    """Run what is deployed until a signal; gives its exit code.

    Args:
        words: The options of every worker.
    """
    from hairtrigger.worker.deployed import Deployed

    def command(python: Path, version: str) -> list[str]:
        return [
            str(python), "-P", "-m", "hairtrigger", "worker", "--version", version, "--no-promote",
            "--with-parent", str(os.getpid()), *words,
        ]  # fmt: skip

    deployed, exits = Deployed(settings, cache, command), list[int]()

    def ended(code: int) -> None:
        exits.append(code)
        deployed.stop()

    loop = asyncio.get_running_loop()
    for number, code in EXITS.items():
        loop.add_signal_handler(number, ended, code)
    await deployed.run(health_port)
    return exits[0] if exits else 0
