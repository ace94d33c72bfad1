"""The list of runs: filters, pages that hold still, cursors that are checked."""

from typing import Any
from urllib.parse import quote

import pytest

from .driving import Api
from .test_runs import no_nulls


def query(**members: Any) -> str:
    """A query as the official client writes it: ``filter__x`` is ``filter[x]``, percent-encoded."""
    pairs = []
    for name, value in members.items():
        head, *parts = name.split("__")
        pairs.append(
            quote(head + "".join(f"[{part}]" for part in parts)) + "=" + quote(str(value), safe="")
        )
    return "/api/v1/runs?" + "&".join(pairs)


async def ids(api: Api, **members: Any) -> list[str]:
    reply = await api.get(query(**members))
    assert reply.status == 200, reply.body
    return [run["id"] for run in reply.json()["data"]]


async def test_items_have_the_common_members_and_their_environment(api: Api) -> None:
    await api.trigger(payload={"secret": 1})

    (run,) = (await api.get("/api/v1/runs")).json()["data"]

    no_nulls(run)
    assert run["env"].keys() == {"id", "name"}
    assert run["env"]["name"] == "dev"
    assert not run.keys() & {"payload", "relatedRuns", "attemptCount"}


@pytest.mark.acceptance("S81")
async def test_pages_hold_still_while_new_runs_arrive(api: Api) -> None:
    old = [await api.trigger() for _ in range(7)][::-1]
    seen, cursor, following = [], "", {"page__size": 3}
    firsts = []

    while True:
        page = (await api.get(query(**following))).json()
        seen += [run["id"] for run in page["data"]]
        firsts.append(page["pagination"])
        await api.trigger()
        cursor = page["pagination"].get("next", "")
        if not cursor:
            break
        following = {"page__size": 3, "page__after": cursor}

    assert seen == old
    assert "previous" not in firsts[0]
    assert all("previous" in page for page in firsts[1:])


async def test_a_page_back_is_the_page_before(api: Api) -> None:
    old = [await api.trigger() for _ in range(6)][::-1]
    first = (await api.get(query(page__size=2))).json()
    second = (await api.get(query(page__size=2, page__after=first["pagination"]["next"]))).json()

    back = (
        await api.get(query(page__size=2, page__before=second["pagination"]["previous"]))
    ).json()

    assert [run["id"] for run in back["data"]] == old[:2]


async def test_of_two_cursors_the_newer_one_counts(api: Api) -> None:
    old = [await api.trigger() for _ in range(6)][::-1]
    first = (await api.get(query(page__size=2))).json()
    after = first["pagination"]["next"]
    second = (await api.get(query(page__size=2, page__after=after))).json()

    # what the npm client sends when it turns back, forth and back again
    pages = []
    cursors = {"page__after": after, "page__before": second["pagination"]["previous"]}
    for turned in ("next", "previous"):
        page = (await api.get(query(page__size=2, **cursors))).json()
        pages.append([run["id"] for run in page["data"]])
        name = "page__after" if turned == "next" else "page__before"
        cursors[name] = page["pagination"][turned]
    last = (await api.get(query(page__size=2, **cursors))).json()

    assert pages == [old[:2], old[2:4]]
    assert [run["id"] for run in last["data"]] == old[:2]


async def test_a_list_of_nothing_has_no_neighbours(api: Api) -> None:
    assert (await api.get("/api/v1/runs")).json() == {"data": [], "pagination": {}}


async def test_every_filter_narrows(api: Api) -> None:
    await api.work("a", "b")
    plain = await api.trigger("a")
    tagged = await api.trigger("b", tags=["red", "blue"])
    queued = await api.trigger("b", queue={"name": "mail"}, machine="micro")
    test = await api.trigger("a", test=True, delay="1h")

    assert await ids(api, filter__taskIdentifier="a") == [test, plain]
    assert await ids(api, filter__taskIdentifier="a,b") == [test, queued, tagged, plain]
    assert await ids(api, filter__taskIdentifier="none") == []
    assert await ids(api, filter__tag="red") == [tagged]
    assert await ids(api, filter__tag="green,blue") == [tagged]
    assert await ids(api, filter__queue="mail") == [queued]
    assert await ids(api, filter__queue="task/a") == [test, plain]
    assert await ids(api, filter__machine="micro") == [queued]
    assert await ids(api, filter__isTest="true") == [test]
    assert await ids(api, filter__isTest="false", filter__tag="red") == [tagged]
    assert await ids(api, filter__status="DELAYED") == [test]
    assert await ids(api, filter__status="QUEUED,DELAYED", filter__taskIdentifier="a") == [
        test,
        plain,
    ]
    assert await ids(api, filter__status="COMPLETED") == []
    assert await ids(api, filter__schedule="sched_x") == []
    assert await ids(api, filter__batch="batch_x") == []
    assert await ids(api, filter__createdAt__period="1h") == [test, queued, tagged, plain]
    assert await ids(api, filter__createdAt__to=0) == []
    assert await ids(api, filter__createdAt__from="2100-01-01T00:00:00.000Z") == []


async def test_an_older_name_of_a_status_is_understood(api: Api) -> None:
    run = await api.trigger()

    assert await ids(api, filter__status="WAITING_FOR_DEPLOY") == [run]


@pytest.mark.parametrize(
    "members",
    [
        {"filter__status": "DONE"},
        {"filter__isTest": "yes"},
        {"page__size": 0},
        {"page__size": 101},
        {"page__size": "x"},
        {"page__size": "²"},
        {"page__after": "nonsense"},
        {"page__after": "cursor_" + "0" * 24},
        {"page__before": "eyJhIjoxfQ"},
        {"filter__createdAt__from": "yesterday"},
        {"filter__createdAt__to": "9" * 16},
        {"filter__createdAt__period": "1 hour"},
        {"filter__createdAt__period": "999999w"},
    ],
)
async def test_a_query_that_cannot_be_is_refused(api: Api, members: dict[str, Any]) -> None:
    reply = await api.get(query(**members))

    assert reply.status in (400, 422), reply.body
    assert reply.error


@pytest.mark.parametrize("raw", ["filter%5Bstatus%5D=%ff", "a=1&" * 101])
async def test_a_query_that_cannot_be_read_is_refused(api: Api, raw: str) -> None:
    assert (await api.get("/api/v1/runs?" + raw)).status == 400


async def test_an_endless_filter_of_quotes_and_wildcards_finds_nothing(api: Api) -> None:
    await api.trigger(tags=["a"])

    assert await ids(api, filter__tag="' OR 1=1 --,%,_") == []
