"""A hundred random lives of an engine; after every step the whole database is checked.

A failure is printed as it was found: shrinking lives of databases takes minutes. To shrink one, give the
phase back.
"""

import pytest
from hypothesis import Phase, settings

from tests.model.life import Life

Life.TestCase.settings = settings(
    max_examples=100, stateful_step_count=50, phases=[Phase.explicit, Phase.generate]
)
TestLife = pytest.mark.acceptance("S02", "S37", "S40", "S42", "S95")(Life.TestCase)
