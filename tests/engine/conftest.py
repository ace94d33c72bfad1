"""An environment of a project on a database of the test's own."""

from collections.abc import Iterator
from typing import Any

import pytest

from hairtrigger.store.store import Store
from hairtrigger.telemetry import events
from tests.clock import Clock

from .driving import World


@pytest.fixture
async def world(store: Store, clock: Clock) -> World:
    """The production environment."""
    return await World.make(store, clock)


@pytest.fixture
def told() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The events that are emitted during a test."""
    heard: list[tuple[str, dict[str, Any]]] = []
    stop = events.subscribe(lambda name, facts: heard.append((name, facts)))
    yield heard
    stop()
