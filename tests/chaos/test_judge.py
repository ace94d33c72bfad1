"""The checks can fail: each finds what was planted in an otherwise right history."""

from dataclasses import replace

from tests.chaos.history import Accepted, Counter, History, Stored, parsed
from tests.chaos.judge import judge, limits_reached

LINES = [
    "begin 10 a 1 run_1 three 1 -",
    "begin 20 b 1 run_2 three 2 -",
    "begin 30 c 2 run_3 three 3 -",
    "end 40 a",
    "begin 50 d 2 run_4 three 4 -",
    "end 60 b",
    "dead 70 2",
    "begin 80 e 3 run_3 three 3 -",
    "begin 81 f 3 run_4 three 4 -",
    "end 90 e",
    "end 91 f",
    "begin 100 g 3 run_5 once 5 -",
    "dead 110 3",
]


def right() -> History:
    tasks = {
        "run_1": "three",
        "run_2": "three",
        "run_3": "three",
        "run_4": "three",
        "run_5": "once",
    }
    stored = {
        "run_1": Stored("COMPLETED", "a"), "run_2": Stored("COMPLETED", "b"),
        "run_3": Stored("COMPLETED", "e"), "run_4": Stored("COMPLETED", "f"),
        "run_5": Stored("CRASHED", ""),
    }  # fmt: skip
    return History(
        {run: Accepted(run[4:], task) for run, task in tasks.items()}, parsed(LINES), stored,
        [{"run_1": stored["run_1"]}], [Counter("running of lane 1", 2, 2)],
    )  # fmt: skip


def broken(history: History) -> list[str]:
    return [promise.split(":")[0] for promise in judge(history).broken]


def test_a_right_history_breaks_nothing() -> None:
    verdict = judge(right())

    assert verdict.broken == []
    assert verdict.figures["executed again"] == {"dead": 2}
    assert limits_reached(right().executions) == {"three"}


def test_a_lost_run_is_found() -> None:
    history = right()
    del history.stored["run_2"]

    assert broken(history) == ["lost"]


def test_an_outcome_that_changes_is_found() -> None:
    history = right()
    history.looks.append(history.stored | {"run_3": Stored("COMPLETED", "c")})

    assert broken(history) == ["finished twice"]


def test_an_outcome_that_vanishes_is_found() -> None:
    history = right()
    history.looks.insert(0, {"run_9": Stored("COMPLETED", "z")})

    assert broken(history) == ["finished twice"]


def test_a_result_of_nobody_is_found() -> None:
    history = right()
    history.stored["run_3"] = Stored("COMPLETED", "c")  # which died

    assert broken(history) == ["ended wrongly"]


def test_a_failure_that_nothing_excuses_is_found() -> None:
    history = right()
    history.stored["run_2"] = Stored("CRASHED", "")

    assert broken(history) == ["ended wrongly"]


def test_a_request_that_made_two_runs_is_found() -> None:
    history = right()
    history.executions = parsed([*LINES, "begin 120 h 4 run_6 steady 1 -", "end 130 h"])

    assert broken(history) == ["made twice"]


def test_one_execution_over_the_limit_is_found() -> None:
    history = right()
    history.executions = parsed(
        [
            "begin 11 x 1 run_7 three 7 -",
            "begin 12 y 1 run_8 three 8 -",
            "end 95 x",
            "end 95 y",
            *LINES,
        ]
    )

    assert broken(history) == ["over a limit"]


def test_a_key_with_two_executions_at_once_is_found() -> None:
    history = right()
    lines = [
        "begin 11 x 1 run_7 keyed 7 k1",
        "begin 12 y 1 run_8 keyed 8 k2",
        "end 13 x",
        "end 13 y",
    ]
    history.executions = parsed(lines + LINES)
    assert broken(history) == []

    history.executions = parsed([line.replace("k2", "k1") for line in lines] + LINES)

    assert broken(history) == ["over a limit"]


def test_a_run_that_is_executed_twice_at_once_is_found() -> None:
    history = right()
    history.executions = parsed([*LINES[:9], "begin 82 x 1 run_4 three 4 -", *LINES[9:]])

    assert "executed at once" in broken(history)


def test_a_run_that_is_executed_again_for_nothing_is_found() -> None:
    history = right()
    history.executions = parsed([*LINES, "begin 120 h 4 run_1 three 1 -", "end 130 h"])
    assert broken(history) == ["executed needlessly"]

    history.executions = parsed(
        [*LINES[:5], "dead 55 1", *LINES[5:], "begin 120 h 4 run_1 three 1 -"]
    )

    assert broken(history) == []  # it had returned, and died before it could say so


def test_only_what_a_frozen_process_begins_too_late_is_excused() -> None:
    history = right()
    lines = [*LINES, "begin 120 h 9 run_1 three 1 -", "end 130 h"]
    history.executions = parsed(["frozen 5 9", *lines])
    assert broken(history) == []

    history.executions = parsed(["frozen 5 8", *lines])

    assert broken(history) == ["executed needlessly"]


def test_a_second_beginning_of_an_at_most_once_run_is_found() -> None:
    history = right()
    history.executions = parsed([*LINES, "begin 120 h 4 run_5 once 5 -", "end 130 h"])

    assert broken(history) == ["at most once broken"]


def test_a_counter_that_is_off_by_one_is_found() -> None:
    history = right()
    history.counters = [replace(history.counters[0], says=3)]

    assert broken(history) == ["counters off"]
