"""People of the dashboard: who may be what, passwords and logins, on both databases."""

import asyncio
import threading
from typing import Any

import pytest
from argon2 import PasswordHasher

from hairtrigger.engine import accounts, upkeep
from hairtrigger.engine.accounts import TOUCH_MS
from hairtrigger.errors import Forbidden, HairtriggerError, NotFound, Unauthorized, Unprocessable
from hairtrigger.rules.accounts import User
from hairtrigger.store.postgres import Postgres
from hairtrigger.store.store import Store
from tests import databases
from tests.clock import DAY, HOUR, MINUTE, Clock
from tests.engine.driving import World

ADA, BOB = "ada@example.com", "bob@example.com"
PASSWORD, ANOTHER = "correct horse battery", "staple, correctly"
LIFETIME_MS = 30 * DAY


class Counting(PasswordHasher):
    """Argon2 as cheap as it goes; counts what it compares, and may be held up in it."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.compared: list[str] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def verify(self, hash: Any, password: Any) -> Any:
        self.compared.append(str(hash))
        self.began.set()
        assert self.go_on.wait(20)
        return super().verify(hash, password)


@pytest.fixture(autouse=True)
def hasher(monkeypatch: pytest.MonkeyPatch) -> Counting:
    cheap = Counting()
    monkeypatch.setattr(accounts, "_HASHER", cheap)
    return cheap


@pytest.fixture
async def ada(store: Store) -> User:
    """The first admin."""
    return await accounts.create_first_admin(store, email=ADA, name="Ada", password=PASSWORD)


@pytest.fixture
async def bob(store: Store, ada: User) -> User:
    return await accounts.add_user(store, email=BOB, name="", role="viewer", password=PASSWORD)


@pytest.fixture
async def pair(postgres_database: str, clock: Clock) -> Any:
    """Two servers on one empty PostgreSQL."""
    first = await Store(databases.emptied(postgres_database, clock)).open()
    second = await Store(Postgres(postgres_database, clock=clock)).open()
    yield first, second
    await second.close()
    await first.close()


async def sign_in(store: Store, email: str = ADA, password: str = PASSWORD, **more: str) -> str:
    told = {"agent": "Firefox", "address": "10.0.0.1"} | more
    return await accounts.sign_in(
        store, email=email, password=password, lifetime_ms=LIFETIME_MS, **told
    )


async def signed_in(store: Store, token: str) -> str | None:
    """Who a token belongs to."""
    user = await accounts.user_of(store, token, lifetime_ms=LIFETIME_MS)
    return None if user is None else user.email


async def roles(store: Store) -> dict[str, str]:
    return {user.email: user.role for user in await accounts.users(store)}


def first_admin(store: Store, n: int) -> Any:
    return accounts.create_first_admin(store, email=f"n{n}@x.y", name="", password=PASSWORD)


def add_admin(store: Store) -> Any:
    return accounts.add_user(store, email=BOB, name="", role="admin", password=PASSWORD)


# who there is


async def test_the_first_admin_is_made_once(store: Store) -> None:
    before = await accounts.is_empty(store)
    user = await accounts.create_first_admin(
        store, email=" Ada@Example.com", name=" Ada\nL. ", password=PASSWORD
    )
    with pytest.raises(Forbidden, match="an admin already"):
        await first_admin(store, 1)

    assert (before, await accounts.is_empty(store)) == (True, False)
    assert (user.email, user.name, user.role, user.has_password) == (ADA, "Ada L.", "admin", True)
    found = await accounts.find(store, "ADA@example.com")
    assert await accounts.users(store) == [user] == [found]
    assert await accounts.retrieve(store, user.id) == user


async def test_of_many_first_admins_at_once_there_is_one(store: Store) -> None:
    done = await asyncio.gather(*(first_admin(store, n) for n in range(8)), return_exceptions=True)

    assert sum(isinstance(one, User) for one in done) == 1
    assert sum(isinstance(one, Forbidden) for one in done) == 7
    assert len(await accounts.users(store)) == 1


async def test_of_first_admins_on_two_servers_there_is_one(pair: tuple[Store, Store]) -> None:
    tries = [first_admin(pair[n % 2], n) for n in range(8)]

    done = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(one, User) for one in done) == 1
    assert len(await accounts.users(pair[0])) == 1


async def test_an_email_is_somebodys_once(store: Store, ada: User) -> None:
    with pytest.raises(Unprocessable, match="already"):
        await accounts.add_user(
            store, email="ADA@example.com", name="", role="viewer", password=PASSWORD
        )

    assert await roles(store) == {ADA: "admin"}


@pytest.mark.parametrize(("email", "password"), [("ada", PASSWORD), (ADA, "short"), (ADA, ADA)])
async def test_who_cannot_be_is_not_written(store: Store, email: str, password: str) -> None:
    with pytest.raises(Unprocessable):
        await accounts.create_first_admin(store, email=email, name="", password=password)

    assert await accounts.is_empty(store)


async def test_the_last_admin_stays_one(store: Store, ada: User, bob: User) -> None:
    with pytest.raises(Unprocessable, match="last admin"):
        await accounts.change_role(store, ada.id, "viewer")
    with pytest.raises(Unprocessable, match="last admin"):
        await accounts.remove_user(store, ada.id)
    await accounts.change_role(store, bob.id, "admin")
    await accounts.change_role(store, ada.id, "viewer")
    after = await roles(store)
    await accounts.remove_user(store, ada.id)

    assert after == {ADA: "viewer", BOB: "admin"}
    assert await roles(store) == {BOB: "admin"}


async def test_two_servers_that_demote_each_others_admin_leave_one(
    pair: tuple[Store, Store],
) -> None:
    one, other = await first_admin(pair[0], 0), await add_admin(pair[1])
    for _ in range(10):
        for user in (one, other):
            await accounts.change_role(pair[0], user.id, "admin")

        done = await asyncio.gather(
            accounts.change_role(pair[0], one.id, "viewer"),
            accounts.change_role(pair[1], other.id, "viewer"),
            return_exceptions=True,
        )

        assert sum(isinstance(one, Unprocessable) for one in done) == 1
        assert sorted((await roles(pair[1])).values()) == ["admin", "viewer"]


async def test_whoever_is_not_there_is_not_found(store: Store, ada: User) -> None:
    for tried in (
        accounts.change_role(store, 7, "admin"),
        accounts.remove_user(store, 7),
        accounts.set_password(store, User(7, BOB, "", "viewer", has_password=True), ANOTHER),
        accounts.find(store, BOB),
        accounts.retrieve(store, 7),
    ):
        with pytest.raises(NotFound):
            await tried


# passwords and logins


async def test_a_token_says_who_is_signed_in_and_stands_nowhere(
    store: Store, clock: Clock, ada: User
) -> None:
    token = await sign_in(store, "ADA@example.com ")
    world = await World.make(store, clock)

    kept = world.rows("select * from users") + world.rows("select * from logins")

    assert await signed_in(store, token) == ADA
    assert len(token) == 43
    assert not any(secret in repr(kept) for secret in (token, PASSWORD))
    assert "$argon2id$" in repr(kept)


async def test_a_wrong_password_an_unknown_email_and_none_to_have_are_all_the_same(
    store: Store, ada: User, hasher: Counting
) -> None:
    await accounts.add_user(store, email=BOB, name="", role="viewer", password=None)
    said = []
    for email, password in (
        (ADA, ANOTHER), ("nobody@example.com", PASSWORD), (BOB, PASSWORD), ("", ""), (ADA, "x" * 2_000),
    ):  # fmt: skip
        hasher.compared.clear()
        with pytest.raises(Unauthorized) as refused:
            await sign_in(store, email, password)
        (compared,) = hasher.compared
        said.append((str(refused.value), compared.rpartition("$")[0].rpartition("$")[0]))

    assert len(set(said)) == 1, "in words and in what is computed"


async def test_a_password_fits_in_whatever_form_it_is_typed(store: Store) -> None:
    await accounts.create_first_admin(store, email=ADA, name="", password="scho\u0308nes Wetter")

    assert await sign_in(store, password="sch\u00f6nes Wetter")


async def test_a_weaker_hash_is_replaced_at_the_next_sign_in(
    store: Store, clock: Clock, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World.make(store, clock)
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(2, 16, 1))

    await sign_in(store)
    ((stored,),) = world.rows("select password from users")
    await sign_in(store)

    assert "m=16,t=2,p=1" in stored
    assert world.rows("select password from users") == [(stored,)]


async def test_who_gave_the_old_password_as_it_was_changed_is_not_signed_in(
    store: Store, ada: User, hasher: Counting
) -> None:
    hasher.go_on.clear()
    late = asyncio.create_task(sign_in(store))
    await asyncio.to_thread(hasher.began.wait, 20)
    await accounts.set_password(store, ada, ANOTHER)
    hasher.go_on.set()

    with pytest.raises(Unauthorized):
        await late
    assert await accounts.logins_of(store, ada.id) == []


async def test_a_login_goes_on_while_it_is_used_and_ends_when_it_is_not(
    store: Store, clock: Clock, ada: User
) -> None:
    used, unused = await sign_in(store), await sign_in(store)
    for _ in range(3):
        clock.move(20 * DAY)
        assert await signed_in(store, used) == ADA
    assert await signed_in(store, unused) is None

    clock.move(LIFETIME_MS - 1)
    last = await signed_in(store, used)
    clock.move(LIFETIME_MS)

    assert (last, await signed_in(store, used)) == (ADA, None)


async def test_that_somebody_is_there_is_written_at_most_every_hour(
    store: Store, clock: Clock, ada: User
) -> None:
    token = await sign_in(store)
    seen = []
    for pause in (TOUCH_MS - 1, 1, MINUTE, TOUCH_MS):
        clock.move(pause)
        await signed_in(store, token)
        (login,) = await accounts.logins_of(store, ada.id)
        seen.append(login.seen_at - login.created_at)
        assert login.expires_at == login.seen_at + LIFETIME_MS

    assert seen == [0, HOUR, HOUR, 2 * HOUR + MINUTE]
    assert (await accounts.find(store, ADA)).seen_at == clock.now


async def test_whoever_signs_out_is_out_here_only(store: Store, ada: User) -> None:
    here, there = await sign_in(store), await sign_in(store)

    await accounts.sign_out(store, here)
    await accounts.sign_out(store, here)

    assert (await signed_in(store, here), await signed_in(store, there)) == (None, ADA)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\0"])
async def test_a_token_of_nobody_is_nobodys(store: Store, ada: User, token: str) -> None:
    await sign_in(store)

    assert await signed_in(store, token) is None


async def test_logins_are_listed_and_ended_by_their_own_person_only(
    store: Store, clock: Clock, ada: User, bob: User
) -> None:
    old = await sign_in(store, agent="Opera\0" + "x" * 400, address="::1")
    clock.move(MINUTE)
    await sign_in(store)
    foreign = await sign_in(store, BOB)
    listed = await accounts.logins_of(store, ada.id)

    with pytest.raises(NotFound):
        await accounts.end_login(store, ada.id, accounts.digest(foreign))
    await accounts.end_login(store, ada.id, listed[1].hash)

    assert [login.agent for login in listed] == ["Firefox", "Opera" + "x" * 295]
    assert (listed[1].address, listed[1].hash) == ("::1", accounts.digest(old))
    assert (await signed_in(store, old), await signed_in(store, foreign)) == (None, BOB)


async def test_a_new_password_ends_all_logins_but_the_one_that_gave_it(
    store: Store, ada: User, bob: User
) -> None:
    here, there, foreign = await sign_in(store), await sign_in(store), await sign_in(store, BOB)

    await accounts.set_password(store, ada, ANOTHER, keep=here)

    assert [await signed_in(store, one) for one in (here, there, foreign)] == [ADA, None, BOB]
    assert await sign_in(store, password=ANOTHER)
    with pytest.raises(Unauthorized):
        await sign_in(store)


async def test_whoever_is_removed_is_out(store: Store, clock: Clock, ada: User, bob: User) -> None:
    token = await sign_in(store, BOB)

    await accounts.remove_user(store, bob.id)

    assert await signed_in(store, token) is None
    world = await World.make(store, clock)
    assert world.rows("select count(*) from logins") == [(0,)]
    with pytest.raises(Unauthorized):
        await sign_in(store, BOB)


async def test_logins_that_are_over_are_pruned(store: Store, clock: Clock, ada: User) -> None:
    await sign_in(store)
    clock.move(DAY)
    token = await sign_in(store)
    clock.move(LIFETIME_MS - DAY)

    await upkeep.prune(store, retention_ms=0)

    world = await World.make(store, clock)
    assert world.rows("select hash from logins") == [(accounts.digest(token),)]


# behind a proxy


async def test_the_first_whom_a_proxy_knows_is_an_admin_and_the_next_ones_look(
    store: Store,
) -> None:
    first = await accounts.sign_in_by_proxy(store, "Ada", "Ada Lovelace")
    second = await accounts.sign_in_by_proxy(store, BOB, "")
    again = await accounts.sign_in_by_proxy(store, " ADA", "")

    assert (first.email, first.name, first.role) == ("ada", "Ada Lovelace", "admin")
    assert (second.name, second.role, second.has_password) == ("bob", "viewer", False)
    assert (again.id, again.name) == (first.id, first.name)


async def test_one_who_comes_through_a_proxy_many_times_at_once_is_one(store: Store) -> None:
    seen = await asyncio.gather(
        *(accounts.sign_in_by_proxy(store, "ada", f"Ada {n}") for n in range(6))
    )

    assert len({user.id for user in seen}) == 1
    assert await roles(store) == {"ada": "admin"}


async def test_a_proxy_may_give_somebody_another_name_and_no_other_role(
    store: Store, clock: Clock, ada: User, bob: User
) -> None:
    await accounts.sign_in_by_proxy(store, BOB, "Robert")
    clock.move(MINUTE)
    known = await accounts.sign_in_by_proxy(store, BOB, "Robert")

    found = await accounts.find(store, BOB)

    assert (found.name, found.role, found.seen_at) == ("Robert", "viewer", clock.now - MINUTE)
    assert (known.name, known.has_password) == ("Robert", True)


@pytest.mark.parametrize("identity", ["", "  ", "a\nb", "x" * 300])
async def test_what_is_no_name_makes_nobody(store: Store, identity: str) -> None:
    with pytest.raises(Unprocessable):
        await accounts.sign_in_by_proxy(store, identity, "")

    assert await accounts.is_empty(store)


# what is told


async def test_what_happens_to_people_is_told_without_their_secrets(
    store: Store, told: list[tuple[str, dict[str, Any]]]
) -> None:
    ada = await first_admin(store, 1)
    bob = await accounts.add_user(store, email=BOB, name="", role="viewer", password=PASSWORD)
    token = await sign_in(store, BOB)
    await accounts.change_role(store, bob.id, "admin")
    await accounts.change_role(store, bob.id, "admin")
    await accounts.set_password(store, bob, ANOTHER)
    with pytest.raises(HairtriggerError):
        await sign_in(store, BOB)
    await accounts.sign_out(store, await sign_in(store, BOB, ANOTHER))
    await accounts.remove_user(store, bob.id)

    who = {"user": bob.public_id}
    here = {"address": "10.0.0.1"}
    assert told == [
        ("user.added", {"user": ada.public_id, "role": "admin"}),
        ("user.added", who | {"role": "viewer"}),
        ("user.signed_in", who | here),
        ("user.changed", who | {"what": "role"}),
        ("user.changed", who | {"what": "password"}),
        ("sign_in.refused", here),
        ("user.signed_in", who | here),
        ("user.signed_out", who),
        ("user.removed", who),
    ]
    assert not any(text in repr(told) for text in (token, PASSWORD, ANOTHER, BOB))


async def test_somebody_is_called_by_another_name(store: Store) -> None:
    ada = await first_admin(store, 1)

    assert await accounts.rename(store, ada.id, "  Ada\n Lovelace ") == "Ada Lovelace"
    assert (await accounts.users(store))[0].name == "Ada Lovelace"
    assert await accounts.rename(store, ada.id, " ") == ada.email.partition("@")[0]
    with pytest.raises(NotFound):
        await accounts.rename(store, ada.id + 1, "Nobody")


async def test_all_logins_but_one_are_ended(store: Store) -> None:
    ada = await first_admin(store, 1)
    tokens = [await sign_in(store, ada.email) for _ in range(3)]

    await accounts.end_other_logins(store, ada.id, accounts.digest(tokens[1]))

    left = await accounts.logins_of(store, ada.id)
    assert [one.hash for one in left] == [accounts.digest(tokens[1])]
