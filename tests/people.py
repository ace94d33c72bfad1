"""People at a running server: the first admin at a browser, and a token for a tool of theirs."""

import contextlib
import re
from collections.abc import Iterator

import httpx

from tests.running import Live, until

EMAIL, PASSWORD = "ada@example.com", "a sentence that is long"


@contextlib.contextmanager
def first_admin(live: Live) -> Iterator[httpx.Client]:
    """The browser in which the first admin, who is made, is signed in."""
    server = live.server
    assert server is not None
    found = until(
        lambda: re.search(r"/setup\?token=(\w+)", server.output()), "the set-up link", [server]
    )
    with httpx.Client(base_url=live.url, headers={"origin": live.url}) as browser:
        form = {"token": found[1], "email": EMAIL, "name": "Ada", "password": PASSWORD}
        assert browser.post("/setup", data=form).status_code == 303
        yield browser


def filled(browser: httpx.Client, page: str, where: str, form: dict[str, str]) -> str:
    """A form of a page, sent to its path; what is shown then."""
    shown = browser.get(page).text
    csrf = re.search(r'name="csrf" content="([^"]*)"', shown)
    assert csrf is not None, shown
    return browser.post(where, data={"csrf": csrf[1], **form}).text


def made_token(browser: httpx.Client) -> str:
    """A personal access token, as the page of one's account makes it."""
    home = str(browser.get("/", follow_redirects=True).url)
    account = home.rpartition("/")[0] + "/account"
    shown = filled(browser, account, f"{account}/tokens", {"name": "mine", "life": ""})
    return str(re.findall(r"tr_pat_\w{40}", shown)[0])
