"""What networks do, between workers and servers, and between servers and their database."""

import time
from collections.abc import Callable

from tests.chaos.proxy import Proxy
from tests.chaos.scenario import scenario
from tests.chaos.scene import LEASE_S, Scene
from tests.running import until

BACK_S = 5.0  # that it may take to go on when the weather is fair again
NOTICED_S = 8.0  # until every connection to the database that went silent is ended
BRIEF_S = LEASE_S / 2.5  # shorter than half a lease: nothing is executed again


def cuts(scene: Scene, proxy: Proxy) -> None:
    """Every connection is reset, several times."""
    for _ in range(scene.times(3)):
        until(proxy.cut, "connections to cut")
        scene.pause(0.4)


def delays(scene: Scene, proxy: Proxy) -> None:
    """Everything takes 300 ms longer, each way."""
    proxy.delay_s = 0.3
    time.sleep(scene.times(2, 20))


def holes(scene: Scene, proxy: Proxy) -> None:
    """Nothing passes for a while, and nobody is told."""
    proxy.hole = True
    time.sleep(BRIEF_S)


def half_opens(scene: Scene, proxy: Proxy) -> None:
    """On the connections of now nothing comes back any more; new ones are sound."""
    assert proxy.deafen(), "saw too little: there was no connection"
    time.sleep(0.5)


def drops(scene: Scene, proxy: Proxy) -> None:
    """5 % of what comes back is lost with its connection."""
    before = proxy.dropped
    proxy.drop_share = 0.05
    end = time.monotonic() + scene.times(3, 60)
    while time.monotonic() < end or proxy.dropped - before < 10:
        time.sleep(0.05)
        assert time.monotonic() < end + 30, "saw too little: hardly an answer was dropped"


def _weather(scene: Scene, proxy: Proxy, *faults: Callable[[Scene, Proxy], None]) -> None:
    with scene.load():
        for _ in range(scene.times(1, 5)):
            for fault in faults:
                fault(scene, proxy)
                proxy.calm()
                calm_at = time.monotonic()
                scene.busy()
                back_s = time.monotonic() - calm_at
                scene.figures[f"back after {fault.__name__} s"] = round(back_s, 1)
                assert back_s < BACK_S, f"{back_s:.1f} s to go on after {fault.__name__}"
                scene.look()
    scene.figures |= {"connections broken": proxy.broken, "answers dropped": proxy.dropped}


@scenario()
def faults_before_the_server(scene: Scene) -> None:
    """Between workers and server: cut, late, silent, half-open, and answers that get lost."""
    _weather(scene, scene.door, cuts, delays, holes, half_opens, drops)


@scenario("postgres", servers=2, behind=True, lease_s=8.0)
def faults_before_the_database(scene: Scene) -> None:
    """Between servers and PostgreSQL: cut, late, silent, and answers (to COMMIT, too) that get lost."""
    assert scene.back is not None
    _weather(scene, scene.back, cuts, delays, holes, drops)


@scenario(excused=True)
def silence_beyond_the_lease(scene: Scene) -> None:
    """Nothing passes for longer than a lease: workers stop what they cannot prove to be theirs."""
    with scene.load():
        for _ in range(scene.times(1, 5)):
            scene.door.hole = True
            time.sleep(LEASE_S * 1.5)
            scene.door.calm()
            calm_at = time.monotonic()
            scene.busy()
            scene.figures["back after s"] = round(time.monotonic() - calm_at, 1)
            scene.look()


@scenario("postgres", servers=2, behind=True, lease_s=15.0)
def half_open_before_the_database(scene: Scene) -> None:
    """On the servers' connections to PostgreSQL nothing comes back any more; new ones are sound."""
    assert scene.back is not None
    with scene.load():
        for _ in range(scene.times(1, 5)):
            half_opens(scene, scene.back)
            silent_at = time.monotonic()
            scene.busy()
            back_s = time.monotonic() - silent_at
            scene.figures["back after s"] = round(back_s, 1)
            assert back_s < NOTICED_S, f"{back_s:.1f} s to go on over new connections"
            scene.look()
