"""Every promise that is kept is pinned: by a test that names its row."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
_MARK = re.compile(r"(?:acceptance|ROW)\(([^)]*)\)")


def rows(*ranges: tuple[int, int]) -> set[str]:
    return {f"S{number:02d}" for first, last in ranges for number in range(first, last + 1)}


KEPT = rows((1, 62), (80, 109))


def test_every_kept_promise_is_pinned_by_a_test_that_names_it() -> None:
    sources = [path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts]

    named = {
        row
        for path in sources
        for mark in _MARK.findall(path.read_text(encoding="utf-8"))
        for row in re.findall(r"S\d+", mark)
    }

    assert named >= KEPT, f"Not pinned: {sorted(KEPT - named)}"
