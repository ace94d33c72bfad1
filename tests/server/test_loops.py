import asyncio
from typing import Any

from hairtrigger.server import loops
from hairtrigger.store.watch import Watch


async def test_a_verb_that_fails_is_told_and_called_again(
    told: list[tuple[str, dict[str, Any]]], monkeypatch: Any
) -> None:
    monkeypatch.setattr(loops, "FIRST_PAUSE_MS", 1)
    calls, enough = 0, asyncio.Event()

    async def verb() -> int:
        nonlocal calls
        calls += 1
        if calls <= 3:
            raise OSError("disk full")
        enough.set()
        return 60_000

    task = asyncio.create_task(loops.repeat("verb", verb))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    failures = [facts for name, facts in told if name == "tick.failed"]
    assert [facts["loop"] for facts in failures] == ["verb"] * 3
    assert failures[0]["error"] == "OSError: disk full"


async def test_a_verb_is_called_again_when_it_says_so() -> None:
    calls, enough = 0, asyncio.Event()

    async def verb() -> int:
        nonlocal calls
        calls += 1
        if calls == 5:
            enough.set()
            return 60_000
        return 0

    task = asyncio.create_task(loops.repeat("verb", verb))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert calls == 5


async def test_a_stopping_server_does_not_call_a_watched_verb_without_pause() -> None:
    watched, calls = Watch(), 0

    async def verb() -> int:
        nonlocal calls
        calls += 1
        return 60_000

    task = asyncio.create_task(loops.repeat("verb", verb, watched))
    await asyncio.sleep(0)
    watched.close()
    for _ in range(100):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert calls == 2  # once more when it was told of the end
