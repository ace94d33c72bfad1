"""The pages of schedules, without a browser."""

import html
import re
from typing import Any
from urllib.parse import quote

import pytest

from hairtrigger.engine import schedules as engine
from hairtrigger.server.app import App
from hairtrigger.store.store import one
from tests.server.dashboard.looking import Looker, somebody
from tests.server.dashboard.test_tasks import text_of
from tests.server.driving import PROD_KEY, Api, Worker


@pytest.fixture
def prod(app: App) -> Api:
    return Api(app, PROD_KEY)


async def planned(prod: Api, **cron: Any) -> Worker:
    """A worker with a task that declares a schedule, and one that takes them."""
    manifest = {"id": "digest", "file": "t.py", "export": "digest", "scheduled": True}
    listed = [
        {**manifest, "cron": {"pattern": "0 9 * * *", "timezone": "Europe/London", **cron}},
        {"id": "remind", "file": "t.py", "export": "remind", "scheduled": True},
        {"id": "plain", "file": "t.py", "export": "plain"},
    ]
    reply = await prod.post(
        "/api/hairtrigger/v1/worker/register",
        {"name": "w", "version": "", "tasks": listed, "slots": 5, "protocol": [1]},
    )
    return Worker(prod, reply.json()["worker"])


async def schedules(prod: Api) -> dict[str, Any]:
    """Those that the API lists, by task."""
    return {one["task"]: one for one in (await prod.get("/api/v1/schedules")).json()["data"]}


async def make(admin: Looker, **given: str) -> str:
    """A schedule made by the form; answers its id."""
    form = {"task": "remind", "cron": "0 8 * * 1-5", "timezone": "America/New_York", **given}
    reply = await admin.post("schedules", form)
    assert reply.status == 303, text_of(reply.body)
    return reply.headers["location"].rpartition("/")[2]


async def test_list_says_when_what_runs_and_where_it_comes_from(app: App, prod: Api) -> None:
    await planned(prod)
    admin = await somebody(app, "admin")
    await make(admin, external_id="user_7")

    text = text_of((await admin.get("schedules")).body)
    found = text_of((await admin.get("schedules?q=USER_7")).body)
    other = text_of((await admin.get("schedules?task=digest")).body)
    none = text_of((await admin.get("schedules?task=nothing")).body)

    assert re.search(r"digest At 09:00 every day 0 9 \* \* \* Europe/London in \d+ ", text), text
    assert re.search(
        r"remind At 08:00 on Monday through Friday 0 8 \* \* 1-5 America/New_York", text
    )
    assert "user_7 created" in text
    assert "– code" in text
    assert "1 schedule" in found
    assert "At 09:00 every day" not in found
    assert "user_7" not in other
    assert "No schedule fits" in none


async def test_strip_counts_all_runs_of_the_next_day(app: App, prod: Api) -> None:
    await planned(prod, pattern="*/30 * * * *", timezone="UTC")
    admin = await somebody(app, "admin")
    await make(admin, cron="15 * * * *")
    paused = await make(admin, cron="*/5 * * * *")
    await admin.post(f"schedules/{paused}/pause")

    body = (await admin.get("schedules")).body.decode()

    titles = re.findall(r"<title>(\d\d:\d\d UTC: [^<]*)</title>", body)
    assert len(titles) == 144
    busy = [title for title in titles if not title.endswith("none")]
    assert len(busy) in (71, 72)  # of this moment's ten minutes, the past is not to come
    assert {title.partition("UTC: ")[2] for title in busy} == {"1 run: digest", "1 run: remind"}
    assert "of 2 schedules" in text_of(body.encode())


@pytest.mark.acceptance("S62")
async def test_pattern_is_said_in_words_with_its_next_five_times(app: App, prod: Api) -> None:
    viewer = await somebody(app, "viewer")

    async def preview(pattern: str, zone: str) -> dict[str, Any]:
        asked = f"schedules/preview?cron={quote(pattern)}&timezone={quote(zone)}"
        found: dict[str, Any] = (await viewer.get(asked)).json()
        return found

    good = await preview("30 2 * * *", "Europe/Berlin")
    wrong = await preview("61 * * * *", "UTC")
    nowhere = await preview("0 9 * * *", "Mars/Base")

    assert good["words"] == "At 02:30 every day"
    assert len(good["next"]) == 5
    assert all(re.fullmatch(r"\w{3} \d+ \w{3} 02:30 CES?T", one["there"]) for one in good["next"])
    assert ["does not exist" in note or "comes twice" in note for note in good["notes"]] == [
        True
    ] * 2
    assert (wrong["field"], wrong["error"][:22]) == ("cron", "minute: '61' is not 0-")
    assert nowhere["field"] == "timezone"


