"""``queues`` against a real server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.running import Live, started, until

TASKS = """
from hairtrigger import queue, task

emails = queue("mails/out", concurrency_limit=5, total_limit=2_000, rate_limit="100/m")


@task(id="send", queue=emails)
async def send(payload: object) -> None:
    pass


@task(id="rare", concurrency_limit=1)
async def rare(payload: object) -> None:
    pass
"""


@pytest.fixture(scope="module")
def _queueing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server, and a worker whose code has two queues."""
    directory = tmp_path_factory.mktemp("queues-project")
    (directory / "trigger").mkdir()
    (directory / "trigger" / "tasks.py").write_text(TASKS)
    (directory / "trigger_config.py").write_text(
        "from hairtrigger import define_config\n\nconfig = define_config()\n"
    )
    with started(tmp_path_factory.mktemp("queues-server")) as running:
        running.start_worker(directory, "--processes", "1")
        yield running


@pytest.fixture
def queueing(_queueing: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    for name, value in _queueing.environ.items():
        monkeypatch.setenv(name, value)
    return _queueing


def test_the_list_is_a_table_and_in_json_what_the_api_says(
    queueing: Live, ht: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    table, data = ht("queues", "list"), ht("queues", "list", "--json")

    head, *rows = [line.split() for line in table.stdout.splitlines()]
    assert head == ["QUEUE", "STATE", "RUNNING", "QUEUED", "LIMIT", "TOTAL", "RATE", "ID"]
    told = json.loads(data.stdout)
    ids = [queue["id"] for queue in told["data"]]
    assert rows == [
        ["mails/out", "open", "0", "0", "5", "2,000", "100/m", ids[0]],
        ["task/rare", "open", "0", "0", "1", ids[1]],
    ]
    assert [queue["name"] for queue in told["data"]] == ["mails/out", "rare"]
    assert told["data"][0]["rateLimit"] == "100/m"
    assert told["pagination"] == {"next": None}


@pytest.mark.parametrize("width", ["40", "60", "80", "120"])
def test_a_narrow_table_keeps_names_and_numbers(
    queueing: Live, ht: Ask, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)

    lines = ht("queues", "ls").stdout.splitlines()

    assert len(lines) == 3
    assert all(len(line) <= int(width) for line in lines)
    assert lines[0].split()[0] == "QUEUE"
    assert {"RUNNING", "QUEUED"} <= set(lines[0].split())


def test_a_queue_is_read_by_name_by_task_and_by_id(queueing: Live, ht: Ask) -> None:
    by_name = ht("queues", "get", "mails/out")
    told = json.loads(ht("queue", "show", "mails/out", "--json").stdout)

    assert ht("queues", "get", told["id"]).stdout == by_name.stdout
    lines = [line.split(maxsplit=1) for line in by_name.stdout.splitlines()[1:]]
    assert by_name.stdout.splitlines()[0] == told["id"]
    assert lines == [
        ["queue", "mails/out"], ["state", "open"], ["running", "0"], ["queued", "0"],
        ["limit", "5 for each concurrency key"], ["total", "limit 2,000"], ["rate", "limit  100/m"],
    ]  # fmt: skip
    assert "1 for each" in ht("queues", "get", "task/rare").stdout


def test_queues_are_paused_and_resumed(queueing: Live, ht: Ask) -> None:
    paused = ht("queues", "pause", "mails/out", "task/rare")
    ht("trigger", "rare", "a=1")
    listed = ht("queues", "list")
    resumed = ht("queues", "resume", "mails/out", "task/rare", "--json")

    assert "Paused mails/out, 0 runs still running" in paused.stderr
    assert [line.split()[1:4] for line in listed.stdout.splitlines()[1:]] == [
        ["paused", "0", "0"], ["paused", "0", "1"],
    ]  # fmt: skip
    told = [json.loads(line) for line in resumed.stdout.splitlines()]
    assert [(queue["name"], queue["paused"]) for queue in told] == [
        ("mails/out", False), ("rare", False),
    ]  # fmt: skip
    url = "/api/v1/runs?filter%5Bstatus%5D=COMPLETED"
    until(lambda: queueing.get(url)["data"], "the run to end")


def test_a_limit_is_set_shown_beside_that_of_the_code_and_reset(queueing: Live, ht: Ask) -> None:
    set_ = ht("queues", "limit", "mails/out", "1500")
    listed = ht("queues", "list")
    reset = ht("queues", "limit", "mails/out", "--reset")
    again = ht("queues", "limit", "mails/out", "--reset")

    assert "mails/out: 1,500 (5 in code) at once" in set_.stderr
    assert "1,500 (5 in code)" in listed.stdout
    assert "mails/out: 5 at once" in reset.stderr
    assert again.exit_code == 2
    assert "not overridden" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["get", "mail/out"], 3, "Closest: mails/out"),
        (["pause", "rare"], 3, "Closest: task/rare"),
        (["resume", "task/send"], 3, "has no queue of its own: its runs wait in queue 'mails/out'"),
        (["limit", "nothing-like-it", "3"], 3, "hairtrigger queues list"),
        (["limit", "mails/out"], 2, "--reset"),
        (["limit", "mails/out", "3", "--reset"], 2, "--reset"),
        (["limit", "mails/out", "--", "-1"], 2, "0<=x<=100000"),
        (["limit", "mails/out", "many"], 2, "many"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(
    queueing: Live, ht: Ask, words: list[str], code: int, says: str
) -> None:
    done = ht("queues", *words)

    assert done.exit_code == code
    assert says in done.stderr


def test_an_environment_without_code_says_how_to_have_queues(
    queueing: Live, ht: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIGGER_SECRET_KEY", queueing.prod_key)

    table, data = ht("queues", "list"), ht("queues", "list", "--json")

    assert table.stdout == ""
    assert "hairtrigger dev" in table.stderr
    assert json.loads(data.stdout)["data"] == []


def test_names_that_were_listed_are_kept_for_completion(queueing: Live, ht: Ask) -> None:
    (Path.cwd() / ".hairtrigger").mkdir()

    ht("queues", "list")

    kept = Path(".hairtrigger/completion/queues").read_text().split()
    assert kept == ["mails/out", "task/rare"]


def test_an_environment_is_limited_shown_and_let_go_again(queueing: Live, ht: Ask) -> None:
    both = ht("queues", "environment", "--limit", "20", "--burst", "200")
    less = ht("queues", "environment", "--limit", "10", "--json")
    lifted = ht("queues", "environment", "--limit", "none")
    wrong = ht("queues", "environment", "--limit", "some")

    assert both.stdout == "environment: 20 at once, burst 200%, 0 running\n"
    assert json.loads(less.stdout) == {"concurrencyLimit": 10, "burst": 200, "running": 0}
    assert lifted.stdout == "environment: no limit, 0 running\n"
    assert wrong.exit_code == 2
