"""Far more than a server can take."""

import asyncio
import collections
import json
import threading
import time
from dataclasses import dataclass, field

import aiohttp
import psutil

from tests.chaos.scenario import scenario
from tests.chaos.scene import Scene, said
from tests.running import until

CALLERS, RUNS, PAYLOAD = 150, 30, "x" * 1_000
MEMORY_MIB, NORMAL_S = 300, 10.0
MAX_CONNECTIONS = 64
SLOWEST = 1_000  # runs a second that the workers of a scene, few slots and all, work off at least


@dataclass
class Flood:
    """Callers that trigger as fast as they can and never wait."""

    url: str
    key: str
    answers: collections.Counter[str] = field(default_factory=collections.Counter)
    accepted: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)

    def run(self, for_s: float) -> None:
        """Flood for a while, on a loop of its own."""
        asyncio.run(self._flood(time.monotonic() + for_s))

    async def _flood(self, end: float) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        body = json.dumps([{"task": "nothing", "payload": PAYLOAD, "options": {"ttl": 0}}] * RUNS)
        connector = aiohttp.TCPConnector(limit=CALLERS)
        timeout = aiohttp.ClientTimeout(total=60)
        async with (
            aiohttp.ClientSession(headers=headers, connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(CALLERS):
                group.create_task(self._call(session, body, end))

    async def _call(self, session: aiohttp.ClientSession, body: str, end: float) -> None:
        while (began := time.monotonic()) < end:
            try:
                async with session.post(
                    f"{self.url}/api/hairtrigger/v1/triggers", data=body
                ) as answer:
                    text = await answer.text()
            except aiohttp.ClientError as error:
                self.answers[type(error).__name__] += 1
                continue
            self.answers[str(answer.status)] += 1
            if answer.status == 200:
                self.waited_s.append(time.monotonic() - began)
                self.accepted += [one["id"] for one in json.loads(text)]
            elif answer.status not in (429, 503) or "retry-after" not in answer.headers:
                self.wrong.append(f"{answer.status} {dict(answer.headers)} {text[:100]}")


@scenario(HAIRTRIGGER_MAX_CONNECTIONS=str(MAX_CONNECTIONS), lease_s=15.0)
def overload(scene: Scene) -> None:
    """Far more than the server can take: it says so, serves workers all the same, and keeps its size."""
    server = scene.server(scene.live.port)
    process = psutil.Process(server.popen.pid)
    flood = Flood(scene.live.url, scene.live.dev_key)
    with scene.load():
        before = most = process.memory_info().rss
    thread = threading.Thread(target=flood.run, args=(scene.times(3, 20),))
    thread.start()
    while thread.is_alive():
        most = max(most, process.memory_info().rss)
        thread.join(0.05)
    ended_at = time.monotonic()
    with scene.load():
        normal_s = time.monotonic() - ended_at
    flood.waited_s.sort()
    scene.figures |= {
        "answers": dict(flood.answers),
        "normal after s": round(normal_s, 1),
        "runs accepted": len(flood.accepted),
        "memory MiB": round((most - before) / 2**20),
        "p99 s": round(flood.waited_s[int(len(flood.waited_s) * 0.99)], 2),
    }
    patience = 60 + len(flood.accepted) / SLOWEST
    until(lambda: scene.archive.unfinished() < 100, "the flood to be worked off", limit_s=patience)
    scene.rest()
    lost = set(flood.accepted) - scene.archive.stored().keys()
    assert not flood.wrong, f"refused in another way than 503 and 429: {flood.wrong[0]}"
    assert flood.answers["503"] + flood.answers["429"], "saw too little: nobody was refused"
    assert normal_s < NORMAL_S, f"it took {normal_s:.1f} s to be normal again"
    assert not lost, f"{len(lost)} accepted runs are lost"
    assert most - before < MEMORY_MIB * 2**20, f"memory grew by {(most - before) / 2**20:.0f} MiB"
    assert not said(scene.live.workers, "Lost the server"), "a worker was refused"
    assert not said([server], "lease.lost"), "a lease was lost"
