"""Traces over HTTP: a run with its attempts, spans and children as a tree, in flat pages, and span by span."""

from typing import Any

import pytest

from .driving import Api, Worker
from .test_runs import no_nulls


async def traced(api: Api) -> tuple[str, str, str, Worker]:
    """A parent with two attempts, of which the second wrote two spans and triggered a child that is running."""
    worker = await api.work("greet", "child")
    parent = await api.trigger(maxAttempts=2)
    (first,) = await worker.fetch(1)
    failed = {"name": "ValueError", "message": "no", "trace": "", "causes": []}
    await worker.report({"id": parent, "lease": first["lease"], "failed": failed, "retryInMs": 0})
    (second,) = await worker.fetch(1)
    child = await api.trigger("child", parentRunId=parent)
    await worker.fetch(1)
    at = second["createdAt"]
    spans = [
        [parent, second["lease"], at, 1, "span", "inner", {"db.system": "redis"}, "s2", "s1", 5.5],
        [parent, second["lease"], at, 2, "span", "outer", None, "s1", None, 20.0, True],
        [parent, second["lease"], at, 3, "info", "a line"],
    ]
    await worker.report({"id": parent, "lease": second["lease"], "done": True}, events=spans)
    return parent, child, f"{parent}.{second['lease']}", worker


def names(span: dict[str, Any]) -> dict[str, Any]:
    """A tree by the names of its spans."""
    return {one["data"]["message"]: names(one) for one in span["children"]}


@pytest.mark.acceptance("S11")
async def test_a_trace_is_the_tree_of_attempts_spans_and_children(api: Api) -> None:
    parent, child, _, _ = await traced(api)

    reply = await api.get(f"/api/v1/runs/{parent}/trace")

    found = reply.json()
    no_nulls(found)
    root = found["trace"]["rootSpan"]
    assert (root["id"], root["runId"], "parentId" in root) == (parent, parent, False)
    assert len(found["trace"]["traceId"]) == 32
    assert names(root) == {
        "Attempt 1": {}, "Attempt 2": {"outer": {"inner": {}}, "child": {"Attempt 1": {}}},
    }  # fmt: skip
    one, two = root["children"]
    assert (one["data"]["isError"], two["data"]["isError"]) == (True, False)
    of_child = next(span for span in two["children"] if span["runId"] == child)
    assert of_child["data"]["isPartial"] is True
    assert found["truncated"] is False


async def test_flat_pages_have_every_span_once_parents_first(api: Api) -> None:
    parent, _, attempt, _ = await traced(api)
    path, seen, cursor = f"/api/v1/runs/{parent}/trace?page%5Bsize%5D=2", [], ""

    while True:
        page = (await api.get(path + (f"&page%5Bafter%5D={cursor}" if cursor else ""))).json()
        no_nulls(page)
        seen += page["data"]
        if not seen[2:]:
            assert page["attemptFailures"] == [
                {"spanId": f"{parent}.1", "attemptNumber": 1, "runId": parent}
            ]
        cursor = page["pagination"].get("next", "")
        if not cursor:
            break

    places = {span["id"]: place for place, span in enumerate(seen)}
    assert len(places) == len(seen) == 7
    assert all(places[span["parentId"]] < places[span["id"]] for span in seen[1:])
    assert [span.get("attemptNumber") for span in seen if span["id"] == attempt] == [2]


async def test_a_span_is_told_with_its_properties_and_what_it_triggered(
    api: Api, prod: Api
) -> None:
    parent, child, attempt, _ = await traced(api)
    path = f"/api/v1/runs/{parent}/spans"

    inner = (await api.get(f"{path}/{attempt}.1")).json()
    around = (await api.get(f"{path}/{attempt}")).json()
    root = (await api.get(f"{path}/{parent}")).json()

    assert (inner["message"], inner["durationMs"], inner["parentId"]) == (
        "inner",
        5.5,
        f"{attempt}.2",
    )
    assert inner["properties"] == {"db.system": "redis"}
    assert [run["runId"] for run in around["triggeredRuns"]] == [child]
    assert root["parentId"] is None
    for wrong in ("nothing", f"{attempt}.3", f"{child}.9"):
        assert (await api.get(f"{path}/{wrong}")).status == 404
    assert (await prod.get(f"/api/v1/runs/{parent}/trace")).status == 404


@pytest.mark.parametrize("query", ["page%5Bsize%5D=0", "page%5Bsize%5D=10001", "page%5Bafter%5D=x"])
async def test_pages_that_cannot_be_are_refused(api: Api, query: str) -> None:
    run = await api.trigger()

    assert (await api.get(f"/api/v1/runs/{run}/trace?{query}")).status == 400


async def test_spans_that_nest_without_end_are_told_nevertheless(api: Api) -> None:
    worker = await api.work("greet")
    run = await api.trigger()
    (taken,) = await worker.fetch(1)
    deep = [
        [run, taken["lease"], 1_767_225_600_000 + n, n + 1, "span", f"n{n}", None, f"s{n}",
         f"s{n - 1}" if n else None, 1.0]
        for n in range(2_000)
    ]  # fmt: skip
    await worker.report(events=deep)

    reply = await api.get(f"/api/v1/runs/{run}/trace")

    assert reply.status == 200
    assert reply.body.count(b'"runId"') == 2_002
