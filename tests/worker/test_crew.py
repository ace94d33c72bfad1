"""The children of a worker: who takes whose place."""

import asyncio

from hairtrigger.worker.crew import Crew
from hairtrigger.worker.process import Child, Guard
from hairtrigger.worker.settings import WorkerSettings
from tests.worker.conftest import PROJECT


async def test_children_that_were_killed_at_the_end_are_not_replaced() -> None:
    guard, emptied = Guard(), asyncio.Event()

    def gone(child: Child) -> None:
        crew.gone(child)
        if crew.is_empty:
            emptied.set()

    settings = WorkerSettings(url="", key="tr_dev_test", project_dir=PROJECT, processes=1)
    crew = Crew(
        settings,
        guard,
        variables={},
        on_lines=lambda *_: None,
        on_ended=lambda *_: None,
        on_gone=gone,
    )
    try:
        await crew.open()
        crew.fill("dev")

        crew.kill()

        await asyncio.wait_for(emptied.wait(), 15)
        for _ in range(3):  # turns of the loop: in the first one a start would begin
            await asyncio.sleep(0)
        assert crew.is_empty
    finally:
        await crew.close()
        guard.close()