async def test_schedule_is_made_changed_and_deleted(app: App, prod: Api) -> None:
    await planned(prod)
    admin = await somebody(app, "admin")
    name = await make(admin, external_id="user_7", deduplication_key="reminder-7")

    made = (await schedules(prod))["remind"]
    again = await admin.post("schedules", {
        "task": "remind", "cron": "0 7 * * *", "timezone": "", "deduplication_key": "reminder-7",
    })  # fmt: skip
    changed = await admin.post(f"schedules/{name}", {"task": "remind", "cron": "0 6 * * *"})
    after = (await schedules(prod))["remind"]
    page = text_of((await admin.get(f"schedules/{name}")).body)
    gone = await admin.post(f"schedules/{name}/delete")

    assert made["generator"]["expression"] == "0 8 * * 1-5"
    assert (made["timezone"], made["externalId"]) == ("America/New_York", "user_7")
    assert again.headers["location"].endswith(name), "the key finds the same one"
    assert changed.status == 303
    assert (after["generator"]["expression"], after["timezone"]) == ("0 6 * * *", "UTC")
    assert after["deduplicationKey"] == "reminder-7"
    assert "At 06:00 every day UTC next run in" in page
    assert gone.headers["location"].endswith("/schedules")
    assert "remind" not in await schedules(prod)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"task": ""}, "Choose the task that it runs."),
        ({"task": "plain"}, "plain is not a scheduled task"),
        ({"cron": "0 9 31 2 *"}, "no date ever matches it"),
        ({"cron": "<b>"}, "it must have 5 fields, and has 1"),
        ({"timezone": "Mars/Base"}, "Unknown time zone 'Mars/Base'"),
    ],
)
async def test_what_is_wrong_comes_back_with_what_was_typed(
    app: App, prod: Api, form: dict[str, str], said: str
) -> None:
    await planned(prod)
    admin = await somebody(app, "admin")
    typed = {
        "task": "remind",
        "cron": "0 9 * * *",
        "timezone": "UTC",
        "external_id": "kept",
        **form,
    }

    reply = await admin.post("schedules", typed)

    body = reply.body.decode()
    assert reply.status == 422
    assert said in text_of(reply.body)
    for name, value in typed.items():
        if name != "task":
            assert f'name="{name}" value="{html.escape(value)}"' in body
    assert "remind" not in await schedules(prod)


async def test_run_now_makes_the_run_that_the_clock_would_make(app: App, prod: Api) -> None:
    admin = await somebody(app, "admin")
    worker = await planned(prod)
    declared = (await schedules(prod))["digest"]

    reply = await admin.post(f"schedules/{declared['id']}/run")

    (handed,) = await worker.fetch(1)
    assert reply.headers["location"].endswith(f"/runs/{handed['id']}")
    assert handed["schedule"] == declared["id"]
    assert '"timezone":"Europe/London"' in handed["payload"][1]
    assert (await schedules(prod))["digest"] == declared
    page = text_of((await admin.get(f"schedules/{declared['id']}")).body)
    assert "Last runs All runs Status Run" in page
    assert "Executing" in page


async def test_declared_schedule_is_paused_and_resumed_and_neither_changed_nor_deleted(
    app: App, prod: Api
) -> None:
    await planned(prod)
    admin = await somebody(app, "admin")
    name = (await schedules(prod))["digest"]["id"]

    paused = await admin.post(f"schedules/{name}/pause", {"back": "task=digest&page=1"})
    page = (await admin.get(f"schedules/{name}")).body.decode()
    off = (await schedules(prod))["digest"]
    await admin.post(f"schedules/{name}/resume")
    refused = [
        await admin.post(f"schedules/{name}", {"task": "digest", "cron": "0 1 * * *"}),
        await admin.post(f"schedules/{name}/delete"),
    ]

    assert paused.headers["location"].endswith("/schedules?task=digest&page=1")
    assert off["active"] is False
    assert "Declared in code" in page
    assert "here it can only be paused" in page
    assert 'name="cron"' not in page
    assert "/delete" not in page
    assert [reply.status for reply in refused] == [422, 422]
    assert all("declared in code" in text_of(reply.body).lower() for reply in refused)
    assert (await schedules(prod))["digest"]["active"] is True


async def test_schedule_that_can_never_fire_again_is_shown_as_broken(app: App, prod: Api) -> None:
    await planned(prod)
    admin = await somebody(app, "admin")
    name = await make(admin)
    store = app.server.store
    env = next(env for env in store.catalog.envs.values() if env.slug == "prod")
    found = await engine.retrieve(store, env, name)
    task = store.catalog.task_ids[env.id, "remind"]
    await store.change(lambda _catalog, now: one(  # as an update of the zones would
        "update_schedule", found.id, found.cron, "Gone/Zone", now + 1_000_000, now, None, None, task
    ))  # fmt: skip

    listed = text_of((await admin.get("schedules")).body)
    page = await admin.get(f"schedules/{name}")

    assert "Unknown time zone 'Gone/Zone'" in listed
    assert page.status == 200
    assert "Unknown time zone 'Gone/Zone'" in text_of(page.body)


async def test_a_viewer_looks_and_may_change_nothing(app: App, prod: Api) -> None:
    await planned(prod)
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")
    name = await make(admin)

    pages = [
        (await viewer.get(path)).body.decode()
        for path in ("schedules", f"schedules/{name}", "schedules/new")
    ]

    for page in pages:
        for word in ("formaction", "Run now", "Save", "Make it", "New schedule<kbd>"):
            assert word not in page, word


async def test_without_schedules_the_page_says_how_to_make_one(app: App) -> None:
    admin = await somebody(app, "admin")

    text = text_of((await admin.get("schedules")).body)
    new = text_of((await admin.get("schedules/new")).body)

    assert "No schedules yet" in text
    assert "@schedules.task" in text
    assert "There is no scheduled task in prod yet" in new
