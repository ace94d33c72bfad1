"""What the decorators make of a function, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import pytest

import hairtrigger
from hairtrigger import Config, Context, ProjectError, Queue, ScheduledPayload, schedules, task
from hairtrigger.sdk.registry import TASKS
from hairtrigger.wire.worker import CronManifest, QueueManifest, RetryPolicy

if TYPE_CHECKING:
    from decimal import Decimal


class Row(TypedDict):
    value: str


@pytest.mark.acceptance("S18", "S22")
def test_an_id_is_given_or_is_the_functions_name_in_kebab_case() -> None:
    @task(id="send-welcome-email")
    async def run(payload: Row) -> None: ...

    @task
    async def fetch_external_api(payload: Row) -> None: ...

    assert run.id == "send-welcome-email"
    assert fetch_external_api.id == "fetch-external-api"
    assert TASKS["send-welcome-email"].definition is run.definition


@pytest.mark.acceptance("S18")
def test_two_functions_with_one_id_are_refused_naming_both_places() -> None:
    @task(id="same")
    async def first(payload: Row) -> None: ...

    with pytest.raises(ProjectError, match=r"first.*test_definition\.py:\d+.*second.*\.py:\d+"):

        @task(id="same")
        async def second(payload: Row) -> None: ...


def test_a_module_that_is_imported_again_declares_the_same_tasks() -> None:
    def module() -> None:
        @task(id="again")
        async def again(payload: Row) -> None: ...

    module()
    module()

    assert "again" in TASKS


def test_the_six_shapes_of_a_task_are_recognised() -> None:
    async def a(payload: Row, ctx: Context) -> None: ...
    async def b(payload: Row) -> None: ...
    async def c() -> None: ...
    def d(payload: Row, context: hairtrigger.Context) -> None: ...
    def e(payload: Any) -> None: ...
    def f() -> None: ...

    seen = [task(fn).definition for fn in (a, b, c, d, e, f)]

    assert [(s.has_payload, s.has_context, s.is_async, s.isolation) for s in seen] == [
        (True, True, True, "loop"), (True, False, True, "loop"), (False, False, True, "loop"),
        (True, True, False, "thread"), (True, False, False, "thread"), (False, False, False, "thread"),
    ]  # fmt: skip
    assert seen[0].payload_type is Row


def test_a_function_with_two_plain_parameters_is_refused_with_the_fix() -> None:
    def two(a: int, b: int) -> None: ...
    def many(*all: int) -> None: ...
    def named(*, to: str) -> None: ...
    def only(ctx: Context) -> None: ...

    for fn in (two, many, named):
        with pytest.raises(ProjectError, match=r"cannot be a task.*payload: \.\.\., ctx: Context"):
            task(fn)  # type: ignore[arg-type]  # planted
    with pytest.raises(ProjectError, match=r"current\(\)"):
        task(only)


@pytest.mark.acceptance("S32")
def test_a_misspelt_option_is_refused_with_the_closest_name() -> None:
    with pytest.raises(ProjectError, match=r"'retries'.*Did you mean 'retry'"):
        task(retries={})(lambda: None)  # type: ignore[call-overload]  # planted
    with pytest.raises(ProjectError, match=r"'max_attempt'.*Did you mean 'max_attempts'"):
        task(retry={"max_attempt": 3})(lambda: None)  # type: ignore[call-overload]  # planted
    with pytest.raises(ProjectError, match="max_attempts cannot be 0"):
        task(retry={"max_attempts": 0})(lambda: None)


def test_values_that_cannot_be_are_refused() -> None:
    with pytest.raises(ProjectError, match="loop, thread or process"):
        task(isolation="fibre")(lambda: None)  # type: ignore[call-overload]  # planted
    with pytest.raises(ProjectError, match="needs an async function"):
        task(isolation="loop")(lambda: None)


@pytest.mark.acceptance("S32", "S54")
def test_a_tasks_own_retry_replaces_the_projects_as_a_whole() -> None:
    @task(retry={"max_attempts": 5})
    async def own(payload: Row) -> None: ...

    @task
    async def plain(payload: Row) -> None: ...

    config = Config({"retries": {"default": {"max_attempts": 7, "factor": 3}}})

    assert own.definition.policy(config) == RetryPolicy(max_attempts=5)
    assert plain.definition.policy(config) == RetryPolicy(max_attempts=7, factor=3)
    assert plain.definition.policy(Config()) == RetryPolicy(3, 2, 1_000, 60_000, True)


@pytest.mark.acceptance("S53")
@pytest.mark.parametrize(
    ("enabled", "key", "attempts"),
    [(False, "tr_dev_1", 1), (True, "tr_dev_1", 3), (False, "tr_prod_1", 3)],
)
def test_retries_may_be_off_in_development(
    bare_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    enabled: bool,
    key: str,
    attempts: int,
) -> None:
    monkeypatch.setenv("TRIGGER_SECRET_KEY", key)

    @task
    async def plain(payload: Row) -> None: ...

    config = Config({"retries": {"enabled_in_dev": enabled}})

    assert plain.definition.manifest(config).retry.max_attempts == attempts


def test_a_manifest_says_everything_but_the_code() -> None:
    @task(queue=Queue("rows", concurrency_limit=2), max_duration=1.5, ttl="10m", machine="micro")
    async def process_rows(payload: Row) -> None:
        """Process the rows.

        And more.
        """

    told = process_rows.definition.manifest(Config())

    assert told.id == "process-rows"
    assert told.file.endswith("tests/sdk/test_definition.py")
    assert told.export.endswith("process_rows")
    assert told.queue == QueueManifest("rows", 2)
    assert (told.max_duration_ms, told.ttl_ms, told.machine) == (1_500, 600_000, "micro")
    assert told.description == "Process the rows."
    assert "value" in str(told.payload_schema)


def test_a_limit_alone_is_about_the_tasks_own_queue() -> None:
    @task(concurrency_limit=1)
    async def alone(payload: Row) -> None: ...

    assert alone.definition.manifest(Config()).queue == QueueManifest("task/alone", 1)


def test_the_project_gives_what_the_task_does_not_say() -> None:
    @task
    async def plain(payload: Row) -> None: ...

    told = plain.definition.manifest(Config({"max_duration": 60, "ttl": 5, "machine": "micro"}))

    assert (told.max_duration_ms, told.ttl_ms, told.machine) == (60_000, 5_000, "micro")


def test_a_payload_type_that_cannot_be_found_says_how_to_fix_it() -> None:
    @task
    async def pay(amount: Decimal) -> None: ...

    with pytest.raises(ProjectError, match=r"'Decimal' of .*pay.*TYPE_CHECKING"):
        pay.definition.manifest(Config())


@pytest.mark.acceptance("S27", "S29")
def test_a_scheduled_task_has_its_cron_and_its_payload() -> None:
    @schedules.task(id="daily-digest", cron="0 9 * * *")
    async def daily_digest(payload: ScheduledPayload) -> None: ...

    @schedules.task(
        cron={"pattern": "0 2 * * *", "timezone": "Europe/London", "environments": ["PRODUCTION"]}
    )
    def cleanup() -> None: ...

    @schedules.task(id="per-user")
    async def per_user(payload: ScheduledPayload, ctx: Context) -> None: ...

    told = daily_digest.definition.manifest(Config())
    assert (told.scheduled, told.cron) == (True, CronManifest("0 9 * * *"))
    assert cleanup.definition.cron == CronManifest("0 2 * * *", "Europe/London", ["PRODUCTION"])
    assert per_user.definition.cron is None
    with pytest.raises(ProjectError, match=r"'cron'"):
        task(cron="0 9 * * *")(lambda: None)  # type: ignore[call-overload]  # planted


@pytest.mark.acceptance("S29")
def test_a_scheduled_payload_has_aware_instants() -> None:
    @schedules.task(id="digest")
    async def digest(payload: Any) -> None: ...

    received = digest.definition.parse(
        {
            "scheduleId": "sched_1", "type": "IMPERATIVE", "timestamp": "2026-03-01T09:00:00.000Z",
            "timezone": "Europe/London", "externalId": "user_1",
            "upcoming": ["2026-03-02T09:00:00.000Z"],
        }
    )  # fmt: skip

    assert isinstance(received, ScheduledPayload)
    assert received.timestamp.isoformat() == "2026-03-01T09:00:00+00:00"
    assert received.last_timestamp is None
    assert (received.schedule_id, received.external_id) == ("sched_1", "user_1")
    assert received.upcoming[0].utcoffset() is not None


@pytest.mark.acceptance("S22")
async def test_calling_a_task_runs_its_body_here() -> None:
    @task
    async def add(payload: dict[str, int], ctx: Context) -> int:
        return payload["a"] + ctx.attempt.number

    @task
    def plain() -> str:
        return "ran"

    assert await add({"a": 2}) == 3
    assert await plain() == "ran"


def test_an_output_comes_back_as_the_annotated_type_where_it_fits() -> None:
    @task
    async def find(payload: Row) -> tuple[int, int]:
        return (1, 2)

    assert find.definition.parse_output([1, 2]) == (1, 2)
    assert find.definition.parse_output("of another version") == "of another version"
