"""What a scenario is: a function that does harm to a scene under load, and a name for it.

A scenario raises AssertionError when a promise broke before its eyes, or when it saw too little. What holds
after every scenario is checked by ``play``.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.judge import Verdict
from tests.chaos.scene import Scene, scene

Act = Callable[[Scene], None]
KINDS = ("sqlite", "postgres")
SCENARIOS: dict[str, "Scenario"] = {}


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Args:
        kinds: The databases on which it can be played.
        excused: Whether runs may be executed again although nobody died: a worker lost its lease.
        clock_jumps: Whether the database's own clock is set back.
        set_up: Arguments of ``scene``.
    """

    name: str
    act: Act
    kinds: tuple[str, ...] = KINDS
    excused: bool = False
    clock_jumps: bool = False
    set_up: dict[str, Any] = field(default_factory=dict)

    @property
    def doc(self) -> str:
        return (self.act.__doc__ or "").splitlines()[0]


class CannotPlay(Exception):
    """This machine cannot do what the scenario needs."""


def scenario(
    *kinds: str, excused: bool = False, clock_jumps: bool = False, **set_up: Any
) -> Callable[[Act], Act]:
    """Declare a function a scenario, under its own name."""

    def declare(act: Act) -> Act:
        name = act.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(name, act, kinds or KINDS, excused, clock_jumps, set_up)
        return act

    return declare


def play(one: Scenario, kind: str, directory: Path, *, long: bool = False) -> Verdict:
    """Play a scenario on a fresh scene and judge it."""
    with scene(directory, kind, long=long, **one.set_up) as here:
        one.act(here)
        return here.conclude(excused=one.excused, clock_jumped=one.clock_jumps)


def played(one: Scenario, kind: str, *, long: bool) -> Verdict:
    """The same in a directory of its own, where whatever goes wrong is a broken promise."""
    with tempfile.TemporaryDirectory(prefix="hairtrigger-chaos-") as directory:
        try:
            return play(one, kind, Path(directory), long=long)
        except CannotPlay as reason:
            return Verdict(skipped=str(reason))
        except Exception as error:
            return Verdict(broken=[f"{type(error).__name__}: {error}"])
