import importlib.util
from pathlib import Path

import pytest

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


def test_the_lines_around_ones_own_frames_are_kept_as_they_were_innermost_first(
    tmp_path: Path,
) -> None:
    code = tmp_path / "mine.py"
    code.write_text("import json\n\n\ndef read(text):\n    # before\n    return json.loads(text)\n")
    spec = importlib.util.spec_from_file_location("mine", code)
    assert spec is not None
    assert spec.loader is not None
    mine = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mine)
    with pytest.raises(ValueError, match="Expecting value") as caught:
        mine.read("nonsense")
    described = failure.describe(caught.value)
    code.write_text("# edited since\n" * 9)

    first, second = described.sources
    assert (first.path, first.line, first.first) == (str(code), 6, 2)
    assert first.lines[-2:] == ["    # before", "    return json.loads(text)"]
    assert second.path == __file__
    assert "json" in described.trace


def test_an_error_of_code_without_a_file_has_no_lines() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        exec("1 / 0")

    assert [source.path for source in failure.describe(caught.value).sources] == [__file__]
