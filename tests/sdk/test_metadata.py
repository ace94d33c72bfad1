"""Metadata and tags of the run that code is in."""

from collections.abc import Iterator

import msgspec
import pytest

from hairtrigger import ApiError, OutsideRun, current, metadata, sync, tags
from hairtrigger.sdk import api as api_calls
from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.wire.worker import RunInfo
from tests.sdk.answering import Answering

ROUTE = "PUT /api/v1/runs/run_7/metadata"


@pytest.fixture
def scope() -> Iterator[Scope]:
    info = RunInfo(
        id="run_7", lease=1, attempt=1, task="t", max_attempts=3, created_at=0, queue="q",
        version="1", tags=["a"], metadata=msgspec.Raw(b'{"n":1}'),
    )  # fmt: skip
    made = Scope.for_run(info, environment="dev", project="p", emit=lambda event: None)
    token = SCOPE.set(made)
    yield made
    SCOPE.reset(token)


def test_changes_are_seen_at_once_and_noted_in_their_order(scope: Scope) -> None:
    metadata.set("a", {"b": [1]}).append("list", 1).append("list", 2).remove("list", 1)
    metadata.increment("n", 2).decrement("n").set("$.a.b[0]", "x").delete("gone")

    assert metadata.current() == {"n": 2, "a": {"b": ["x"]}, "list": [2]}
    assert metadata.get("n") == 2
    assert [operation["type"] for operation in scope.metadata_ops] == [
        "set", "append", "append", "remove", "increment", "increment", "set", "delete",
    ]  # fmt: skip
    assert scope.metadata_ops[0] == {"type": "set", "key": "a", "value": {"b": [1]}}

    metadata.replace({"only": True})
    assert metadata.current() == {"only": True}
    assert scope.metadata_ops[-1] == {"type": "update", "value": {"only": True}}


def test_a_value_is_taken_as_it_is_now(scope: Scope) -> None:
    steps = ["one"]

    metadata.set("steps", steps)
    steps.append("two")
    metadata.current()["steps"].append("three")

    assert metadata.get("steps") == ["one"]
    assert scope.metadata_ops[0]["value"] == ["one"]
    with pytest.raises(TypeError, match="no JSON form"):
        metadata.set("odd", object())


async def test_flush_sends_what_is_new_for_the_run_its_parent_and_its_root(
    api: Answering, scope: Scope
) -> None:
    api.replies[ROUTE] = (200, {"metadata": {"n": 1, "a": 1, "by_child": True}})
    metadata.set("a", 1)
    metadata.parent.increment("done")
    metadata.root.append("log", "x")

    await metadata.flush()
    await metadata.flush()

    assert [asked.json for asked in api.asked] == [
        {
            "operations": [{"type": "set", "key": "a", "value": 1}],
            "parentOperations": [{"type": "increment", "key": "done", "value": 1}],
            "rootOperations": [{"type": "append", "key": "log", "value": "x"}],
        }
    ]
    assert metadata.get("by_child") is True
    assert scope.metadata_ops == []


async def test_what_could_not_be_sent_stays_to_be_sent(
    api: Answering, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.replies[ROUTE] = (422, {"error": "finished"})
    metadata.set("a", 1)
    metadata.parent.set("b", 2)

    with pytest.raises(ApiError, match="finished"):
        await metadata.flush()

    assert len(scope.metadata_ops) == 1
    assert list(scope.relative_ops) == ["parentOperations"]


def test_flush_works_without_a_loop(api: Answering, scope: Scope) -> None:
    api.replies[ROUTE] = (200, {"metadata": {"a": 1}})

    sync.metadata.set("a", 1)
    sync.metadata.flush()

    assert len(api.asked) == 1


async def test_outside_of_a_run_metadata_does_nothing() -> None:
    metadata.set("a", 1).parent.set("b", 2)
    await metadata.flush()

    assert metadata.get("a") is None
    assert metadata.current() == {}


async def test_tags_are_added_once(api: Answering, scope: Scope) -> None:
    api.replies["POST /api/v1/runs/run_7/tags"] = (200, {"message": "ok"})

    await tags.add("a", "b")
    await tags.add("b")

    assert [asked.json for asked in api.asked] == [{"tags": ["b"]}]
    assert current().run.tags == ["a", "b"]


async def test_outside_of_a_run_there_is_nothing_to_tag() -> None:
    with pytest.raises(OutsideRun, match=r"tags\.add"):
        await tags.add("a")


def test_attempts_are_what_a_call_may_cost() -> None:
    assert api_calls.ATTEMPTS == 5
