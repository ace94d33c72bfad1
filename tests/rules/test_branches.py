"""Names of branches, and what they are called in paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.errors import Unprocessable
from hairtrigger.rules import branches


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("main", "main"), (" feature/mail ", "feature/mail"), ("refs/heads/feature/mail", "feature/mail"),
        ("refs/remotes/origin/x", "x"), ("Füße", "Füße"), ("a" * 255, "a" * 255),
    ],
)  # fmt: skip
def test_a_name_is_that_of_the_branch_alone(given: str, name: str) -> None:
    assert branches.check_name(given) == name


@pytest.mark.parametrize("text", ["", " ", "a b", "a\nb", "a" * 256, "default", "refs/heads/"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable):
        branches.check_name(text)


def test_paths_call_a_branch_by_its_kind_and_name() -> None:
    taken = {"preview-feature-mail"}

    assert branches.slug_of("preview", "Feature/MAIL", set()) == "preview-feature-mail"
    assert branches.slug_of("preview", "feature-mail", taken) == "preview-feature-mail-2"
    assert branches.slug_of("dev", "---", set()) == "dev-branch"


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), max_size=8))
def test_no_two_branches_are_called_alike_in_paths(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        slug = branches.slug_of("preview", name, taken)

        assert slug not in taken
        assert slug.isascii()
        assert slug == slug.lower()
        assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        taken.add(slug)
