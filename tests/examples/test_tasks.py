"""Every task of the original, triggered from this process and executed by a worker of its own."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from jobs.database import Email, Log, Order, Task, User, WebhookEvent, now, session
from jobs.trigger import process_order as orders
from jobs.trigger.example import process_data
from jobs.trigger.fetch_external_api import fetch_external_api
from jobs.trigger.generate_report import generate_report
from jobs.trigger.my_job import my_job
from jobs.trigger.process_webhook import process_webhook
from jobs.trigger.robust_task import robust_task
from jobs.trigger.schedule import cleanup_logs, cleanup_old_tasks, daily_digest
from jobs.trigger.send_email import send_email
from jobs.trigger.send_welcome_email import send_welcome_email, welcome_user
from jobs.trigger.unreliable_task import unreliable_task
from sqlalchemy import delete, select

from hairtrigger import PayloadValidationError, runs, tasks
from tests.examples.conftest import Orion
from tests.examples.outside import Outside


def a(what: str) -> str:
    """A name that no other test uses."""
    return f"{what}-{uuid4().hex[:12]}"


def added(*rows: Any) -> None:
    with session() as db, db.begin():
        db.add_all(rows)


def status_of(order: str) -> str:
    with session() as db:
        return db.get_one(Order, order).status


@pytest.mark.acceptance("S16", "S19", "S20", "S21", "S22", "S24", "S25", "S88")
async def test_a_signup_sends_one_welcome_mail(orion: Orion) -> None:
    to = a("ada") + "@example.com"

    handle = await send_welcome_email.trigger({"userId": "user_123", "email": to})
    result = await handle.result(timeout="30s")

    assert handle.id.startswith("run_")
    assert result.unwrap() == {"success": True, "emailSent": True}
    assert [mail.subject for mail in orion.mails(to)] == ["Welcome to Orion Kit!"]
    assert orion.run(handle.id)["output"] == {"success": True, "emailSent": True}
    orion.live.until_logged(handle.id, f"Sending welcome email to {to}")


@pytest.mark.acceptance("S88")
async def test_a_known_user_is_welcomed_at_the_address_of_the_database(orion: Orion) -> None:
    user, to = a("user"), a("grace") + "@example.com"
    added(User(id=user, email=to))

    result = await (await welcome_user.trigger({"userId": user})).result(timeout="30s")

    assert result.unwrap() is None
    assert len(orion.mails(to)) == 1


@pytest.mark.acceptance("S31")
async def test_process_data_counts_what_it_turned_into_capitals(orion: Orion) -> None:
    handle = await process_data.trigger({"data": ["a", "b"]})

    assert (await handle.result(timeout="30s")).unwrap() == {"success": True, "processedCount": 2}


@pytest.mark.acceptance("S22")
async def test_calling_a_task_runs_its_body_here() -> None:
    assert await process_data({"data": ["a"]}) == {"success": True, "processedCount": 1}


@pytest.mark.acceptance("S19")
async def test_a_payload_of_another_shape_is_refused_before_it_is_sent(orion: Orion) -> None:
    with pytest.raises(PayloadValidationError, match="email"):
        await send_welcome_email.trigger({"userId": "user_123"})  # type: ignore[typeddict-item]  # on purpose


@pytest.mark.acceptance("S19")
async def test_a_payload_of_another_shape_that_gets_through_fails_without_a_retry(
    orion: Orion,
) -> None:
    handle = await tasks.trigger("process-data", {"data": [1, 2]})

    result = await handle.result(timeout="30s")

    assert not result.ok
    assert "data" in result.error.message
    run = orion.run(handle.id)
    assert (run["status"], run["attemptCount"]) == ("FAILED", 1)


@pytest.mark.acceptance("S05", "S32", "S34")
async def test_two_failures_and_then_a_success_are_three_attempts_of_one_run(
    orion: Orion, outside: Outside
) -> None:
    outside.statuses = [503, 503]

    handle = await fetch_external_api.trigger({"url": outside.url})
    result = await handle.result(timeout="30s")

    run = orion.run(handle.id)
    first, second = (b - a for a, b in zip(outside.asked_at, outside.asked_at[1:], strict=False))
    assert result.unwrap() == {"answer": 42}
    assert (run["status"], run["attemptCount"], len(outside.asked_at)) == ("COMPLETED", 3, 3)
    assert 0.99 <= first < 2.5
    assert 1.99 <= second < 4.5


@pytest.mark.acceptance("S33")
async def test_a_failure_names_class_message_and_the_line_of_the_user(
    orion: Orion, outside: Outside
) -> None:
    outside.statuses = [503]

    handle = await fetch_external_api.trigger({"url": outside.url}, max_attempts=1)
    result = await handle.result(timeout="30s")

    assert not result.ok
    assert (result.error.name, result.error.message) == ("RuntimeError", "API returned 503")
    assert "jobs/trigger/fetch_external_api.py" in result.error.stack_trace
    assert "raise RuntimeError" in result.error.stack_trace


@pytest.mark.slow
@pytest.mark.acceptance("S92")
async def test_five_attempts_back_off_1_2_4_and_8_seconds_and_then_fail(
    orion: Orion, outside: Outside
) -> None:
    outside.statuses = [500] * 9

    handle = await unreliable_task.trigger({"url": outside.url})
    result = await handle.result(timeout="60s")

    gaps = [b - a for a, b in zip(outside.asked_at, outside.asked_at[1:], strict=False)]
    assert not result.ok
    assert len(gaps) == 4
    for gap, wanted in zip(gaps, (1, 2, 4, 8), strict=True):
        assert wanted - 0.01 <= gap <= wanted + 0.75
    assert orion.run(handle.id)["attemptCount"] == 5


@pytest.mark.acceptance("S35", "S36")
async def test_the_cleanup_deletes_old_completed_tasks_only(orion: Orion) -> None:
    user = a("user")
    with session() as db, db.begin():
        db.execute(delete(Task).where(Task.status == "completed"))
    long_ago, just_now = now() - timedelta(days=31), now() - timedelta(days=29)
    added(
        *(
            Task(user_id=user, title="old", status="completed", completed_at=long_ago)
            for _ in "123"
        ),
        *(Task(user_id=user, title="new", status="completed", completed_at=just_now) for _ in "12"),
        Task(user_id=user, title="open", status="open", completed_at=None),
    )

    handle = await tasks.trigger("cleanup-old-tasks")
    result = await handle.result(timeout="30s")

    assert result.unwrap() == {"success": True, "deletedCount": 3}
    with session() as db:
        left = db.scalars(select(Task.title).where(Task.user_id == user).order_by(Task.id)).all()
    assert left == ["new", "new", "open"]


@pytest.mark.acceptance("S29", "S30")
async def test_the_digest_goes_to_everybody_and_knows_its_time(orion: Orion) -> None:
    with session() as db, db.begin():
        db.execute(delete(User))
    added(*(User(id=a("user"), email=f"reader{n}@example.com") for n in range(100)))
    at = "2026-03-01T09:00:00+00:00"
    payload = {
        "type": "DECLARATIVE", "scheduleId": "sched_x", "timezone": "UTC", "upcoming": [], "timestamp": at,
    }  # fmt: skip

    handle = await tasks.trigger("daily-digest", payload)
    result = await handle.result(timeout="30s")

    assert result.unwrap() == {"success": True, "emailsSent": 100}
    assert len(orion.mails("reader99@example.com")) == 1
    orion.live.until_logged(handle.id, "Running daily digest job of 01 March")


@pytest.mark.acceptance("S01", "S13", "S16", "S18")
async def test_a_worker_finds_every_task_with_its_file_and_name(orion: Orion) -> None:
    listed = orion.live.get("/api/hairtrigger/v1/tasks")["data"]

    found = {one["id"]: (one["file"], one["export"]) for one in listed}
    assert found["process-data"] == ("jobs/trigger/example.py", "process_data")
    assert found["daily-digest"] == ("jobs/trigger/schedule.py", "daily_digest")
    assert found.keys() >= {
        "send-welcome-email", "daily-digest", "process-data", "fetch-external-api", "cleanup-old-tasks",
        "generate-report", "cleanup-logs", "process-webhook", "unreliable-task", "robust-task",
        "send-email", "process-order", "my-job",
    }  # fmt: skip


@pytest.mark.acceptance("S27")
async def test_scheduled_tasks_are_scheduled_as_soon_as_a_worker_is_there(orion: Orion) -> None:
    listed = orion.live.get("/api/v1/schedules?perPage=100")["data"]

    found = {one["task"]: one["generator"]["expression"] for one in listed}
    wanted = {
        daily_digest.id: "0 9 * * *",
        cleanup_old_tasks.id: "0 2 * * *",
        cleanup_logs.id: "0 3 * * *",
    }
    assert {task: found[task] for task in wanted} == wanted


@pytest.mark.acceptance("S89", "S97")
async def test_a_report_of_ten_thousand_rows_is_mailed(orion: Orion) -> None:
    user, to = a("user"), a("owner") + "@example.com"
    rows = [
        Task(user_id=user, title=f"Task {n}", status="open", completed_at=None)
        for n in range(10_000)
    ]
    added(User(id=user, email=to), *rows)

    handle = await generate_report.trigger({"userId": user})
    result = await handle.result(timeout="60s")

    report, [mail] = result.unwrap(), orion.mails(to)
    assert report == {"rows": 10_000, "bytes": len(mail.attachment.encode())}
    assert len(mail.attachment.splitlines()) == 10_001
    assert orion.run(handle.id)["durationMs"] > 0


@pytest.mark.acceptance("S91")
async def test_any_data_of_a_webhook_arrives_as_it_was_sent(orion: Orion) -> None:
    data = {"a": [1, 2.5, None, True, {"ä": "\u0000 ☃ \U0001f600"}], "": {}, "big": 10**300}

    handle = await process_webhook.trigger({"event": "anything", "data": data})
    result = await handle.result(timeout="30s")

    assert result.unwrap() == data
    with session() as db:
        assert db.scalars(select(WebhookEvent.event)).first()


@pytest.mark.acceptance("S91")
async def test_a_payment_marks_the_order_as_paid(orion: Orion) -> None:
    order = a("order")
    added(Order(id=order, email="ada@example.com", cents=500, status="new"))
    data = {"object": {"metadata": {"orderId": order}}}

    handle = await process_webhook.trigger({"event": "payment_intent.succeeded", "data": data})
    (await handle.result(timeout="30s")).unwrap()

    assert status_of(order) == "paid"
    assert f"Order {order} is paid" in [mail.subject for mail in orion.mails("shop@example.com")]


@pytest.mark.acceptance("S93")
async def test_a_caught_error_completes_the_run_and_is_in_its_log(orion: Orion) -> None:
    amount = a("a lot")

    handle = await robust_task.trigger({"amount": amount})
    result = await handle.result(timeout="30s")

    output = result.unwrap()
    assert (output["success"], amount in output["error"]) == (False, True)
    run = orion.run(handle.id)
    assert (run["status"], run["attemptCount"]) == ("COMPLETED", 1)
    line = orion.live.until_logged(handle.id, "Task failed")
    assert line["level"] == "error"
    assert line["attributes"]["error.name"] == "ValueError"
    assert "risky_operation" in line["attributes"]["error.stack"]
    assert [m for m in orion.mails("team@example.com") if amount in m.body]


@pytest.mark.acceptance("S95")
async def test_an_idempotent_task_sends_its_mail_once(orion: Orion) -> None:
    mail, to = a("mail"), a("ada") + "@example.com"
    added(Email(id=mail, to=to, subject="Hello", sent_at=None))

    outputs = [
        (await (await send_email.trigger({"emailId": mail})).result(timeout="30s")).unwrap()
        for _ in range(2)
    ]

    assert outputs == [{"alreadySent": False}, {"alreadySent": True}]
    assert len(orion.mails(to)) == 1


@pytest.mark.acceptance("S96")
async def test_an_order_is_processed_by_one_task(orion: Orion) -> None:
    order, to = a("order"), a("ada") + "@example.com"
    added(Order(id=order, email=to, cents=500, status="new"))

    handle = await orders.process_order.trigger({"orderId": order})

    assert (await handle.result(timeout="30s")).unwrap()["status"] == "confirmed"
    assert len(orion.mails(to)) == 1


@pytest.mark.acceptance("S96")
async def test_an_order_is_processed_by_three_tasks(orion: Orion) -> None:
    order, to = a("order"), a("ada") + "@example.com"
    added(Order(id=order, email=to, cents=500, status="new"))

    handle = await orders.validate_order.trigger({"orderId": order})
    run_id = (await handle.result(timeout="30s")).unwrap()
    for _ in range(2):
        run = await runs.poll(run_id, poll_interval_ms=20)
        run_id = run.output if isinstance(run.output, str) else ""

    assert (status_of(order), run.task_id) == ("confirmed", "send-confirmation")
    assert len(orion.mails(to)) == 1


async def test_an_order_that_does_not_exist_fails(orion: Orion) -> None:
    handle = await orders.process_order.trigger({"orderId": "nowhere"}, max_attempts=1)

    result = await handle.result(timeout="30s")

    assert not result.ok
    assert (result.error.name, result.error.message) == (
        "InvalidOrder",
        "There is no order nowhere.",
    )


@pytest.mark.acceptance("S97")
async def test_execution_details_are_in_the_log(orion: Orion) -> None:
    handle = await my_job.trigger({"data": "one two three"})

    assert (await handle.result(timeout="30s")).unwrap() == 3
    begun = orion.live.until_logged(handle.id, "Job started")
    ended = orion.live.until_logged(handle.id, "Job completed")
    assert begun["attributes"] == {"payload": {"data": "one two three"}}
    assert ended["attributes"]["result"] == 3


@pytest.mark.acceptance("S97")
async def test_an_error_that_is_raised_again_keeps_its_stack(orion: Orion) -> None:
    handle = await my_job.trigger({"data": " "}, max_attempts=1)

    result = await handle.result(timeout="30s")

    assert not result.ok
    assert "in do_work" in result.error.stack_trace
    line = orion.live.until_logged(handle.id, "Job failed")
    assert {"duration", "payload", "error.stack"} <= line["attributes"].keys()


@pytest.mark.acceptance("S20")
async def test_fifty_runs_that_print_at_once_keep_their_own_lines(orion: Orion) -> None:
    addresses = [a("reader") + "@example.com" for _ in range(50)]

    handles = await asyncio.gather(
        *(send_welcome_email.trigger({"userId": "u", "email": to}) for to in addresses)
    )
    await asyncio.gather(*(handle.result(timeout="30s") for handle in handles))

    for handle, to in zip(handles, addresses, strict=True):
        orion.live.until_logged(handle.id, f"Sending welcome email to {to}")
        said = [
            e["message"] for e in orion.live.events(handle.id) if e["message"].startswith("Sending")
        ]
        assert said == [f"Sending welcome email to {to}"]


@pytest.mark.acceptance("S90")
async def test_old_logs_are_gone_after_the_cleanup(orion: Orion) -> None:
    name = a("log")
    ages = (8, 6)
    added(*(Log(text=f"{name} {days}", created_at=now() - timedelta(days=days)) for days in ages))

    result = await (await tasks.trigger("cleanup-logs")).result(timeout="30s")

    assert result.unwrap() is None
    with session() as db:
        left = db.scalars(select(Log.text).where(Log.text.startswith(name))).all()
    assert left == [f"{name} 6"]
