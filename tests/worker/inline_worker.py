"""A worker that keeps the terminal: the program that ``test_inline.py`` talks to."""

import asyncio
import sys
from pathlib import Path

from hairtrigger.worker.settings import WorkerSettings
from hairtrigger.worker.supervisor import Supervisor
from tests.worker.protocol_server import serving


async def main(project: Path) -> None:
    """Run one run of each task in ``project``, and say what came of it."""
    async with serving() as server:
        settings = WorkerSettings(
            url=server.url, key="tr_dev_test", project_dir=project, state_dir=project / "state",
            processes=1, inline=True,
        )  # fmt: skip
        supervisor = Supervisor(settings)
        working = asyncio.create_task(supervisor.run())
        for task in sys.argv[2:]:
            # a limit that any pause is beyond
            result = await server.result(server.add(task, {"a": 41}, max_duration_ms=50), 60)
            print(task, "gave", result.done, flush=True)
        supervisor.kill()
        await working


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
