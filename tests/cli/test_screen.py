"""What ``dev`` shows at any rate, and how tables and numbers are said."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from hairtrigger.cli import log_lines, tables, words
from hairtrigger.cli.dev.lines import Wording
from hairtrigger.cli.dev.screen import Screen
from hairtrigger.cli.output import Output


def _screen(**given: Any) -> Screen:
    out = Output(json=given.pop("json", False), no_color=True)
    return Screen(
        out, Wording(out, Path.cwd()), **{"logs": "info", "task": None, "plain": True} | given
    )


def _told(screen: Screen, *events: tuple[str, dict[str, Any]]) -> list[str]:
    shown = io.StringIO()
    with redirect_stdout(shown):
        for name, facts in events:
            screen.hear(name, facts)
        screen.close()
    return shown.getvalue().splitlines()


def _run(number: int, **more: Any) -> dict[str, Any]:
    return {"run": f"run_{number}", "task": "echo", "attempt": 1, "duration_ms": 5, **more}


def test_many_completions_are_shown_as_some_lines_and_a_count() -> None:
    screen = _screen()

    lines = _told(screen, *(("attempt.completed", _run(n)) for n in range(500)))

    assert screen.completed == 500
    assert len(lines) <= 20 * 2 + 2
    hidden = sum(
        int(line.split()[2].replace(",", "")) for line in lines if "more completed" in line
    )
    assert hidden + sum("✓" in line for line in lines) == 500


def test_an_error_is_shown_in_full_once_and_counted_after() -> None:
    failure = {"error": "ValueError", "message": "no", "trace": "", "retry_in_ms": None}

    lines = _told(_screen(), *(("attempt.failed", _run(n, **failure)) for n in range(3)))

    assert sum("ValueError: no" in line for line in lines) == 1
    assert [line.rpartition("  ")[2] for line in lines if "×" in line] == [
        "ValueError ×2",
        "ValueError ×3",
    ]


def test_a_retried_attempt_is_no_failed_run() -> None:
    screen = _screen()
    failure = {"error": "ValueError", "message": "no", "trace": "", "retry_in_ms": 1_500}

    lines = _told(screen, ("attempt.failed", _run(1, **failure)))

    assert screen.failed == 0
    assert "reattempting in 1.50 s (attempt 2)" in lines[-1]


@pytest.mark.acceptance("S52")
@pytest.mark.parametrize(
    ("logs", "levels"),
    [
        ("off", []),
        ("info", ["log", "info", "warn", "error"]),
        ("debug", ["log", "debug", "info", "warn", "error"]),
    ],
)
def test_log_lines_are_shown_by_level(logs: str, levels: list[str]) -> None:
    every = ["log", "debug", "info", "warn", "error"]

    lines = _told(
        _screen(logs=logs),
        *(
            ("log.written", _run(1, level=x, message=f"at-{x}", attributes={"n": 1}, at=0))
            for x in every
        ),
    )

    assert [line.split("at-")[1].split()[0] for line in lines] == levels
    assert all(line.endswith("n=1") for line in lines)


def test_only_one_task_is_shown_when_that_was_asked() -> None:
    lines = _told(
        _screen(task="other"),
        ("attempt.completed", _run(1)),
        ("attempt.completed", _run(2) | {"task": "other"}),
    )

    assert len(lines) == 1
    assert "run_2" in lines[0]


def test_json_has_one_object_for_each_event() -> None:
    lines = _told(_screen(json=True), ("attempt.started", _run(1)), ("attempt.completed", _run(1)))

    assert [json.loads(line)["event"] for line in lines] == ["run.started", "run.completed"]


def test_a_defect_of_the_server_is_told_with_its_traceback() -> None:
    out = Output(json=False, no_color=True)

    said = log_lines.text(out, "request.failed", {"id": "req_1", "trace": "Traceback\n  here\n"})

    assert said.splitlines()[0].endswith("request failed  id=req_1")
    assert said.splitlines()[1:] == ["Traceback", "  here"]


def test_a_table_loses_its_least_important_columns_first() -> None:
    columns = [
        tables.Column("A", 100),
        tables.Column("LESS", 1),
        tables.Column("N", 50, right=True),
    ]
    rows = [["alpha", "x" * 30, "7"], ["b", "y", "1,000"]]

    wide, narrow = tables.laid_out(columns, rows, None), tables.laid_out(columns, rows, 20)

    assert wide[1] == f"alpha  {'x' * 30}      7"
    assert narrow == ["A          N", "alpha      7", "b      1,000"]


def test_the_last_column_is_cut_with_an_ellipsis() -> None:
    columns = [tables.Column("ID", 100), tables.Column("TEXT", 50)]

    lines = tables.laid_out(columns, [["run_1", "word " * 20]], 30)

    assert all(len(line) <= 30 for line in lines)
    assert lines[1].endswith("…")


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"), (212.4, "212 ms"), (999.6, "1.00 s"), (1_060, "1.06 s"), (25_240, "25.2 s"),
        (125_000, "2 min 5 s"), (12_000_000, "3 h 20 min"), (90_000_000, "1 d 1 h"),
    ],
)  # fmt: skip
def test_durations_are_said_to_three_digits(ms: float, text: str) -> None:
    assert words.duration(ms) == text


def test_a_key_is_never_shown_whole() -> None:
    assert words.secret("tr_prod_" + "a" * 30 + "x7Qd") == "tr_prod_…x7Qd"
    assert words.secret("short") == "…"
