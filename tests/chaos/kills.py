"""Kill -9 of every kind of process, under load."""

import time

from tests.chaos.scenario import scenario
from tests.chaos.scene import LEASE_S, Scene
from tests.running import until


@scenario()
def kill_children(scene: Scene) -> None:
    """Children are killed in work: their runs go on at once, in other processes."""
    with scene.load():
        for _ in range(scene.times(4, 50)):
            scene.busy()
            scene.pause(0.2)
            scene.kill_child()
            scene.look()
        scene.busy()
    saw_victims(scene)


@scenario()
def kill_workers(scene: Scene) -> None:
    """Whole workers are killed, their children with them; others take over."""
    with scene.load():
        for _ in range(scene.times(2, 50)):
            scene.busy()
            scene.pause(0.2)
            scene.kill_worker(scene.luck.choice(scene.live.workers))
            scene.look()
            scene.start_worker()
        scene.busy()
    saw_victims(scene)


@scenario("sqlite")
def kill_the_server(scene: Scene) -> None:
    """The only server is killed and started again: workers keep their runs meanwhile."""
    with scene.load():
        for _ in range(scene.times(3)):
            scene.busy()
            scene.pause(0.2)
            scene.server(scene.live.port).kill()
            scene.start_server()
            scene.look()
        scene.busy()


@scenario("postgres", servers=2)
def kill_a_server_of_two(scene: Scene) -> None:
    """One of two servers is killed: the other goes on at once."""
    longest_s = 0.0
    with scene.load():
        for _ in range(scene.times(3)):
            port = scene.luck.choice(scene.ports)
            scene.pause(0.3)
            scene.server(port).kill()
            killed_at = time.monotonic()
            scene.busy()
            longest_s = max(longest_s, time.monotonic() - killed_at)
            scene.start_server(port)
            scene.look()
        scene.busy()
    scene.figures["next beginning after s"] = round(longest_s, 2)
    assert longest_s < 3, f"the other server took {longest_s:.1f} s to go on"


def saw_victims(scene: Scene) -> None:
    """The scenario must have interrupted work."""
    dead = [one for one in scene.ledger.executions() if one.how == "dead"]
    scene.figures["interrupted"] = len(dead)
    assert dead, "saw too little: nobody was killed in work"


RUNS = 20
START_S = 2.0  # of those 3, at most, that the start of a worker may count for


@scenario(workers=0)
def recover(scene: Scene) -> None:
    """A worker with 20 runs in work is killed: they go on within 3 s of its restart, else after the lease."""
    host = {"XDG_STATE_HOME": f"{scene.live.directory}/host"}  # where a worker knows its dead by
    for way, limit_s in (("on its host", 3.0), ("elsewhere", LEASE_S + 2.0)):
        victim = scene.start_worker("--slots", "32", **host)
        gate = scene.live.directory / f"gate {way}".replace(" ", "-")
        runs = scene.trigger("gated", RUNS, key=str(gate))
        _until_begun(scene, runs, RUNS)
        if way == "elsewhere":
            scene.start_worker("--slots", "32", XDG_STATE_HOME=f"{scene.live.directory}/other")
        killed_at = scene.kill_worker(victim)
        started_at = killed_at
        if way == "on its host":
            scene.start_worker("--slots", "32", **host)
            started_at = max(killed_at, time.monotonic() - START_S)  # a slow machine starts slowly
        _until_begun(scene, runs, 2 * RUNS)
        went_on_at = scene.begun(runs)[-1].began / 1e9
        scene.figures[f"went on {way} after s"] = round(went_on_at - killed_at, 2)
        took_s = went_on_at - started_at
        assert took_s < limit_s, f"{way}: after {took_s:.1f} s, at most {limit_s:g}"
        gate.touch()
        for worker in list(scene.live.workers):
            worker.stop()
        scene.live.workers.clear()
    scene.start_worker(**host)  # for what is left


def _until_begun(scene: Scene, runs: list[str], count: int) -> None:
    until(lambda: len(scene.begun(runs)) == count, f"{count} executions to begin")


@scenario("postgres", servers=2)
def kill_the_database(scene: Scene) -> None:
    """PostgreSQL is killed, stopped at once and stopped in order: with it, all is back by itself."""
    assert scene.cluster is not None
    cluster = scene.cluster
    ways = (cluster.kill, lambda: cluster.stop(immediate=True), cluster.stop)
    longest_s = 0.0
    with scene.load():
        for n in range(scene.times(3, 12)):
            scene.pause(0.3)
            ways[n % 3]()
            scene.pause(1.0)
            cluster.start()
            back_at = time.monotonic()
            scene.busy()
            longest_s = max(longest_s, time.monotonic() - back_at)
            scene.look()
        scene.busy()
    scene.figures["back after s"] = round(longest_s, 2)
    assert longest_s < 5, f"it took {longest_s:.1f} s to go on after the database was back"
