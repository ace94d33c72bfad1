"""The short form of every scenario, for a machine that has nothing else to do: name this file to run it.

``scripts/chaos --long`` plays the long form.
"""

from pathlib import Path

import pytest

from tests.chaos.scenario import CannotPlay, play
from tests.chaos.stage import SCENARIOS


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name, one in SCENARIOS.items() for kind in one.kinds],
)
def test_every_promise_holds_through(name: str, kind: str, tmp_path: Path) -> None:
    try:
        verdict = play(SCENARIOS[name], kind, tmp_path)
    except CannotPlay as reason:
        pytest.skip(str(reason))

    assert not verdict.broken, verdict
