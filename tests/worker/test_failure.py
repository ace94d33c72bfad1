from hairtrigger.worker import failure
from hairtrigger.worker.failure import MAX_MESSAGE_BYTES, MAX_TRACE_BYTES


def test_a_long_message_is_cut_and_says_how_long_it_was() -> None:
    described = failure.describe(ValueError("ä" * MAX_MESSAGE_BYTES))

    assert len(described.message.encode()) < MAX_MESSAGE_BYTES + 100
    assert described.message.endswith(f"({2 * MAX_MESSAGE_BYTES:,} bytes)")


def test_a_long_trace_keeps_its_start_and_its_end() -> None:
    described = failure.describe(ValueError("start " + "x" * 2 * MAX_TRACE_BYTES + " end"))

    assert len(described.trace.encode()) < MAX_TRACE_BYTES + 100
    assert described.trace.startswith("ValueError: start")
    assert described.trace.endswith(" end")


def test_an_exception_without_a_readable_message_is_described_all_the_same() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert failure.describe(Odd()).message == "<Odd without a readable message>"


def test_lone_surrogates_do_not_travel() -> None:
    assert failure.describe(ValueError("a\ud800b")).message == "a?b"


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first

    assert [cause.name for cause in failure.describe(first).causes] == ["KeyError"]
