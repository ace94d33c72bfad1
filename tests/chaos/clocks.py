"""Clocks that are wrong, and clocks that jump."""

import struct
import time
from pathlib import Path

from tests.chaos.scenario import scenario
from tests.chaos.scene import Scene, said
from tests.running import free_port, until

HOUR_S = 3600.0
WRONG_CLOCK = Path(__file__).parent / "clock"
DELAY_S = 2


class Watch:
    """The clock of a process, wrong by so many seconds."""

    def __init__(self, path: Path, wrong_by_s: float) -> None:
        self._path = path
        self.set(wrong_by_s)

    def set(self, wrong_by_s: float) -> None:
        """From now on, also for the process that has it already."""
        if not self._path.exists():
            self._path.write_bytes(bytes(8))
        with self._path.open("r+b") as file:
            file.write(struct.pack("d", wrong_by_s))

    @property
    def environ(self) -> dict[str, str]:
        return {"PYTHONPATH": str(WRONG_CLOCK), "CLOCK_FILE": str(self._path)}


@scenario("postgres", servers=0, workers=0)
def wrong_clocks(scene: Scene) -> None:
    """Servers and workers an hour early, an hour late, and jumping: PostgreSQL's clock decides everything."""
    early, late = _watch(scene, "early", -HOUR_S), _watch(scene, "late", HOUR_S)
    scene.start_server(0, **early.environ)
    scene.start_server(free_port(), **late.environ)
    scene.start_worker(**late.environ)
    scene.start_worker(**early.environ)
    with scene.load():
        for n in range(scene.times(2, 10)):
            _delayed(scene)
            late.set(-HOUR_S if n % 2 else 2 * HOUR_S)
            early.set(HOUR_S if n % 2 else -2 * HOUR_S)
            scene.busy()
            scene.look()
    assert not said(list(scene.live.servers.values()), "lease.lost"), "a lease was lost"


@scenario("sqlite", clock_jumps=True, servers=0, workers=0)
def jumping_clock(scene: Scene) -> None:
    """SQLite's clock is its server's: when it jumps by two hours, no lease is lost and nothing is doubled."""
    clock, other = _watch(scene, "server", -HOUR_S), _watch(scene, "worker", HOUR_S)
    server = scene.start_server(0, **clock.environ)
    for _ in range(2):
        scene.start_worker(**other.environ)
    with scene.load():
        _delayed(scene)
        for wrong_by_s in (HOUR_S, -HOUR_S) * scene.times(1, 5):
            jumps = len(said([server], "clock.jumped"))
            clock.set(wrong_by_s)
            until(
                lambda jumps=jumps: len(said([server], "clock.jumped")) > jumps,  # type: ignore[misc]
                "the jump to be noticed",
            )  # fmt: skip
            scene.busy()
            scene.look()
        _delayed(scene)
    assert not said([server], "lease.lost"), "a lease was lost"


def _delayed(scene: Scene) -> None:
    """Delayed runs begin in time by a true clock."""
    asked_at = time.monotonic()
    runs = scene.trigger("steady", 5, 0.0, delay=f"{DELAY_S}s")
    until(lambda: len(scene.begun(runs)) == len(runs), "the delayed runs to begin")
    waited_s = [one.began / 1e9 - asked_at for one in scene.begun(runs)]
    scene.figures["delayed by s"] = f"{min(waited_s):.2f} to {max(waited_s):.2f}"
    assert min(waited_s) >= DELAY_S, f"a run that was delayed by {DELAY_S} s began early"
    assert max(waited_s) < DELAY_S + 2, f"a run that was delayed by {DELAY_S} s began late"


def _watch(scene: Scene, name: str, wrong_by_s: float) -> Watch:
    return Watch(scene.live.directory / f"{name}.clock", wrong_by_s)
