"""How a trace and its lines become columns."""

from typing import Any

import msgspec
import pytest

from hairtrigger.engine.traces import Lines, Trace
from hairtrigger.rules.tree import SHORT, HandOut, Line, Member, Said, Written, short
from hairtrigger.server.dashboard import trace as shaping
from hairtrigger.server.dashboard.trace import TraceAnswer
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import LiveState
from hairtrigger.wire.worker import Event

T, ROOT, CHILD, OTHER, BATCH = 1_772_474_651_208, 1 << 40, (1 << 40) + 1, (1 << 40) + 2, 77


def run(number: int, *outs: HandOut, parent: int | None = None, **more: Any) -> Member:
    """A run that was triggered at T and runs, unless told otherwise."""
    given = {
        "batch": None, "batch_index": None, "created_at": T, "tags": [], "state": LiveState.RUNNING,
        "status": "EXECUTING", "ended_at": None, "is_bad": False, "fence": len(outs), **more,
    }  # fmt: skip
    return Member(number, f"task-{number - ROOT}", parent, hand_outs=list(outs), **given)


def out(
    fence: int, began: int, ended: int | None = None, reason: str = "", *, bad: bool = False
) -> HandOut:
    return HandOut(fence, fence, T + began, None if ended is None else T + ended, reason, bad)


def span(
    number: int, seq: int, name: str, at: int, took: float, *, fence: int = 1, id: str = "", parent: str | None = None,
    error: bool = False, **attributes: Any,
) -> Written:  # fmt: skip
    told = {key.replace("_", "."): value for key, value in attributes.items()}
    event = Event(
        ids.public("run", number),
        fence,
        T + at,
        seq,
        "span",
        name,
        told or None,
        id or name,
        parent,
        took,
        error,
    )
    return Written(number, fence, seq, event)


def shaped(
    *runs: Member, spans: tuple[Written, ...] = (), new: set[int] | None = None, **more: Any
) -> TraceAnswer:
    known = {one.id for one in runs} if new is None else new
    return shaping.answer(Trace(list(runs), known, list(spans), now=T + 9_000, cursor="c", **more))


def drawn(answer: TraceAnswer) -> list[str]:
    """A line for each row, with two blanks before it for each row above: kind name start+ms."""
    rows = answer.spans
    depths: list[int] = []
    lines = []
    for place, parent in enumerate(rows.parent):
        depths.append(0 if parent < 0 else depths[parent] + 1)
        took = "…" if rows.ms[place] is None else f"{rows.ms[place]:g}"
        lines.append(
            f"{'  ' * depths[-1]}{rows.kind[place]} {rows.name[place]} {rows.start[place]}+{took}"
        )
    return lines


def test_run_has_its_waits_attempts_and_spans_in_their_places() -> None:
    member = run(ROOT, out(1, 412, 1_000, "failed", bad=True), out(2, 3_000))
    spans = (
        span(ROOT, 0, "inner", 500, 20, parent="outer"), span(ROOT, 1, "outer", 450, 100.4),
        span(ROOT, 0, "again", 3_100, 0.4567, fence=2),
    )  # fmt: skip

    answer = shaped(member, spans=spans)

    assert drawn(answer) == [
        "run task-0 0+…",
        "  wait Queued 0+412",
        "  attempt Attempt 1 412+588",
        "    span outer 450+100",
        "      span inner 500+20",
        "  wait Back-off 1000+2000",
        "  attempt Attempt 2 3000+…",
        "    span again 3100+0.457",
    ]
    assert answer.spans.error == [0, 0, 1, 0, 0, 0, 0, 0]
    assert answer.spans.under == {}
    assert (answer.live, answer.start, answer.now, answer.cursor) == (True, T, T + 9_000, "c")
    assert answer.runs == [shaping.TraceRun(ids.public("run", ROOT), "task-0", "EXECUTING")]


def test_child_runs_stand_under_the_attempt_that_ran_when_they_were_triggered() -> None:
    root = run(ROOT, out(1, 0, 1_000, "crashed", bad=True), out(2, 1_500))
    first = run(CHILD, parent=ROOT, created_at=T + 600, ended_at=T + 700, tags=["red", "blue"])
    second = run(OTHER, parent=ROOT, created_at=T + 1_600, state=LiveState.READY, status="QUEUED")

    answer = shaped(root, first, second)

    assert drawn(answer) == [
        "run task-0 0+…",
        "  attempt Attempt 1 0+1000",
        "    run task-1 600+100",
        "      wait Queued 600+100",
        "  wait Back-off 1000+500",
        "  attempt Attempt 2 1500+…",
        "    run task-2 1600+…",
        "      wait Queued 1600+…",
    ]
    assert answer.spans.detail[2] == "red"
    assert answer.spans.detail[1] == "crashed"


def test_runs_of_a_batch_are_together() -> None:
    root = run(ROOT, out(1, 0))
    members = [
        run(ROOT + n, out(1, 100 * n, 100 * n + 50), parent=ROOT, batch=BATCH, batch_index=n, ended_at=T + 100 * n + 50,
            created_at=T + 100 * n)
        for n in (1, 2)
    ]  # fmt: skip

    answer = shaped(root, *members)

    assert drawn(answer)[2:] == [
        "    batch batch_trigger 100+150",
        "      run task-1 100+50", "        attempt Attempt 1 100+50",
        "      run task-2 200+50", "        attempt Attempt 1 200+50",
    ]  # fmt: skip
    assert answer.spans.detail[2:4] == ["2 runs", "#1"]


