"""``cron``: words and times, without a server."""

import json
from datetime import datetime
from itertools import pairwise

import pytest

from tests.cli.conftest import Ask


@pytest.mark.acceptance("S62")
def test_a_pattern_is_said_in_words_with_its_next_five_times(ht: Ask) -> None:
    done = ht("cron", "0 9 * * *", "--tz", "Europe/London")

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0] == "At 09:00 every day (Europe/London)"
    assert len(lines) == 6
    assert all(" 09:00 " in line for line in lines[1:])


@pytest.mark.acceptance("S62")
def test_the_times_are_instants_in_json(ht: Ask) -> None:
    done = ht("cron", "*/15 * * * *", "--json")

    told = json.loads(done.stdout)
    times = [datetime.fromisoformat(text) for text in told["next"]]
    assert told["timezone"] == "UTC"
    assert len(times) == 5
    assert {(b - a).total_seconds() for a, b in pairwise(times)} == {900}


def test_a_pattern_may_be_given_without_quotes(ht: Ask) -> None:
    done = ht("cron", "0", "9", "*", "*", "1")

    assert done.stdout.startswith("At 09:00 on Monday")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["0 25 * * *"], "hour: '25' is not 0-23"),
        (["0 9 * *"], "it must have 5 fields"),
        (["0 9 * * *", "--tz", "Europe/Lodnon"], "Unknown time zone"),
    ],
)
def test_a_wrong_pattern_is_exit_code_2_and_says_which_field(
    ht: Ask, words: list[str], said: str
) -> None:
    done = ht("cron", *words)

    assert done.exit_code == 2
    assert said in done.stderr
