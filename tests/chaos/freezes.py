"""Processes that are frozen for longer than their lease, and wake up."""

import os
import signal
import time

from tests.chaos.scenario import scenario
from tests.chaos.scene import LEASE_S, Scene, said
from tests.running import until

STOPS_WITHIN_S = 10.0  # of a zombie's code, after it woke up


@scenario()
def freeze_a_worker(scene: Scene) -> None:
    """A worker sleeps past its lease: its runs go on elsewhere, and what it reports on waking is refused."""
    for _ in range(scene.times(1, 15)):
        with scene.load():
            victim = scene.live.workers[0]
            _freeze(scene, victim.popen.pid)
            scene.look()


def _freeze(scene: Scene, pid: int) -> None:
    victim = next(one for one in scene.live.workers if one.popen.pid == pid)
    runs = scene.trigger("steady", 12, 3.0) + scene.trigger("once", 12, 3.0)
    until(lambda: len(scene.begun(runs)) == len(runs), "all runs to begin")
    pids = scene.freeze(victim)
    refused = len(said(list(scene.live.servers.values()), "report.refused"))
    held = [one for one in scene.begun(runs) if one.how == "frozen"]
    assert held, "saw too little: the worker held nothing"
    again = {one.run for one in held if one.task != "once"}
    time.sleep(LEASE_S * 1.5)
    until(
        lambda: all(len(scene.begun([run])) > 1 for run in again),
        "the runs to begin elsewhere", limit_s=LEASE_S + 5,
    )  # fmt: skip
    for one in pids:
        os.kill(one, signal.SIGCONT)
    woke_at = time.monotonic()
    until(
        lambda: not [one for one in scene.ledger.executions() if one.how == "frozen"],
        "the zombie's code to stop", limit_s=STOPS_WITHIN_S,
    )  # fmt: skip
    scene.figures["zombie stopped after s"] = round(time.monotonic() - woke_at, 2)
    until(lambda: scene.archive.stored().keys() >= set(runs), "these runs to end")
    stored, zombies = scene.look(), {one.name for one in held}
    won = [one.run for one in held if stored[one.run].output in zombies]
    scene.figures["taken from it"] = len(held)
    assert not won, f"a zombie finished {won}"
    servers = list(scene.live.servers.values())
    scene.figures["refused"] = len(said(servers, "report.refused")) - refused


UNLOCKED_S = 3.0  # until PostgreSQL ends the transaction of a server that froze in it


@scenario("postgres", servers=2, lease_s=6.0)
def freeze_a_server(scene: Scene) -> None:
    """One of two servers sleeps for two leases and wakes up: the other serves, and it does no harm."""
    with scene.load():
        for _ in range(scene.times(1, 15)):
            port = scene.luck.choice(scene.ports)
            server = scene.server(port)
            os.kill(server.popen.pid, signal.SIGSTOP)
            scene.door.targets = [one for one in scene.ports if one != port]  # it fails its probes
            longest_s = _beginnings(scene, 2 * scene.lease_s)
            scene.figures["longest pause s"] = round(longest_s, 2)
            os.kill(server.popen.pid, signal.SIGCONT)
            scene.door.targets = scene.ports
            scene.busy()
            scene.look()
    assert longest_s < UNLOCKED_S + 3, (
        f"nothing began for {longest_s:.1f} s although a server was there"
    )


def _beginnings(scene: Scene, for_s: float) -> float:
    """Watch for a while; gives the longest time in which nothing began, in seconds."""
    end, last, longest_s, size = time.monotonic() + for_s, time.monotonic(), 0.0, scene.ledger.size
    while (now := time.monotonic()) < end:
        if scene.ledger.size != size:
            size, last = scene.ledger.size, now
        longest_s = max(longest_s, now - last)
        time.sleep(0.01)
    return longest_s
