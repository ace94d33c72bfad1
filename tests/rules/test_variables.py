"""Environment variables: names, values, and files of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.errors import BadRequest, TooLarge
from hairtrigger.rules import variables

NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=40)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=5))
def test_a_file_is_read_back_as_it_was_written(given: dict[str, str]) -> None:
    assert variables.parse(variables.written(given)) == given


@pytest.mark.parametrize(
    "name", ["1A", "A-B", "A B", "", "Ä", "TRIGGER_X", "HAIRTRIGGER_URL", "A" * 256]
)
def test_names_that_no_process_takes_or_that_are_ours_are_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        variables.check(name, "x")


def test_values_have_a_limit_and_no_nul() -> None:
    variables.check("A", "x" * variables.MAX_VALUE)
    with pytest.raises(TooLarge):
        variables.check("A", "x" * (variables.MAX_VALUE + 1))
    with pytest.raises(BadRequest, match="NUL"):
        variables.check("A", "\0")


def test_what_clients_send_along_is_left_out_and_nothing_at_all_is_refused() -> None:
    given = {
        "A": "1",
        "B": "",
        "": "x",
        "TRIGGER_SECRET_KEY": "tr_x",
        "TRIGGER_API_URL": "http://x",
    }

    assert variables.accepted(given) == {"A": "1"}
    with pytest.raises(BadRequest, match="nothing to set"):
        variables.accepted({"A": "", "TRIGGER_SECRET_KEY": "x"})
    with pytest.raises(BadRequest, match="no NAME=value"):
        variables.parse("# nothing\n")
