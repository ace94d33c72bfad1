"""A hundred random lives of an engine; after every step the whole database is checked.

A failure is printed as it was found: shrinking lives of databases takes minutes. To shrink one, give the
phase back.
"""

import pytest
from hypothesis import Phase, settings

from tests.model.places import Place, Shared
from tests.model.turns import Life

PHASES = [Phase.explicit, Phase.generate]


class LifeOfTwoServers(Life):
    """Two servers on one PostgreSQL: every step asks any of them."""

    url = ""

    def settle(self) -> Place:
        return Shared(self.url, self.clock, self.loop)


@pytest.fixture(scope="class")
def shared_place(postgres_database: str) -> None:
    """Where the lives of two servers take place."""
    LifeOfTwoServers.url = postgres_database


Life.TestCase.settings = settings(max_examples=100, stateful_step_count=50, phases=PHASES)
TestLife = pytest.mark.acceptance("S02", "S37", "S40", "S42", "S95")(Life.TestCase)

LifeOfTwoServers.TestCase.settings = settings(
    max_examples=20, stateful_step_count=50, phases=PHASES
)
TestLifeOfTwoServers = pytest.mark.usefixtures("shared_place")(
    pytest.mark.acceptance("S02", "S37", "S40", "S42", "S95")(LifeOfTwoServers.TestCase)
)
