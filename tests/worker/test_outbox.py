from msgspec import Raw

from hairtrigger.wire.worker import MAX_EVENT_BYTES, MAX_RESULTS
from hairtrigger.worker import outbox
from hairtrigger.worker.frames import Ended, Line
from hairtrigger.worker.outbox import Outbox


def _line(text: bytes, run: str = "run_1") -> Line:
    return Line(run, 1, Raw(text))


def _ended(run: str) -> Ended:
    return Ended(run, 1, Raw(b"{}"))


def test_a_report_carries_at_most_500_results() -> None:
    box = Outbox()
    for number in range(MAX_RESULTS + 1):
        box.add_result(_ended(f"run_{number}"))

    first, second = box.take(), box.take()

    assert (len(first.results), second.keys) == (MAX_RESULTS, [(f"run_{MAX_RESULTS}", 1)])


def test_a_result_never_overtakes_the_lines_of_its_run() -> None:
    box = Outbox()
    box.add_lines([_line(b"x" * (MAX_EVENT_BYTES - 10)), _line(b"y" * 100)])
    box.add_result(_ended("run_1"))

    first, second = box.take(), box.take()

    assert (len(first.events), first.keys) == (1, [])
    assert (len(second.events), second.keys) == (1, [("run_1", 1)])


def test_one_thing_too_large_for_a_report_goes_alone() -> None:
    box = Outbox()
    box.add_lines([_line(b"x" * 2 * MAX_EVENT_BYTES)])

    assert len(box.take().events) == 1
    assert not box


def test_lines_beyond_what_may_wait_are_dropped_and_results_are_not() -> None:
    box = Outbox()
    large = _line(b"x" * (outbox.MAX_WAITING_BYTES - 10))
    box.add_lines([large])

    dropped = box.add_lines([_line(b"y" * 100)])
    box.add_result(_ended("run_1"))

    assert dropped == 1
    assert box.results == 1
