"""Keys beside an environment's root key, and people's own tokens: their names, how many, and how long they live."""

from hairtrigger.errors import Unprocessable

MAX_KEYS = 100  # of an environment, and tokens of a person
MAX_NAME = 60
GRACE_MS = 24 * 3_600_000  # that a root key is good for after another one took its place
MAX_LIFE_MS = 10 * 366 * 86_400_000


def check_name(name: str, what: str = "key") -> str:
    """A key's name (or that of ``what`` else), without what surrounds it.

    Raises:
        Unprocessable: it is empty, longer than 60 characters, or has line breaks.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Unprocessable(f"A {what}'s name has 1 to {MAX_NAME} characters, on one line.")
    return name


def check_life(life_ms: int | None, what: str = "key") -> int | None:
    """How long a key is to live, in ms; None: until it is revoked.

    Raises:
        Unprocessable: no time at all, or more than ten years.
    """
    if life_ms is not None and not 0 < life_ms <= MAX_LIFE_MS:
        raise Unprocessable(f"A {what} lives for up to ten years, or until it is revoked.")
    return life_ms
