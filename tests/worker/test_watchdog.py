import asyncio
import threading
import time

from hairtrigger.worker.watchdog import Watchdog


async def test_a_loop_that_stands_still_is_told_of_once_with_task_and_stack() -> None:
    told: list[tuple[object, str]] = []
    freed = threading.Event()
    loop = asyncio.get_running_loop()
    watchdog = Watchdog(
        loop,
        is_busy=lambda: not freed.is_set(),
        on_blocked=lambda seconds, task, stack: told.append((task, stack)),
        on_free=freed.set,
        patience_s=0.1,
    )

    watchdog.start()
    await asyncio.sleep(0)
    time.sleep(0.5)  # this is the fault: the loop stands still
    await asyncio.to_thread(freed.wait, 5)

    assert len(told) == 1
    assert told[0][0] is asyncio.current_task()
    assert "time.sleep(0.5)" in told[0][1]
