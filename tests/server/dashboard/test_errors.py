"""The pages of errors without a browser."""

import re

import pytest

from hairtrigger.engine import stats
from hairtrigger.server.app import App
from tests.server.dashboard.looking import somebody
from tests.server.driving import PROD_KEY, Api

ONCE = {"maxAttempts": 1}
TRACE = """Traceback (most recent call last):
  File "/app/trigger/mail.py", line 12, in send
    raise ValueError(address)
ValueError: no such address"""
_ROW = re.compile(r'<tr id="e-(\w+)"')


@pytest.fixture
def prod(app: App) -> Api:
    return Api(app, PROD_KEY)


async def fail(app: App, prod: Api, *messages: str, queue: str = "mail") -> list[str]:
    """Let a run of ``mail`` fail with each message; answers their ids. Another queue is another version."""
    worker = await prod.work("mail", queue={"name": queue}, retry=ONCE)
    ids = [await prod.trigger("mail", tags=["red"]) for _ in messages]
    for run, message in zip(await worker.fetch(), messages, strict=True):
        failed = {"name": "ValueError", "message": message, "trace": TRACE}
        await worker.report({"id": run["id"], "lease": run["lease"], "failed": failed})
    while await stats.roll_up(app.server.store) == 0:
        continue
    return ids


async def test_failures_are_listed_once_for_all_that_are_alike(app: App, prod: Api) -> None:
    await fail(app, prod, "no address 1", "no address 2", "no address 3", "full")
    looker = await somebody(app, "viewer")

    body = (await looker.get("errors")).body.decode()

    assert len(_ROW.findall(body)) == 2
    row = next(one for one in body.split("<tr id=")[1:] if "no address" in one)
    assert '<span class="varies" title="Varies">3</span>' in row
    assert re.search(r'title="3">3</a>', row)
    assert "data-triage" not in body
    assert "data-all" not in body
    assert len(_ROW.findall((await looker.get("errors?q=FULL")).body.decode())) == 1
    assert "No error fits" in (await looker.get("errors?task=other")).body.decode()
    assert (
        "Nothing is broken"
        in (await looker.get(f"/p/{looker.base.split('/')[2]}/dev/errors")).body.decode()
    )


@pytest.mark.acceptance("S84")
async def test_an_error_is_shown_with_its_place_its_runs_and_what_they_share(
    app: App, prod: Api
) -> None:
    ids = await fail(app, prod, "no address 1", "no address 2")
    looker = await somebody(app, "viewer")
    (name,) = _ROW.findall((await looker.get("errors")).body.decode())

    body = (await looker.get(f"errors/{name}")).body.decode()

    assert "trigger/mail.py" in body
    assert all(f'id="{run}"' in body for run in ids)
    assert re.search(r">red</a>.*?100%", body, re.DOTALL)
    assert "Resolve" not in body
    assert f'href="{looker.base}/runs?error={name}' in body
    for run in (ids[0], ids[1]):
        page = (await looker.get(f"runs/{run}")).body.decode()
        assert f"errors/{name}?period=24h" in page
        assert "2 in 24 h" in page
    assert 'class="peek"' in (await looker.get(f"errors/{name}/peek")).body.decode()


async def test_an_admin_decides_and_everybody_sees_who_it_was(app: App, prod: Api) -> None:
    await fail(app, prod, "full")
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")
    (name,) = _ROW.findall((await admin.get("errors")).body.decode())

    refused = await viewer.post(f"errors/{name}/resolve")
    done = await admin.post(f"errors/{name}/resolve")
    page = (await viewer.get(f"errors/{name}")).body.decode()

    assert refused.status == 403
    assert done.headers["location"] == f"{admin.base}/errors/{name}"
    assert "resolved by <b>admin</b>" in page
    assert _ROW.findall((await viewer.get("errors")).body.decode()) == []
    assert _ROW.findall((await viewer.get("errors?status=resolved")).body.decode()) == [name]
    await fail(app, prod, "full", queue="newer")
    page = (await viewer.get(f"errors/{name}")).body.decode()
    assert "Unresolved" in page
    assert re.search(r"regressed in <span class=\"mono\">[\d.]+</span>", page)


@pytest.mark.parametrize(
    ("how", "said"),
    [("1h", "comes back <time"), ("1d", "comes back <time"), ("100", "for 100 more runs"), ("ever", "for ever")],
)  # fmt: skip
async def test_an_error_is_ignored_for_as_long_as_is_chosen(
    app: App, prod: Api, how: str, said: str
) -> None:
    await fail(app, prod, "full")
    admin = await somebody(app, "admin")
    (name,) = _ROW.findall((await admin.get("errors")).body.decode())

    reply = await admin.post("errors/ignore", {"id": name, "for": how}, accept="application/json")

    assert reply.json()["said"].startswith("Ignored 1 error")
    assert said in (await admin.get("errors?status=ignored")).body.decode()
    reopened = await admin.post("errors/reopen", {"id": name}, accept="application/json")
    assert reopened.json() == {"said": "Reopened 1 error."}
    assert _ROW.findall((await admin.get("errors")).body.decode()) == [name]


async def test_what_cannot_be_decided_is_refused(app: App, prod: Api) -> None:
    await fail(app, prod, "full")
    admin = await somebody(app, "admin")
    (name,) = _ROW.findall((await admin.get("errors")).body.decode())

    assert (await admin.post(f"errors/{name}/ignore", {"for": "a while"})).status == 400
    assert (await admin.post(f"errors/{name}/forget")).status == 400
    assert (await admin.post("errors/resolve")).status == 400
    assert (await admin.post("errors/nothing-like-it/resolve")).status == 404
    assert (await admin.get("errors/nothing-like-it")).status == 404
    assert (await admin.get("errors?status=broken")).status == 400
    assert (await admin.get("errors?cursor=nonsense")).status == 200
    assert _ROW.findall((await admin.get("errors")).body.decode()) == [name]


async def test_pages_of_errors_go_on_and_back(
    app: App, prod: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hairtrigger.server.dashboard.pages.errors.SIZE", 2)
    for word in ("alpha", "bravo", "charlie", "delta", "echo"):
        await fail(app, prod, word)
    looker = await somebody(app, "viewer")

    first = (await looker.get("errors")).body.decode()
    older = re.search(r'href="([^"]+)" data-key="l"', first)
    assert older
    second = (await looker.get(older[1].replace("&amp;", "&"))).body.decode()
    newer = re.search(r'href="([^"]+)" data-key="h"', second)
    assert newer
    back = (await looker.get(newer[1].replace("&amp;", "&"))).body.decode()

    assert len({*_ROW.findall(first), *_ROW.findall(second)}) == 4
    assert _ROW.findall(back) == _ROW.findall(first)
