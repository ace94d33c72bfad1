"""What the tests of the SDK share: a server to talk to, and a registry of their own."""

from collections.abc import Iterator

import pytest

from hairtrigger import configure
from hairtrigger.sdk import client, registry, settings
from tests.sdk.answering import Answering, answering

NAMES = (*settings.KEY_NAMES, "TRIGGER_API_URL", "TRIGGER_PREVIEW_BRANCH", "TRIGGER_LOG_LEVEL")


@pytest.fixture(scope="session")
def server() -> Iterator[Answering]:
    with answering() as running:
        yield running


@pytest.fixture
def api(server: Answering, monkeypatch: pytest.MonkeyPatch) -> Answering:
    """The server, freshly reset, and the default client pointed at it."""
    server.reset()
    monkeypatch.setattr(client, "_default", None)
    configure(secret_key="tr_dev_0123456789abcdef0123456789", base_url=server.url)
    return server


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = dict(registry.TASKS)
    registry.clear()
    yield
    registry.clear()
    registry.TASKS.update(known)


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """No key, no URL, no files, no client."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(client, "_default", None)
    monkeypatch.chdir(str(tmp_path))
