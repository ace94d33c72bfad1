"""Bulk actions, deployments, traces and results that the npm client asks for."""

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")


def test_runs_are_canceled_by_a_filter_and_listed_by_the_action(node: Script) -> None:
    said = node("management")

    canceled = said["canceled"]
    assert (canceled["name"], canceled["type"], canceled["status"]) == (
        "tidy",
        "CANCEL",
        "COMPLETED",
    )
    assert canceled["counts"] == {"total": 3, "success": 3, "failure": 0}
    assert said["touched"] == [[run, "CANCELED"] for run in said["delayed"][::-1]]


def test_runs_are_replayed_by_their_ids(node: Script) -> None:
    said = node("management")

    assert said["ended"] == "COMPLETED"
    assert said["replayed"]["type"] == "REPLAY"
    assert said["replayed"]["counts"] == {"total": 1, "success": 1, "failure": 0}


def test_bulk_actions_are_walked_newest_first_and_pages_turn_round(node: Script) -> None:
    said = node("management")

    assert said["walked"] == said["bulkIds"][::-1]
    assert said["turned"] == [*said["bulkIds"][::-1], said["bulkIds"][1]]


def test_the_current_deployment_is_the_newest_of_the_list(node: Script) -> None:
    said = node("management")

    current = said["current"]
    assert (current["status"], current["runtime"]) == ("DEPLOYED", "python")
    assert said["listed"] == {"ids": [current["id"]], "isDate": True}


def test_a_trace_is_read_as_a_tree_in_pages_and_by_span(node: Script) -> None:
    said = node("management")

    assert said["trace"] == {"message": "add", "children": 1}
    assert said["flat"] == [1, True, True, "add"]
    assert said["events"] is True


def test_results_are_those_that_the_client_expects(node: Script) -> None:
    said = node("management")

    assert (said["result"]["ok"], said["result"]["output"]) == (True, "5")
    assert said["unfinished"] is True
    assert said["failed"] == [False, "BUILT_IN_ERROR", "ValueError"]
    assert said["results"] == [[True, "2"], [True, "4"]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("empty", "BadRequestError"), ("unknown", "NotFoundError"), ("over", "BadRequestError"),
        ("noRun", "BadRequestError"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_an_error_of_the_right_class(node: Script, name: str, kind: str) -> None:
    refused = node("management")["refused"][name]

    assert kind in refused["classes"]
    assert refused["requests"] == 1
