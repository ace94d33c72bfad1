"""A whole server in this process: the real application over the real engine on a database file."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings
from hairtrigger.telemetry import events

from .driving import DEV_KEY, PROD_KEY, Api


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database=f"sqlite:///{tmp_path}/hairtrigger.db",
        dev_key=DEV_KEY,
        prod_key=PROD_KEY,
        master_key="a master key",
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    app = App(settings)
    await app.server.open()
    yield app
    await app.server.close()


@pytest.fixture
def api(app: App) -> Api:
    """The API with the development key."""
    return Api(app, DEV_KEY)


@pytest.fixture
def prod(app: App) -> Api:
    """The API with the production key."""
    return Api(app, PROD_KEY)


@pytest.fixture
def told() -> Iterator[list[tuple[str, dict[str, object]]]]:
    """The events that are emitted during a test."""
    heard: list[tuple[str, dict[str, object]]] = []
    stop = events.subscribe(lambda name, facts: heard.append((name, facts)))
    yield heard
    stop()
