"""Branches of an environment: which may have some, and what they are called."""

import re

from hairtrigger.errors import Unprocessable

PARENTS = ("DEVELOPMENT", "PREVIEW")  # types of environments that have branches
MAX_BRANCHES = 100  # of an environment that are not archived
MAX_NAME = 255
DEFAULT = "default"  # of a development environment: no branch
_SLUG = 40
# What Git adds before a branch's name, as build systems tell it.
_PREFIX = re.compile(r"^refs/(?:heads|tags|remotes/[^/]+)/")


def check_name(text: str) -> str:
    """A branch's name, without what Git writes before it.

    Raises:
        Unprocessable: it is empty, too long, or has blanks or characters that nobody can see.
    """
    name = _PREFIX.sub("", text.strip())
    if not name or len(name) > MAX_NAME or not name.isprintable() or " " in name:
        raise Unprocessable(
            f"{text[:50]!r} is no name of a branch: 1 to {MAX_NAME} characters, no blanks, such as feature/mail."
        )
    if name == DEFAULT:
        raise Unprocessable(f"{DEFAULT!r} stands for no branch: give it another name.")
    return name


def slug_of(kind: str, name: str, taken: set[str]) -> str:
    """What a branch is called in paths: ``preview-feature-mail``, with a number when that is taken."""
    short = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_SLUG].rstrip("-") or "branch"
    slug, number = f"{kind}-{short}", 1
    while slug in taken:
        number += 1
        slug = f"{kind}-{short}-{number}"
    return slug
