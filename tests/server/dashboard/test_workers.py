"""The pages of workers, without a browser."""

import re

import pytest

from hairtrigger.server.app import App
from tests.server.dashboard.looking import somebody
from tests.server.driving import PROD_KEY, Api


@pytest.fixture
def prod(app: App) -> Api:
    return Api(app, PROD_KEY)


async def test_busy_slots_are_links_to_the_runs_in_a_workers_hands(app: App, prod: Api) -> None:
    worker = await prod.work("greet", slots=4)
    runs = [await prod.trigger() for _ in range(3)]
    await worker.fetch(2)
    viewer = await somebody(app, "viewer")

    body = (await viewer.get("workers")).body.decode()
    detail = (await viewer.get(f"workers/{worker.id}")).body.decode()

    for page in (body, detail):
        busy = re.findall(r'<a href="[^"]*/runs/(run_\w+)"[^>]*class="is-busy"', page)
        assert busy == runs[:2]
        assert page.count("<i></i>") >= 2
    assert "2 / 4" in body
    assert "2 of 4 busy" in detail
    assert ">greet</a>" in detail
    shown = (await prod.get("/api/hairtrigger/v1/workers")).json()["data"][0]
    assert (shown["id"], shown["held"], shown["slots"]) == (worker.id, 2, 4)


async def test_without_a_worker_the_command_that_starts_one_is_shown(app: App, prod: Api) -> None:
    viewer = await somebody(app, "viewer")

    body = (await viewer.get("workers")).body.decode()
    dev = (await viewer.get(f"{viewer.base[: -len('prod')]}dev/workers")).body.decode()

    assert 'data-copy="hairtrigger worker"' in body
    assert 'data-copy="hairtrigger dev"' in dev


async def test_a_worker_that_has_left_is_not_there(app: App, prod: Api) -> None:
    worker = await prod.work("greet")
    viewer = await somebody(app, "viewer")
    await worker.call("leave", {})

    reply = await viewer.get(f"workers/{worker.id}")

    assert reply.status == 404
    assert b"its session has ended" in reply.body


async def test_many_slots_are_not_all_drawn(app: App, prod: Api) -> None:
    worker = await prod.work("greet", slots=3_000)
    viewer = await somebody(app, "viewer")

    body = (await viewer.get("workers")).body.decode()
    detail = (await viewer.get(f"workers/{worker.id}")).body.decode()

    assert body.count("<i></i>") == 64
    assert "+2,936" in body
    assert detail.count("<i></i>") == 1_000 + 1  # and the dot of its state
    assert "and 2,000 more" in detail
