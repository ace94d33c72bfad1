"""The web applications of the example: what their views answer, and that the runs complete."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
import web_django
import web_fastapi
import web_flask
from django.test import AsyncRequestFactory, Client

from hairtrigger import runs
from tests.examples.conftest import Orion


async def completed(answer: dict[str, Any]) -> Any:
    """The output of the run that a view has answered, once it is there."""
    assert answer["status"] == "triggered"
    assert answer["jobId"].startswith("run_")
    run = await runs.poll(answer["jobId"], poll_interval_ms=20)
    assert run.is_success
    return run.output


def a_user() -> dict[str, str]:
    name = uuid4().hex[:12]
    return {"userId": name, "email": f"{name}@example.com"}


@pytest.fixture
async def fastapi(orion: Orion) -> Any:
    transport = httpx.ASGITransport(web_fastapi.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client


@pytest.mark.acceptance("S23", "S26", "S48")
async def test_a_fastapi_view_triggers(fastapi: httpx.AsyncClient) -> None:
    answer = await fastapi.post("/jobs")

    assert (answer.status_code, await completed(answer.json())) == (200, 1)
    job = (await fastapi.get(f"/jobs/{answer.json()['jobId']}")).json()
    assert (job["status"], job["output"]) == ("COMPLETED", 1)


@pytest.mark.acceptance("S48")
async def test_a_sync_fastapi_view_triggers(fastapi: httpx.AsyncClient) -> None:
    answer = await fastapi.post("/process", json={"data": ["a", "b", "c"]})

    assert answer.status_code == 200
    assert (await completed(answer.json()))["processedCount"] == 3


@pytest.mark.acceptance("S48", "S88")
async def test_a_form_that_is_sent_twice_sends_one_mail(
    fastapi: httpx.AsyncClient, orion: Orion
) -> None:
    user = a_user()

    first = await fastapi.post("/signup", json=user)
    second = await fastapi.post("/signup", json=user)

    assert first.json() == second.json()
    assert await completed(first.json()) == {"success": True, "emailSent": True}
    assert len(orion.mails(user["email"])) == 1


@pytest.mark.acceptance("S91")
async def test_a_webhook_that_is_sent_twice_gives_one_run(fastapi: httpx.AsyncClient) -> None:
    event = {
        "id": uuid4().hex,
        "type": "invoice.paid",
        "data": {"object": {"lines": [{"n": 1}, []]}},
    }

    answers = [(await fastapi.post("/webhooks/stripe", json=event)).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert await completed(answers[0]) == event["data"]


@pytest.mark.acceptance("S26", "S48")
def test_a_flask_view_triggers(orion: Orion) -> None:
    answer = web_flask.app.test_client().post("/process", json={"data": ["a"]})

    assert answer.status_code == 200
    assert orion.finished(answer.get_json())["output"]["processedCount"] == 1


@pytest.mark.acceptance("S48")
def test_an_async_flask_view_triggers(orion: Orion) -> None:
    user = a_user()

    answer = web_flask.app.test_client().post("/signup", json=user)

    assert answer.status_code == 200
    assert orion.finished(answer.get_json())["output"] == {"success": True, "emailSent": True}


@pytest.mark.acceptance("S26", "S48")
def test_a_django_view_triggers(orion: Orion) -> None:
    answer = Client().post("/process", {"data": ["a", "b"]}, "application/json")

    assert answer.status_code == 200
    assert orion.finished(answer.json())["output"]["processedCount"] == 2


@pytest.mark.acceptance("S48")
async def test_an_async_django_view_triggers(orion: Orion) -> None:
    body = json.dumps(a_user())
    request = AsyncRequestFactory().post("/signup", body, "application/json")

    answer = await web_django.signup(request)

    assert answer.status_code == 200
    assert await completed(json.loads(answer.content)) == {"success": True, "emailSent": True}
