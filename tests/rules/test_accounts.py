"""Which emails, passwords and names will do, and what roles may."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.errors import Unprocessable
from hairtrigger.rules import accounts

local_parts = st.from_regex(r"[A-Za-z0-9._%+-]{1,64}", fullmatch=True)
labels = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join)
emails = st.builds("{}@{}".format, local_parts, domains)
blanks = st.text(" \t\n", max_size=3)
passwords = st.text(st.characters(), min_size=accounts.SHORTEST, max_size=60).filter(
    lambda text: len(unicodedata.normalize("NFKC", text)) >= accounts.SHORTEST
)


@given(emails, blanks, blanks)
def test_an_email_is_kept_in_lower_case_however_it_was_written(
    email: str, before: str, after: str
) -> None:
    kept = accounts.check_email(before + email + after)

    assert kept == email.lower()
    assert accounts.check_email(email.upper()) == accounts.check_email(kept) == kept


@given(st.text())
def test_what_is_taken_for_an_email_has_its_form_and_no_other_turn_changes_it(text: str) -> None:
    try:
        kept = accounts.check_email(text)
    except Unprocessable:
        return

    assert accounts.check_email(kept) == kept
    assert kept.count("@") == 1
    assert kept.isprintable()
    assert not any(one.isspace() for one in kept)


@pytest.mark.parametrize(
    "text",
    [
        "", "ada", "@", "ada@", "@example.com", "a b@example.com", "ada@exa mple.com", "ada@@example.com",
        "ada@example..com", "ada@.com", "ada@example.", "ada@-example.com", "ada@example-.com",
        "ada\0@example.com", "ada@example.com\0", "Ada <ada@example.com>", "a" * 65 + "@example.com",
        "a@" + "b" * 253, "ada@example.com,bob@example.com", "a\u202e@example.com",
    ],
)  # fmt: skip
def test_what_is_no_email_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable, match="email"):
        accounts.check_email(text)


@pytest.mark.parametrize(
    "text", ["ada@localhost", "ada@xn--bcher-kva.example", "jürgen@bücher.example"]
)
def test_emails_inside_a_company_and_of_other_alphabets_will_do(text: str) -> None:
    assert accounts.check_email(text) == text


@given(st.text())
def test_an_identity_is_a_line_that_no_other_turn_changes(text: str) -> None:
    try:
        kept = accounts.check_identity(text)
    except Unprocessable:
        return

    assert kept.isprintable()
    assert 0 < len(kept) <= accounts.MAX_EMAIL
    assert accounts.check_identity(kept) == kept


@given(emails)
def test_an_email_is_an_identity_under_the_same_name(email: str) -> None:
    assert accounts.check_identity(email) == accounts.check_email(email)


@given(st.text(), emails | st.sampled_from(["@x", "ada", "a" * 254]))
def test_everybody_has_a_name_on_one_line(name: str, email: str) -> None:
    shown = accounts.name_or(email, name)

    assert 0 < len(shown) <= accounts.MAX_NAME
    assert shown.isprintable()
    assert shown == accounts.name_or(email, shown)


@given(passwords)
def test_a_long_password_of_any_characters_will_do(password: str) -> None:
    accounts.check_password(password, "ada@example.com")


@given(st.text(max_size=accounts.SHORTEST - 1, alphabet=st.characters(max_codepoint=127)))
def test_a_short_password_is_refused(password: str) -> None:
    with pytest.raises(Unprocessable, match="too short"):
        accounts.check_password(password, "ada@example.com")


def test_the_limits_of_a_password_are_exact() -> None:
    accounts.check_password("x" * 10, "ada@example.com")
    accounts.check_password("x" * 1_000, "ada@example.com")

    with pytest.raises(Unprocessable, match="too long"):
        accounts.check_password("x" * 1_001, "ada@example.com")
    assert accounts.password_bytes("x" * 1_001) is None


@given(emails.filter(lambda email: len(email) >= accounts.SHORTEST))
def test_the_email_is_no_password(email: str) -> None:
    with pytest.raises(Unprocessable, match="email address"):
        accounts.check_password(email.swapcase(), email)


@given(passwords)
def test_a_password_is_the_same_on_every_keyboard(password: str) -> None:
    whole, parts = (unicodedata.normalize(form, password) for form in ("NFC", "NFD"))

    assert accounts.password_bytes(whole) == accounts.password_bytes(parts)


@given(passwords, passwords)
def test_two_passwords_are_not_the_same(one: str, other: str) -> None:
    forms = [unicodedata.normalize("NFKC", text) for text in (one, other)]

    same = accounts.password_bytes(one) == accounts.password_bytes(other)

    assert same == (forms[0] == forms[1])


def test_a_viewer_reads_and_an_admin_does_everything() -> None:
    assert {role: accounts.may(role, "read") for role in accounts.ROLES} == {
        "admin": True, "viewer": True,
    }  # fmt: skip
    assert {role: accounts.may(role, "change") for role in accounts.ROLES} == {
        "admin": True, "viewer": False,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "Admin", "owner", "admin "])
def test_a_role_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable, match="admin or viewer"):
        accounts.check_role(text)


@pytest.mark.parametrize("role", accounts.ROLES)
def test_a_role_has_a_name(role: str) -> None:
    assert accounts.check_role(role) == role
