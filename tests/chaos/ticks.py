"""Schedules, on several servers that all want to fire them."""

import collections
import time

from tests.chaos.scenario import scenario
from tests.chaos.scene import Scene
from tests.running import until

SCHEDULES = 30


@scenario("postgres", servers=2, workers=3)
def many_schedules_due_at_once(scene: Scene) -> None:
    """Two servers race for schedules that are all due: each tick fires once, whatever they do."""
    schedules = scene.make_schedules("tick", "* * * * *", SCHEDULES)
    with scene.load():
        if scene.long:
            time.sleep(180)  # over three minutes' boundaries
        else:
            for _ in range(3):
                # as if its minute had just come: the same tick again, or the next one
                scene.change("update schedules set next_at = next_at - 120000")
                until(
                    lambda: (
                        not scene.archive.rows(
                            "select 1 from schedules where next_at < "
                            "(extract(epoch from now()) * 1000)::bigint"
                        )
                    ),
                    "the schedules to fire",
                )
        scene.busy()
    scene.rest()
    ticks = collections.Counter(
        one.number for one in scene.ledger.executions() if one.task == "tick"
    )
    scene.figures |= {"schedules": SCHEDULES, "ticks": len(ticks)}
    fired = {number.partition("@")[0] for number in ticks}
    assert fired == schedules, f"only {len(fired)} of {len(schedules)} schedules fired"
    twice = [number for number, count in ticks.items() if count > 1]
    assert not twice, f"executed twice: {twice[:3]}"
    assert (
        len(ticks)
        == scene.archive.rows("select count(*) from runs where schedule is not null")[0][0]
    ), "a tick became more runs than one"
