"""What went wrong, for people and for programs: one sentence, its causes, what to do, and the exit code.

Every error of a command ends here, once, in ``main``.
"""

from dataclasses import dataclass, replace

from hairtrigger import errors

FAILED, USAGE, NOT_FOUND, NOT_ALLOWED, UNREACHABLE, TIMED_OUT, NOT_LOADED, STOPPED = range(1, 9)
INTERRUPTED, TERMINATED = 130, 143


@dataclass(frozen=True, slots=True)
class Problem:
    """``what`` happened, ``why``, and ``fixes``: pairs of a few words and a command to paste."""

    what: str
    why: tuple[str, ...] = ()
    fixes: tuple[tuple[str, str], ...] = ()
    exit_code: int = FAILED
    code: str = "error"
    request_id: str | None = None

    @property
    def hint(self) -> str | None:
        """What to do, in one line."""
        return (
            "; ".join(f"{label}: {text}" if label else text for label, text in self.fixes) or None
        )


class Explained(errors.HairtriggerError):
    """An error whose words are found already."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.code, self.problem = problem.code, problem


class CommandError(Explained):
    """An error that a command found itself and can say all about."""

    def __init__(
        self,
        what: str,
        *why: str,
        fixes: tuple[tuple[str, str], ...] = (),
        exit_code: int = FAILED,
        code: str = "error",
    ) -> None:
        super().__init__(Problem(what, why, fixes, exit_code, code))


def at_start(error: errors.ConfigError) -> Explained:
    """Settings that are sound, and an address or a database that somebody else has: no wrong usage."""
    return Explained(replace(of(error), exit_code=FAILED))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the settings of a call came from, for the hints of an error."""

    url: str = ""
    key: str = ""


_EXITS: tuple[tuple[type[errors.HairtriggerError], int], ...] = (
    (errors.PayloadValidationError, USAGE),
    (errors.MissingKey, NOT_ALLOWED),
    (errors.Unauthorized, NOT_ALLOWED),
    (errors.Forbidden, NOT_ALLOWED),
    (errors.RateLimitError, NOT_ALLOWED),
    (errors.NotFound, NOT_FOUND),
    (errors.BadRequest, USAGE),
    (errors.TooLarge, USAGE),
    (errors.Unprocessable, USAGE),
    (errors.UnknownOption, USAGE),
    (errors.ConfigError, USAGE),
    (errors.Unavailable, UNREACHABLE),
    (errors.ConnectionFailed, UNREACHABLE),
    (errors.ProjectError, NOT_LOADED),
    (errors.ResultTimeout, TIMED_OUT),
    (errors.TaskError, FAILED),
)


def exit_code(error: errors.HairtriggerError) -> int:
    """The exit code of an error."""
    for kind, code in _EXITS:
        if isinstance(error, kind):
            return code
    return UNREACHABLE if isinstance(error, errors.ApiError) and error.status >= 500 else FAILED


def of(error: errors.HairtriggerError, origin: Origin | None = None) -> Problem:
    """An error as a problem."""
    origin = origin or Origin()
    if isinstance(error, Explained):
        return error.problem
    if isinstance(error, errors.ConnectionFailed):
        why = f"The address comes from {origin.url}. " if origin.url else ""
        return Problem(
            f"Cannot reach {error.url} ({error.reason})",
            (f"{why}Is the server running?",),
            (("Start it", "hairtrigger dev"), ("or", "hairtrigger server")),
            UNREACHABLE,
            error.code,
        )
    if isinstance(error, errors.MissingKey):
        return Problem(
            "No API key",
            (
                "Neither TRIGGER_SECRET_KEY nor TRIGGER_API_KEY is set, in the environment or in .env.",
            ),
            (("Make one", "hairtrigger init"), ("or sign in", "hairtrigger login --api-url URL")),
            NOT_ALLOWED,
            error.code,
        )
    what, lines = _first_sentence(str(error))
    fixes: tuple[tuple[str, str], ...] = ()
    if isinstance(error, errors.Unauthorized):
        lines += (f"The key comes from {origin.key}.",) if origin.key else ()
        fixes = (("Check it", "hairtrigger doctor"),)
    return Problem(
        what, lines, fixes, exit_code(error), error.code, getattr(error, "request_id", None)
    )


def _first_sentence(text: str) -> tuple[str, tuple[str, ...]]:
    """A message as its headline and the lines below it."""
    head, *lines = text.strip().split("\n")
    first, mark, rest = head.partition(". ")
    if mark and rest[:1].isupper():
        return first, (rest, *lines[:4])
    return head.removesuffix("."), tuple(lines[:4])
