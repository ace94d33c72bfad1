"""``runs.list``: its filters, its pages, and what it refuses."""

import re

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")
ADDED = [f"add {at}" for at in range(6, -1, -1)]
ALL = ["batched", "echo", "ordered", "fail", *ADDED]

FILTERED: dict[str, list[str] | int] = {
    "status": ["fail"],
    "statuses": ["echo", "fail"],
    "task": ["fail"],
    "tasks": ["echo", "fail"],
    "tag": ["add 5", "add 3", "add 1"],
    "tags": ADDED,
    "version": 10,  # all but the one that no version has taken yet
    "noVersion": [],
    "batch": ["batched"],
    "queue": ["ordered"],
    "taskQueue": ["echo", "fail"],
    "machine": ["ordered"],
    "isTest": [],
    "isNoTest": 11,
    "from": 11,
    "fromLater": [],
    "to": [],
    "period": 11,
    "schedule": [],
    "region": [],
    "bulkAction": [],
}


@pytest.mark.parametrize("name", FILTERED)
def test_a_filter_finds_what_it_says(node: Script, name: str) -> None:
    assert node("lists")["filters"][name] == FILTERED[name]


def test_a_list_is_the_newest_first_and_names_the_environment(node: Script) -> None:
    said = node("lists")
    item = said["item"]

    assert said["all"] == ALL
    assert item["env"]["name"] == "dev"
    assert item["version"] == said["version"]
    assert re.fullmatch(r"\d{8}\.\d+", item["version"])
    assert None not in item.values()


def test_for_await_walks_all_pages_once(node: Script) -> None:
    said = node("lists")

    assert said["walked"] == [name for name in ALL if name != "echo"]
    assert said["pages"] == 4


def test_pages_are_turned_forth_and_back_and_forth(node: Script) -> None:
    said = node("lists")

    assert said["steps"] == [ALL[:4], ALL[4:8], ALL[:4], ALL[4:8]]
    assert said["ends"] == [False, True, True]


@pytest.mark.parametrize("name", ["unknownStatus", "tooMany", "badCursor"])
def test_a_list_that_cannot_be_is_refused_at_once(node: Script, name: str) -> None:
    refused = node("lists")[name]

    assert "BadRequestError" in refused["classes"]
    assert refused["requests"] == 1
