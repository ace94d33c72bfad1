"""The pages of queues, without a browser."""

import re

import pytest

from hairtrigger.server.app import App
from tests.server.dashboard.looking import somebody
from tests.server.driving import PROD_KEY, Api


@pytest.fixture
def prod(app: App) -> Api:
    return Api(app, PROD_KEY)


async def a_queue(prod: Api, *, waiting: int = 3, **queue: int) -> None:
    """A worker with a task whose runs wait in the queue ``mail``."""
    await prod.work("greet", queue={"name": "mail", **queue})
    for _ in range(waiting):
        await prod.trigger()


async def test_a_queue_is_paused_with_a_note_that_everybody_sees(app: App, prod: Api) -> None:
    await a_queue(prod)  # before anybody looks: numbers are a second old at most
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")

    reply = await admin.post(
        "queues/mail/pause", {"note": "  The provider\n is down ", "to": "list"}
    )

    assert reply.headers["location"] == f"{admin.base}/queues"
    for page in ("queues", "queues/mail"):
        body = (await viewer.get(page)).body.decode()
        assert "The provider is down" in body, page
        assert '<button class="toggle' not in body
        assert "Resume" not in body
    detail = (await viewer.get("queues/mail")).body.decode()
    assert "by <b>admin</b>" in detail
    assert "The queue mail is paused; 3 wait in it." in detail
    found = (await prod.get("/api/v1/queues/mail?type=custom")).json()
    assert found["paused"] is True

    assert (await admin.post("queues/mail/resume")).status == 303
    assert "The provider is down" not in (await viewer.get("queues/mail")).body.decode()


async def test_a_limit_is_set_and_reset_and_a_wrong_one_comes_back(app: App, prod: Api) -> None:
    admin = await somebody(app, "admin")
    await a_queue(prod, concurrencyLimit=8)

    wrong = await admin.post("queues/mail/limit", {"limit": "many"})
    large = await admin.post("queues/mail/limit", {"limit": "100001"})
    right = await admin.post("queues/mail/limit", {"limit": "5"})
    body = (await admin.get("queues/mail")).body.decode()
    reset = await admin.post("queues/mail/reset")
    again = await admin.post("queues/mail/reset")

    assert wrong.status == large.status == 400
    assert 'value="many" ' in wrong.body.decode()
    assert 'aria-invalid="true"' in wrong.body.decode()
    assert wrong.headers["hx-push-url"] == "false"
    assert right.status == reset.status == 303
    assert "<dt>Override</dt><dd>5, set" in body
    assert again.status == 400
    assert (await prod.get("/api/v1/queues/mail?type=custom")).json()["concurrency"][
        "override"
    ] is None


async def test_numbers_are_those_of_the_api(app: App, prod: Api) -> None:
    viewer = await somebody(app, "viewer")
    await prod.work("greet", "other", queue={"name": "mail", "concurrencyLimit": 2}, slots=2)
    worker = await prod.work(
        "greet", "other", queue={"name": "mail", "concurrencyLimit": 2}, slots=2
    )
    for n in range(5):
        await prod.trigger(payload=n)
    await worker.fetch(2)

    body = (await viewer.get("queues?q=MAI")).body.decode()
    found = (await prod.get("/api/v1/queues/mail?type=custom")).json()

    assert (found["running"], found["queued"]) == (2, 3)
    row = body[body.index("<tbody>") : body.index("</tbody>")]
    assert re.search(r'class="r c-queued"><a href="[^"]*status=QUEUED[^"]*">3</a>', row)
    assert "<span>2 / 2</span>" in row
    assert "At its limit" in row


async def test_a_search_without_a_match_and_a_project_without_code_say_what_to_do(
    app: App, prod: Api
) -> None:
    viewer = await somebody(app, "viewer")
    empty = (await viewer.get("queues")).body.decode()
    await a_queue(prod, waiting=0)

    none = (await viewer.get("queues?q=%3Cimg%3E")).body.decode()

    assert "No queue yet" in empty
    assert "hairtrigger worker" in empty
    assert "No queue fits" in none
    assert "&lt;img&gt;" in none
    assert "<img>" not in none
    assert (await viewer.get("queues/nobody")).status == 404


async def test_keys_of_a_queue_are_paged_and_found(app: App, prod: Api) -> None:
    viewer = await somebody(app, "viewer")
    await prod.work("greet", queue={"name": "mail", "concurrencyLimit": 1})
    for n in range(60):
        await prod.trigger(concurrencyKey=f"user_{n:02}")

    first = (await viewer.get("queues/mail?tab=keys")).body.decode()
    more = re.search(r'href="([^"]*key=user_50[^"]*)"', first)
    found = (await viewer.get("queues/mail?tab=keys&key=user_59")).body.decode()

    assert "user_49</a>" in first
    assert "user_51</a>" not in first
    assert more is not None
    assert "user_59</a>" in (await viewer.get(more[1].replace("&amp;", "&"))).body.decode()
    assert "user_58</a>" not in found
    assert "user_59</a>" in found


async def test_living_parts_hold_nothing_of_one_person(app: App, prod: Api) -> None:
    admin = await somebody(app, "admin")
    await a_queue(prod)

    for page, parts in (
        ("queues", "cards,rows"),
        ("queues/mail", "head,line,limits"),
        ("queues/mail?tab=keys", "keys"),
    ):
        reply = await admin.get(page, x_parts=parts)
        assert reply.status == 200, page
        assert admin.csrf not in reply.body.decode()


async def test_parts_that_a_page_has_not_are_nothing(app: App) -> None:
    viewer = await somebody(app, "viewer")

    reply = await viewer.get("tasks", x_parts="histogram,rows")

    assert (reply.status, reply.body) == (200, b"")