def test_hand_out_that_never_began_is_told_only_when_it_said_something() -> None:
    silent = run(ROOT, out(1, 0, 5, "not begun"), out(2, 6))
    spoke = span(ROOT, 0, "proof", 1, 1, fence=1)

    assert "  attempt Attempt 1 0+5" not in drawn(shaped(silent))
    assert "  attempt Attempt 1 0+5" in drawn(shaped(silent, spans=(spoke,)))


@pytest.mark.parametrize(
    ("state", "hand_outs", "expected"),
    [
        (LiveState.DELAYED, (), "Delayed"),
        (LiveState.HELD, (), "Waiting for a version"),
        (LiveState.READY, (), "Queued"),
        (LiveState.DELAYED, (out(1, 0, 10, "failed", bad=True),), "Back-off"),
    ],
)
def test_what_a_run_waits_for_now_is_told(
    state: LiveState, hand_outs: tuple[HandOut, ...], expected: str
) -> None:
    answer = shaped(run(ROOT, *hand_outs, state=state))

    assert answer.spans.name[-1] == expected
    assert answer.spans.ms[-1] is None


def test_what_is_new_comes_with_all_above_it() -> None:
    root = run(ROOT, out(1, 0))
    child = run(CHILD, out(1, 200), parent=ROOT, created_at=T + 200)
    quiet = run(OTHER, out(1, 300), parent=ROOT, created_at=T + 300)
    late = span(CHILD, 7, "late", 400, 5, parent="told before")

    answer = shaped(root, child, quiet, spans=(late,), new=set())

    assert drawn(answer) == [
        "run task-0 0+…", "  attempt Attempt 1 0+…", "    run task-1 200+…", "      attempt Attempt 1 200+…",
        "        span late 400+5",
    ]  # fmt: skip
    assert answer.spans.under == {4: short("told before")}
    assert (answer.spans.fence[4], answer.spans.seq[4]) == (1, 7)


def test_ids_stand_behind_each_other() -> None:
    answer = shaped(
        run(ROOT, out(1, 0)), spans=(span(ROOT, 0, "a", 1, 1), span(ROOT, 1, "b", 2, 1))
    )

    found = [answer.spans.ids[SHORT * place : SHORT * (place + 1)] for place in range(4)]
    assert found == [" " * SHORT, " " * SHORT, short("a"), short("b")]


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        (None, "span"), ({"order": 7}, "span"), ({"db.system": "postgresql"}, "db"), ({"db.statement": "x"}, "db"),
        ({"db.system": "redis"}, "cache"), ({"db.system.name": "valkey"}, "cache"), ({"cache.hit": True}, "cache"),
        ({"http.request.method": "GET"}, "net"), ({"url.full": "x"}, "net"), ({"rpc.system": "grpc"}, "net"),
        ({"cpu.time": 1}, "cpu"), ({"dbx": 1, "httpx": 2}, "span"),
    ],
)  # fmt: skip
def test_kind_of_a_span_is_guessed_from_the_names_of_its_attributes(
    attributes: Any, kind: str
) -> None:
    assert shaping.kind_of(attributes) == kind


def test_answer_that_was_an_error_is_said_beside_the_name() -> None:
    spans = (
        span(ROOT, 0, "a", 1, 1, http_response_status=1), span(ROOT, 1, "b", 2, 1), span(ROOT, 2, "c", 3, 1)
    )  # fmt: skip
    spans[1].event.attributes = {"http.response.status_code": 502}
    spans[2].event.attributes = {"http.response.status_code": 200}

    assert shaped(run(ROOT, out(1, 0)), spans=spans).spans.detail[2:] == ["", "502", ""]


def test_spans_that_contain_each_other_do_no_harm() -> None:
    spans = (
        span(ROOT, 0, "a", 1, 1, parent="b"), span(ROOT, 1, "b", 2, 1, parent="a"), span(ROOT, 2, "c", 3, 1, parent="c")
    )  # fmt: skip

    assert drawn(shaped(run(ROOT, out(1, 0)), spans=spans))[2:] == ["    span c 3+1"]


def test_start_before_the_trace_is_its_start() -> None:
    answer = shaped(run(ROOT, out(1, 0)), spans=(span(ROOT, 0, "early", -20, 50),))

    assert drawn(answer)[-1] == "    span early 0+50"


def test_warnings_and_errors_are_marked() -> None:
    warn = Event("", 1, T + 30, 4, "warn", "slow", None, "a")
    found = Trace([run(ROOT, out(1, 0))], {ROOT}, [], [Written(ROOT, 1, 4, warn)], T)

    marks = shaping.answer(found).marks

    assert msgspec.to_builtins(marks) == {
        "run": [0], "fence": [1], "seq": [4], "at": [30], "error": [0], "span": [short("a")],
    }  # fmt: skip


def test_lines_keep_their_attributes_as_they_are() -> None:
    raw = msgspec.Raw(b'{"n":1e400,"a":[1]}')
    lines = [
        Line(CHILD, 2, 5, Said("", 2, T + 7, 5, "info", "hi", raw, "a")),
        Line(ROOT, 1, 0, Said("", 1, T + 8, 0, "log", "printed")),
    ]  # fmt: skip
    found = Lines([run(ROOT, out(1, 0)), run(CHILD, out(1, 0), parent=ROOT)], lines, "c", True, 9)

    answer = shaping.lines(found, T)

    assert b'{"n":1e400,"a":[1]},null' in msgspec.json.encode(answer)
    assert [one.id for one in answer.runs] == [ids.public("run", CHILD), ids.public("run", ROOT)]
    assert (answer.lines.run, answer.lines.at, answer.lines.span) == (
        [0, 1],
        [7, 8],
        [short("a"), ""],
    )
    assert (answer.more, answer.looked, answer.live) == (True, 9, True)
