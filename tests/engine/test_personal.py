"""Personal access tokens, and tools that are let in, on both databases."""

import asyncio

import pytest

from hairtrigger.engine import accounts, personal, upkeep
from hairtrigger.errors import NotFound, Unavailable, Unprocessable
from hairtrigger.rules import keys as rules
from hairtrigger.store.store import Store
from tests.clock import DAY, HOUR, Clock


async def person(store: Store, email: str = "ada@example.com") -> int:
    made = await accounts.add_user(store, email=email, name="", role="viewer", password=None)
    return made.id


async def tool(store: Store, name: str = "laptop") -> str:
    return await personal.ask(store, name=name, agent="hairtrigger/1", address="10.0.0.1")


async def test_a_token_opens_for_whom_it_is_until_it_is_revoked(store: Store) -> None:
    ada, bob = await person(store), await person(store, "bob@example.com")
    token, text = await personal.create(store, ada, name=" Laptop ")
    other, _ = await personal.create(store, ada, name="Laptop")

    found = await personal.find(store, text)

    assert found is not None
    assert (found[0], found[1].id, found[1].role) == (token.id, ada, "viewer")
    assert text.startswith("tr_pat_")
    assert token.shown == f"tr_pat_…{text[-4:]}"
    assert [one.id for one in await personal.list_all(store, ada)] == [other.id, token.id]
    assert await personal.list_all(store, bob) == []
    with pytest.raises(NotFound):
        await personal.revoke(store, bob, token.id)
    assert await personal.revoke(store, ada, token.id) == "Laptop"
    assert await personal.find(store, text) is None
    with pytest.raises(NotFound):
        await personal.revoke(store, ada, token.id)


async def test_a_token_ends_with_its_time_and_with_its_person(store: Store, clock: Clock) -> None:
    ada = await person(store)
    _, short = await personal.create(store, ada, name="short", life_ms=HOUR)
    _, long = await personal.create(store, ada, name="long")

    clock.move(HOUR)
    assert await personal.find(store, short) is None
    assert await personal.find(store, long) is not None
    await accounts.add_user(store, email="bob@b.example", name="", role="admin", password=None)
    await accounts.remove_user(store, ada)

    assert await personal.find(store, long) is None
    assert await personal.list_all(store, ada) == []
    with pytest.raises(NotFound):
        await personal.create(store, ada, name="late")


@pytest.mark.parametrize(
    ("name", "life_ms", "said"),
    [("", None, "1 to 60"), ("a\nb", None, "one line"), ("x", 0, "ten years"), ("x", 5_000 * DAY, "ten years")],
)  # fmt: skip
async def test_what_is_no_token_is_refused(
    store: Store, name: str, life_ms: int | None, said: str
) -> None:
    ada = await person(store)

    with pytest.raises(Unprocessable, match=said) as told:
        await personal.create(store, ada, name=name, life_ms=life_ms)

    assert "A token" in str(told.value)
    assert await personal.list_all(store, ada) == []


async def test_a_person_has_so_many_tokens(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_KEYS", 2)
    ada = await person(store)
    for name in ("one", "two"):
        await personal.create(store, ada, name=name)
    code = await tool(store)
    await personal.approve(store, code, ada)

    with pytest.raises(Unprocessable, match="Revoke one"):
        await personal.create(store, ada, name="three")
    with pytest.raises(Unprocessable, match="Revoke one"):
        await personal.collect(store, code)

    await personal.revoke(store, ada, (await personal.list_all(store, ada))[0].id)
    assert await personal.collect(store, code) is not None


async def test_a_tool_is_given_a_token_once_when_it_has_been_let_in(store: Store) -> None:
    ada, bob = await person(store), await person(store, "bob@example.com")
    code = await tool(store, "my\tlaptop " * 20)

    assert await personal.collect(store, code) is None
    waiting = await personal.waiting(store, code)
    assert (waiting.agent, waiting.address) == ("hairtrigger/1", "10.0.0.1")
    assert waiting.name.startswith("my laptop my")
    await personal.approve(store, code, ada)
    with pytest.raises(NotFound):
        await personal.approve(store, code, bob)
    told = await asyncio.gather(
        *(personal.collect(store, code) for _ in range(3)), return_exceptions=True
    )

    (text,) = [one for one in told if isinstance(one, str)]
    assert sum(isinstance(one, NotFound) for one in told) == 2
    found = await personal.find(store, text)
    assert found is not None
    assert found[1].id == ada
    assert [one.name for one in await personal.list_all(store, ada)] == [waiting.name]


async def test_a_tool_that_is_not_let_in_hears_so(store: Store) -> None:
    code = await tool(store)

    await personal.deny(store, code)

    for ask in (personal.collect, personal.waiting):
        with pytest.raises(NotFound, match="Sign in again"):
            await ask(store, code)


async def test_a_tool_waits_for_ten_minutes_and_not_beside_too_many(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal, "MOST_WAITING", 2)
    ada = await person(store)
    codes = [await tool(store), await tool(store, "\x00")]
    assert (await personal.waiting(store, codes[1])).name == "A tool"
    with pytest.raises(Unavailable, match="Too many"):
        await tool(store)

    clock.move(personal.WAITS_MS)
    with pytest.raises(NotFound):
        await personal.approve(store, codes[0], ada)
    with pytest.raises(NotFound):
        await personal.collect(store, codes[0])
    await upkeep.prune(store, retention_ms=0)

    assert await tool(store)


async def test_when_tokens_were_used_is_kept(store: Store, clock: Clock) -> None:
    ada = await person(store)
    first, _ = await personal.create(store, ada, name="first")
    second, _ = await personal.create(store, ada, name="second")

    await personal.note_uses(store, {first.id: clock.now, second.id: clock.now - 5})
    await personal.note_uses(store, {first.id: clock.now - 9})
    await personal.note_uses(store, {})

    used = {one.name: one.used_at for one in await personal.list_all(store, ada)}
    assert used == {"first": clock.now, "second": clock.now - 5}
