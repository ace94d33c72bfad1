"""Who may look at the dashboard: cookies, forged headers, forms of other sites, and who guesses passwords."""

import asyncio
import dataclasses
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from argon2 import PasswordHasher

from hairtrigger.engine import accounts
from hairtrigger.errors import Forbidden, RateLimitError, Unauthorized, Unavailable, Unprocessable
from hairtrigger.server.settings import Settings
from hairtrigger.server.visitors import Visitor, Visitors
from hairtrigger.store.database import Steps
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from tests.server.test_peers import PROXY, STRANGER, scope

T = TypeVar("T")
ADA, BOB = "ada@example.com", "bob@example.com"
PASSWORD, ANOTHER = "correct horse battery", "staple, correctly"
SECRET = b"a secret of the server"


class Time:
    """Seconds that pass when told."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Gated(SQLite):
    """A database whose answers may be held up."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.asked, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def read(self, steps: Steps[T], *, quick: bool = False) -> T:
        found = await super().read(steps, quick=quick)
        self.asked.set()
        await self.gate.wait()
        return found


class Door:
    """The door of a server, and browsers before it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings, self.time = store, settings, Time()
        self.visitors = Visitors(store, settings, SECRET, self.time)

    def told(self, **settings: Any) -> "Door":
        """The same database behind a door with other settings."""
        return Door(self.store, dataclasses.replace(self.settings, **settings))

    async def enter(
        self, email: str = ADA, password: str = PASSWORD, peer: str = STRANGER, **headers: str
    ) -> str:
        """Sign in; answers what the browser sends back from now on."""
        name, value = await self.visitors.sign_in(scope(peer, **headers), email, password)
        assert name == b"set-cookie"
        return value.decode().partition(";")[0]

    async def who(self, cookie: str, **headers: Any) -> str | None:
        visitor = await self.visitors.who(scope(STRANGER, cookie=cookie, **headers))
        return None if visitor is None else visitor.user.email

    async def visitor(self, cookie: str) -> Visitor:
        found = await self.visitors.who(scope(STRANGER, cookie=cookie))
        assert found is not None
        return found


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(1, 8, 1))


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """An installation with Ada, an admin, and Bob, who looks."""
    store = await Store(Gated(f"{tmp_path}/hairtrigger.db")).open()
    await accounts.create_first_admin(store, email=ADA, name="Ada", password=PASSWORD)
    await accounts.add_user(store, email=BOB, name="Bob", role="viewer", password=PASSWORD)
    yield Door(store, Settings(trusted_proxies=PROXY))
    await store.close()


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Door]:
    """An installation without anybody."""
    store = await Store(SQLite(f"{tmp_path}/hairtrigger.db")).open()
    yield Door(store, Settings())
    await store.close()


# cookies


async def test_a_cookie_says_who_comes_and_scripts_cannot_read_it(door: Door) -> None:
    _, value = await door.visitors.sign_in(scope(STRANGER), ADA, PASSWORD)

    pair, *attributes = value.decode().split("; ")
    assert pair.startswith("ht_session=")
    assert set(attributes) == {"Max-Age=34560000", "Path=/", "HttpOnly", "SameSite=Lax"}
    assert await door.who(pair) == ADA
    assert await door.who(f"theme=dark; {pair};x=y") == ADA


@pytest.mark.parametrize(
    "given",
    [
        {"peer": STRANGER, "scheme": "https"},
        {"peer": PROXY, "x_forwarded_proto": "https"},
        {"peer": STRANGER, "host": "jobs.example.com"},
    ],
)
async def test_a_cookie_of_https_is_for_https_only(door: Door, given: dict[str, str]) -> None:
    door = door.told(public_url="https://jobs.example.com")

    _, value = await door.visitors.sign_in(scope(**given), ADA, PASSWORD)

    pair, *attributes = value.decode().split("; ")
    assert pair.startswith("__Host-ht_session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert not any(one.startswith("Domain") for one in attributes)
    visitor = await door.visitors.who(scope(**given, cookie=pair))
    assert visitor is not None
    assert await door.who(pair) is None, "over http nobody sends it"
    plain = pair.removeprefix("__Host-")
    assert await door.visitors.who(scope(**given, cookie=plain)) is None, "nor takes the other"


async def test_a_stranger_cannot_claim_https(door: Door) -> None:
    cookie = await door.enter(x_forwarded_proto="https")

    assert cookie.startswith("ht_session=")


@pytest.mark.parametrize(
    "cookie", ["", "ht_session=", "ht_session=x", "ht_session=" + "x" * 43, "other=" + "x" * 43, "=;;="]
)  # fmt: skip
async def test_without_a_cookie_of_ours_somebody_has_to_sign_in(door: Door, cookie: str) -> None:
    assert await door.visitors.who(scope(STRANGER)) is None
    assert await door.who(cookie) is None


async def test_each_sign_in_has_its_own_token_and_ends_the_one_before(door: Door) -> None:
    first = await door.enter()
    elsewhere = await door.enter()

    second = await door.enter(cookie=first)

    assert len({first, second, elsewhere}) == 3
    assert [await door.who(one) for one in (first, second, elsewhere)] == [None, ADA, ADA]


async def test_whoever_signs_out_is_out_at_once_and_the_cookie_goes(door: Door) -> None:
    cookie = await door.enter()
    assert await door.who(cookie) == ADA

    _, value = await door.visitors.sign_out(scope(STRANGER, cookie=cookie))

    assert value.startswith(b"ht_session=; Max-Age=0; ")
    assert await door.who(cookie) is None


async def test_a_login_notes_where_it_was_made(door: Door) -> None:
    cookie = await door.enter(
        peer=PROXY, x_forwarded_for="1.1.1.1, 198.51.100.7", user_agent="Firefox"
    )
    visitor = await door.visitor(cookie)

    (login,) = await accounts.logins_of(door.store, visitor.user.id)

    assert (login.agent, login.address) == ("Firefox", "198.51.100.7")
    assert login.hash == visitor.login


# what is remembered


async def test_who_was_removed_elsewhere_is_gone_within_two_seconds(door: Door) -> None:
    cookie = await door.enter(BOB)
    before = await door.visitor(cookie)
    await accounts.remove_user(door.store, before.user.id)

    door.time.now += 1.9
    remembered = await door.who(cookie)
    door.time.now += 0.1

    assert (remembered, await door.who(cookie)) == (BOB, None)


async def test_what_is_changed_here_counts_at_once(door: Door) -> None:
    cookie = await door.enter(BOB)
    bob = (await door.visitor(cookie)).user

    await accounts.change_role(door.store, bob.id, "admin")
    door.visitors.forget()

    assert (await door.visitor(cookie)).user.role == "admin"


async def test_what_was_asked_before_a_change_is_not_remembered_after_it(door: Door) -> None:
    cookie, database = await door.enter(BOB), door.store.database
    assert isinstance(database, Gated)
    database.gate.clear()
    database.asked.clear()
    early = asyncio.create_task(door.who(cookie))
    await database.asked.wait()
    await door.visitors.sign_out(scope(STRANGER, cookie=cookie))
    database.gate.set()

    assert (await early, await door.who(cookie)) == (BOB, None)


# roles and passwords


async def test_a_viewer_may_look_and_an_admin_may_do_everything(door: Door) -> None:
    ada, bob = [await door.visitor(await door.enter(one)) for one in (ADA, BOB)]

    assert (ada.may("change"), bob.may("read"), bob.may("change")) == (True, True, False)
    ada.demand("change")
    bob.demand("read")
    with pytest.raises(Forbidden, match="may look"):
        bob.demand("change")


async def test_a_new_password_needs_the_old_one_and_ends_the_other_logins(door: Door) -> None:
    here, there = await door.enter(), await door.enter()
    ada = await door.visitor(here)

    with pytest.raises(Unauthorized, match="present"):
        await door.visitors.change_password(scope(STRANGER), ada, ANOTHER, ANOTHER)
    with pytest.raises(Unprocessable):
        await door.visitors.change_password(scope(STRANGER), ada, PASSWORD, "short")
    await door.visitors.change_password(scope(STRANGER), ada, PASSWORD, ANOTHER)

    assert (await door.who(here), await door.who(there)) == (ADA, None)
    assert await door.enter(password=ANOTHER)


async def test_a_stolen_login_cannot_guess_the_password(door: Door) -> None:
    ada = await door.visitor(await door.enter())
    for _ in range(5):
        with pytest.raises(Unauthorized):
            await door.visitors.change_password(scope(STRANGER), ada, ANOTHER, ANOTHER)

    with pytest.raises(RateLimitError):
        await door.visitors.change_password(scope(STRANGER), ada, PASSWORD, ANOTHER)


# guessing


async def refused(door: Door, email: str = ADA, **given: Any) -> type[Exception]:
    """How a wrong password is refused."""
    with pytest.raises((Unauthorized, RateLimitError)) as error:
        await door.enter(email, ANOTHER, **given)
    return error.type


async def test_an_address_that_fails_five_times_has_to_wait_whoever_it_tries(door: Door) -> None:
    failed = [await refused(door, f"n{n}@example.com") for n in range(6)]

    with pytest.raises(RateLimitError) as right:
        await door.enter()
    door.time.now += 60.1

    assert failed == [Unauthorized] * 5 + [RateLimitError]
    assert 59_000 < right.value.retry_after_ms <= 60_001
    assert await door.enter()


async def test_an_email_is_guarded_against_many_addresses(door: Door) -> None:
    failed = [await refused(door, " ADA@example.com", peer=f"203.0.113.{n}") for n in range(6)]

    assert failed == [Unauthorized] * 5 + [RateLimitError]
    assert await door.enter(BOB)


async def test_a_forged_address_changes_nothing_and_a_block_of_ipv6_is_one(door: Door) -> None:
    forged = [await refused(door, f"n{n}@x.y", x_forwarded_for=f"198.51.100.{n}") for n in range(6)]
    block = [await refused(door, f"m{n}@x.y", peer=f"2001:db8::{n}") for n in range(6)]

    assert forged == block == [Unauthorized] * 5 + [RateLimitError]


async def test_people_behind_one_proxy_are_counted_each_for_itself(door: Door) -> None:
    for n in range(8):
        given = {"peer": PROXY, "x_forwarded_for": f"198.51.100.{n}"}
        assert await refused(door, f"n{n}@example.com", **given) is Unauthorized


async def test_a_right_password_is_forgiven_what_came_before_it(door: Door) -> None:
    for _ in range(3):
        for _ in range(4):
            await refused(door, peer=f"203.0.113.{door.time.now:.0f}")
            door.time.now += 1
        assert await door.enter()


async def test_many_guesses_at_once_are_not_more(door: Door) -> None:
    done = await asyncio.gather(
        *(door.enter(ADA, f"guess number {n}") for n in range(50)), return_exceptions=True
    )

    kinds = [type(one) for one in done]
    assert kinds.count(Unauthorized) == 5
    assert kinds.count(RateLimitError) == 45


async def test_a_database_that_is_away_is_nobodys_guess(door: Door) -> None:
    database = door.store.database
    assert isinstance(database, Gated)

    def change(sql: str) -> None:
        with closing(sqlite3.connect(database.path)) as connection:
            connection.execute(sql)

    change("alter table users rename to elsewhere")
    for _ in range(9):
        with pytest.raises(Unavailable):
            await door.enter()
    change("alter table elsewhere rename to users")

    assert await door.enter()


# forms


OURS = {"host": "localhost:3030"}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:3030"},
        {"origin": "http://localhost:3030", "sec_fetch_site": "same-origin"},
        {"origin": "http://localhost:3030", "sec_fetch_site": "none"},
        {"origin": "null", "sec_fetch_site": "same-origin"},
        {"origin": "https://jobs.example.com"},
        {"sec_fetch_site": "same-origin"},
    ],
)
async def test_forms_of_our_own_pages_are_taken(door: Door, headers: dict[str, str]) -> None:
    door = door.told(public_url="https://jobs.example.com")
    ada = await door.visitor(await door.enter())

    door.visitors.check_form(scope(STRANGER, **OURS, **headers), ada, ada.csrf)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:3031"},
        {"origin": ["http://localhost:3030", "http://evil.example"]},
        {"origin": "http://localhost:3030", "sec_fetch_site": "cross-site"},
        {"origin": "http://localhost:3030", "sec_fetch_site": "same-site"},
        {"origin": "http://localhost:3030", "sec_fetch_site": ["same-origin", "cross-site"]},
        {"sec_fetch_site": "none"},
        {"origin": "http://evil.example", "sec_fetch_site": "none"},
        {"referer": "http://localhost:3030/"},
        {"origin": "http://evil.example", "x_forwarded_host": "evil.example"},
    ],
)
async def test_forms_of_other_sites_are_refused(door: Door, headers: dict[str, Any]) -> None:
    ada = await door.visitor(await door.enter())

    with pytest.raises(Forbidden, match="another site"):
        door.visitors.check_form(scope(STRANGER, **OURS, **headers), ada, ada.csrf)
    with pytest.raises(Forbidden, match="another site"):
        door.visitors.check_origin(scope(STRANGER, **OURS, **headers))


async def test_a_form_carries_the_token_of_its_login_and_no_other(door: Door) -> None:
    ada, again, bob = [await door.visitor(await door.enter(one)) for one in (ADA, ADA, BOB)]
    request = scope(STRANGER, **OURS, origin="http://localhost:3030")

    for given in (
        "",
        again.csrf,
        bob.csrf,
        ada.csrf[:-1],
        ada.csrf + "0",
        ada.token,
        "\ud800",
        "é",
    ):
        with pytest.raises(Forbidden, match="out of date"):
            door.visitors.check_form(request, ada, given)

    door.visitors.check_form(request, ada, ada.csrf)
    assert ada.token not in ada.csrf
    assert (await door.told().visitor(f"ht_session={ada.token}")).csrf == ada.csrf, "on any server"


# the first admin


async def test_the_first_admin_is_made_with_the_token_and_is_signed_in(fresh: Door) -> None:
    path, _, token = (await fresh.visitors.setup_path()).partition("?token=")
    elsewhere = fresh.told()
    assert await elsewhere.visitors.setup_path() == f"{path}?token={token}", "on every server"
    assert path == "/setup"
    assert await fresh.visitors.may_set_up(token)

    _, value = await fresh.visitors.set_up(
        scope(STRANGER), token, email=ADA, name="", password=PASSWORD
    )

    visitor = await fresh.visitor(value.decode().partition(";")[0])
    assert (visitor.user.email, visitor.user.role) == (ADA, "admin")
    assert not await elsewhere.visitors.may_set_up(token)
    assert await elsewhere.visitors.setup_path() == ""
    with pytest.raises(Forbidden):
        await elsewhere.visitors.set_up(
            scope(STRANGER), token, email=BOB, name="", password=PASSWORD
        )
    assert len(await accounts.users(fresh.store)) == 1


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "\ud800"])
async def test_without_the_token_nobody_is_the_first_admin(fresh: Door, token: str) -> None:
    with pytest.raises(Forbidden):
        await fresh.visitors.set_up(scope(STRANGER), token, email=ADA, name="", password=PASSWORD)

    assert await accounts.is_empty(fresh.store)


async def test_two_browsers_with_the_token_at_once_make_one_admin(fresh: Door) -> None:
    token = (await fresh.visitors.setup_path()).partition("=")[2]

    done = await asyncio.gather(
        *(
            fresh.visitors.set_up(scope(STRANGER), token, email=one, name="", password=PASSWORD)
            for one in (ADA, BOB)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(one, Forbidden) for one in done) == 1
    assert len(await accounts.users(fresh.store)) == 1


async def test_another_master_key_has_another_token(fresh: Door) -> None:
    other = Visitors(fresh.store, fresh.settings, b"another secret")

    assert await other.setup_path() != await fresh.visitors.setup_path()


@pytest.mark.parametrize("login", ["none", "proxy"])
async def test_where_nobody_has_a_password_there_is_no_set_up_and_no_sign_in(
    fresh: Door, login: str
) -> None:
    token = (await fresh.visitors.setup_path()).partition("=")[2]
    other = fresh.told(login=login)

    assert await other.visitors.setup_path() == ""
    assert not await other.visitors.may_set_up(token)
    with pytest.raises(Forbidden, match="HAIRTRIGGER_LOGIN"):
        await other.enter()


# the word of a proxy


async def by_proxy(door: Door, peer: str = PROXY, **headers: Any) -> str | None:
    visitor = await door.visitors.who(scope(peer, **headers))
    return None if visitor is None else f"{visitor.user.email} {visitor.user.role}"


async def test_a_proxy_says_who_comes(fresh: Door) -> None:
    door = fresh.told(login="proxy", trusted_proxies=PROXY, proxy_name_header="X-Name")

    first = await by_proxy(door, x_forwarded_user="Ada", x_name="Ada Lovelace")
    second = await by_proxy(door, x_forwarded_user="bob", x_name="B\xc3\xb6b")

    assert (first, second) == ("ada admin", "bob viewer")
    assert [user.name for user in await accounts.users(fresh.store)] == ["Ada Lovelace", "Böb"]


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        (STRANGER, {"x_forwarded_user": "ada"}),
        (STRANGER, {"x_forwarded_user": "ada", "x_forwarded_for": PROXY}),
        (PROXY, {}),
        (PROXY, {"x_forwarded_user": " "}),
        (PROXY, {"x_forwarded_user": ["mallory", "ada"]}),
        (PROXY, {"x_user": "ada"}),
    ],
)
async def test_who_a_proxy_did_not_name_once_is_nobody(
    fresh: Door, peer: str, headers: dict[str, Any]
) -> None:
    door = fresh.told(login="proxy", trusted_proxies=PROXY)

    assert await by_proxy(door, peer, **headers) is None
    assert await accounts.is_empty(fresh.store)


async def test_without_login_proxy_its_word_is_nothing_and_with_it_a_cookie_is(door: Door) -> None:
    cookie = await door.enter()

    assert await by_proxy(door, x_forwarded_user=ADA) is None
    assert await by_proxy(door.told(login="proxy"), cookie=cookie) is None


async def test_who_comes_through_a_proxy_is_asked_for_once_in_two_seconds(fresh: Door) -> None:
    door = fresh.told(login="proxy", trusted_proxies=PROXY)
    await by_proxy(door, x_forwarded_user="ada")
    await by_proxy(door, x_forwarded_user="bob")
    bob = await accounts.find(door.store, "bob")
    await accounts.change_role(door.store, bob.id, "admin")

    early = await by_proxy(door, x_forwarded_user="bob")
    door.time.now += 2

    assert early == "bob viewer"
    assert await by_proxy(door, x_forwarded_user="bob") == "bob admin"


async def test_forms_behind_a_proxy_have_tokens_of_their_person(door: Door) -> None:
    door = door.told(login="proxy")
    people = [await door.visitors.who(scope(PROXY, x_forwarded_user=one)) for one in (ADA, BOB)]
    ada, bob = (one for one in people if one is not None)

    assert ada.csrf != bob.csrf
    with pytest.raises(Forbidden):
        door.visitors.check_form(scope(PROXY, sec_fetch_site="same-origin"), ada, bob.csrf)
    with pytest.raises(Forbidden):
        await door.visitors.change_password(scope(PROXY), ada, PASSWORD, ANOTHER)


# nobody is asked


@pytest.mark.parametrize(
    ("peer", "host"), [("127.0.0.1", "localhost:3030"), ("::1", "[::1]:3030"), ("127.0.0.1", "127.0.0.1")]
)  # fmt: skip
async def test_where_nobody_is_asked_this_machine_may_do_everything(
    fresh: Door, peer: str, host: str
) -> None:
    visitor = await fresh.told(login="none").visitors.who(scope(peer, host=host))

    assert visitor is not None
    assert visitor.may("change")
    assert (visitor.user.name, visitor.token, visitor.login) == ("You", "", "")
    assert len(visitor.csrf) == 64


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("127.0.0.1", {"host": "evil.example:3030"}),
        ("127.0.0.1", {"host": "localhost.evil.example"}),
        ("127.0.0.1", {}),
        ("127.0.0.1", {"host": ["localhost", "evil.example"]}),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_host": "tunnel.example"}),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_for": "198.51.100.7"}),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_for": "127.0.0.1, 198.51.100.7"}),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_for": "unknown"}),
        ("127.0.0.1", {"host": "jobs.example.com"}),
        (STRANGER, {"host": "localhost"}),
    ],
)
async def test_where_nobody_is_asked_nobody_else_may_come(
    fresh: Door, peer: str, headers: dict[str, Any]
) -> None:
    door = fresh.told(login="none", public_url="https://jobs.example.com")

    with pytest.raises(Forbidden, match="HAIRTRIGGER_LOGIN=password"):
        await door.visitors.who(scope(peer, **headers))
