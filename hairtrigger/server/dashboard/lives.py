"""How long a key or a token is to live, as forms offer it."""

LIVES = {"": "no end", "7d": "7 days", "30d": "30 days", "90d": "90 days", "365d": "a year"}
_DAY_MS = 86_400_000


def life_ms(chosen: str) -> int | None:
    """The life that was chosen, in ms; None: no end."""
    return int(chosen.removesuffix("d")) * _DAY_MS if chosen and chosen in LIVES else None
