"""The dashboard's pages: a server to look at, and pages whose console must stay empty."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from tests import running
from tests.browser.site import Site

WIDTH, HEIGHT = 1440, 900


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server on an installation that has seen an hour: for tests that only look."""
    directory = tmp_path_factory.mktemp("lived")
    # a process of its own: here a loop may be running
    program = (sys.executable, "-m", "tests.browser.history", f"{directory}/hairtrigger.db")
    project = subprocess.run(program, check=True, capture_output=True, text=True).stdout.strip()
    live = running.Live(directory)
    try:
        live.start_server(HAIRTRIGGER_LOGIN="none")
        yield Site(live, project)
        live.stop()
    finally:
        live.kill()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A server of the test's own, with nothing in it."""
    live = running.Live(tmp_path)
    try:
        live.start_server(HAIRTRIGGER_LOGIN="none")
        yield Site(live, live.get("/api/v1/whoami")["project"])
        live.stop()
    finally:
        live.kill()


class OpenPage(Protocol):
    """Opens a page of a site in a profile of its own; its console must stay empty."""

    async def __call__(
        self, site: Site, path: str, *, theme: Literal["dark", "light"] = "dark", width: int = WIDTH,
        height: int = HEIGHT, scripts: bool = True, may_miss: bool = False,
    ) -> Page: ...  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(message.text)

    async def opened(
        site: Site, path: str, *, theme: Literal["dark", "light"] = "dark", width: int = WIDTH,
        height: int = HEIGHT, scripts: bool = True, may_miss: bool = False,
    ) -> Page:  # fmt: skip
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, base_url=site.live.url,
            permissions=["clipboard-read", "clipboard-write"], timezone_id="UTC", locale="en-GB",
            java_script_enabled=scripts,
        )  # fmt: skip
        contexts.append(context)
        page = await context.new_page()
        if not may_miss:  # what is asked for in vain stands in the console
            page.on("console", hear)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        await page.goto(site.path(path))
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert not wrong, wrong
