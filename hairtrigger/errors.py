"""Every error that Hairtrigger raises.

    HairtriggerError                 what happened, to what, and what to do next
    ├── BadRequest            400    the request cannot be read
    ├── Unauthorized          401    no key, or one that we do not know
    ├── Forbidden             403    a known caller who may not do this
    ├── NotFound              404    no such thing in this environment
    ├── TooLarge              413    over a size limit
    ├── Unprocessable         422    well formed, but a rule refuses it
    │   ├── InvalidCron, InvalidTimezone, InvalidDuration
    │   ├── PayloadValidationError   a payload that does not fit its task
    │   └── PlanLimitReached         the plan's runs of this month are used
    ├── RateLimitError        429    too many requests
    ├── Unavailable           503    full, starting, stopping or without its database
    ├── ConnectionFailed             the server could not be reached at all
    ├── ConfigError, ProjectError    the project cannot be loaded
    │   └── DatabaseInUse            a SQLite file that another process has
    ├── UnknownOption                a misspelt option of trigger()
    ├── TaskError                    how a run failed, as seen by whoever waits for it
    │   └── SubtaskError
    ├── AbortTaskRunError            raised by a body: fail now, without a retry
    └── CompleteTaskWithOutput       raised by a body: finish now, with this output

An error crosses the wire as ``{"error": message, "code": code}`` with its ``status``, and ``details`` where it has
some, and comes back as the same class: ``from_status`` is the one place that turns an answer into an exception.
"""

from collections.abc import Sequence
from typing import Any


class HairtriggerError(Exception):
    """The base of all errors of this package.

    ``code`` is stable and meant for programs, ``status`` is the HTTP status the server answers.
    """

    code = "error"
    status = 500

    @property
    def message(self) -> str:
        return str(self)

    @property
    def details(self) -> dict[str, Any]:
        """What programs may want to know besides, by the names that the API gives it."""
        return {}


class ApiError(HairtriggerError):
    """An answer of the server that says no, with nothing more specific to be said."""

    request_id: str | None = None


class BadRequest(ApiError):
    code, status = "bad_request", 400


class Unauthorized(ApiError):
    code, status = "unauthorized", 401


class Forbidden(ApiError):
    code, status = "forbidden", 403


class NotFound(ApiError):
    code, status = "not_found", 404


class MethodNotAllowed(ApiError):
    code, status = "method_not_allowed", 405


class TooLarge(ApiError):
    code, status = "too_large", 413


class UnsupportedMediaType(ApiError):
    code, status = "unsupported_media_type", 415


class Unprocessable(ApiError):
    code, status = "unprocessable", 422


class InvalidCron(Unprocessable):
    """A cron pattern that cannot be understood, or that never fires."""

    code = "invalid_cron"

    def __init__(self, pattern: str, field: str, reason: str) -> None:
        super().__init__(
            f"Invalid cron pattern {pattern!r}: {field}: {reason}. "
            "Give five fields: minute hour day-of-month month day-of-week."
        )
        self.pattern, self.field, self.reason = pattern, field, reason


class InvalidTimezone(Unprocessable):
    """A name that is not in the IANA time zone database."""

    code = "invalid_timezone"

    def __init__(self, timezone: str) -> None:
        super().__init__(f"Unknown time zone {timezone!r}. Use an IANA name such as Europe/London.")
        self.timezone = timezone


class InvalidDuration(Unprocessable):
    """A text that is not a duration such as ``30s`` or ``1h30m``."""

    code = "invalid_duration"

    def __init__(self, text: str, what: str = "duration") -> None:
        super().__init__(f"Invalid {what} {text[:100]!r}. Write it like 30s, 10m, 1h30m, 2d or 1w.")
        self.text = text


class PayloadValidationError(Unprocessable, ValueError):
    """A payload that does not fit its task; raised before anything is sent."""

    code = "invalid_payload"

    def __init__(self, task_id: str, problems: Sequence[str]) -> None:
        super().__init__(f"Payload does not fit {task_id}: " + "; ".join(problems))
        self.task_id, self.problems = task_id, list(problems)


class PlanLimitReached(Unprocessable):
    """The organisation's plan allows no more runs in this month (UTC). To try again before that is over helps
    only with another plan, so it is no 429. ``plan`` is its name, ``limit`` its runs in a month, ``resets_on`` the date
    (``2026-12-01``) on which counting begins anew."""

    code = "plan_limit_reached"
    plan, limit, resets_on = "", 0, ""

    def __init__(self, plan: str, limit: int, resets_on: str) -> None:
        super().__init__(
            f"The plan {plan} allows {limit:,} runs in a calendar month, and all of them are used. "
            f"Counting begins anew on {resets_on} at 00:00 UTC. Until then: an admin can change the plan."
        )
        self.plan, self.limit, self.resets_on = plan, limit, resets_on

    @property
    def details(self) -> dict[str, Any]:
        return {"plan": self.plan, "limit": self.limit, "resetsOn": self.resets_on}


class RateLimitError(ApiError):
    """Too many requests; try again after ``retry_after_ms`` milliseconds."""

    code, status = "rate_limited", 429

    def __init__(self, message: str = "Too many requests.", retry_after_ms: int = 1_000) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class Unavailable(ApiError):
    """The server cannot take this now; the same request is safe to repeat after a second."""

    code, status = "unavailable", 503
    retry_after_s = 1


class LeaseLost(HairtriggerError):
    """An attempt whose right to its run has passed to somebody else."""

    code, status = "lease_lost", 410


class UnknownWorker(ApiError):
    """A worker session that the server does not know (any more): register again."""

    code, status = "unknown_worker", 409


class ConnectionFailed(HairtriggerError):
    """The server could not be reached after all retries."""

    code, status = "connection_failed", 503

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"Cannot reach {url} ({reason}). "
            "Is the server running? Start it with `hairtrigger dev` or `hairtrigger server`, "
            "or set TRIGGER_API_URL."
        )
        self.url, self.reason = url, reason


class MissingKey(Unauthorized):
    """No key is configured."""

    code = "missing_key"

    def __init__(self) -> None:
        super().__init__(
            "No API key. Set TRIGGER_SECRET_KEY (or TRIGGER_API_KEY) in the environment or in .env, "
            "or call hairtrigger.configure(secret_key=...). `hairtrigger init` writes one to .env."
        )


class WebhookError(HairtriggerError):
    """A webhook that cannot be believed: unsigned, signed by somebody else, or too old."""

    code, status = "webhook", 400


class BlockingCallInLoop(HairtriggerError):
    """A blocking call made from a running event loop."""

    code = "blocking_call"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"hairtrigger.sync.{name} would block the running event loop. "
            f"Use `await hairtrigger.{name}` instead."
        )


class ConfigError(HairtriggerError):
    """A configuration file that is missing, broken, or has an unknown field."""

    code, status = "config", 400


class DatabaseInUse(ConfigError):
    """A SQLite file that another process works on."""

    code = "database_in_use"


class ProjectError(HairtriggerError):
    """Task code that cannot be loaded: import errors, duplicate ids, wrong signatures."""

    code, status = "project", 400


class UnknownOption(HairtriggerError, TypeError):
    """A trigger option with a name that we do not know."""

    code, status = "unknown_option", 400


class OutsideRun(HairtriggerError):
    """Something that only makes sense inside a running task."""

    code, status = "outside_run", 400

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} works inside a running task only.")


class TaskError(HairtriggerError):
    """How a run failed.

    ``name`` is the class of the original exception, ``stack_trace`` its traceback as text.
    """

    code, status = "task_failed", 500

    def __init__(self, message: str, *, name: str = "Error", stack_trace: str = "") -> None:
        super().__init__(message)
        self.name, self.stack_trace = name, stack_trace


class SubtaskError(TaskError):
    """A run that somebody waited for has failed; ``run_id`` and ``task_id`` say which."""

    def __init__(self, error: TaskError, *, run_id: str, task_id: str) -> None:
        super().__init__(str(error), name=error.name, stack_trace=error.stack_trace)
        self.run_id, self.task_id = run_id, task_id


class AbortTaskRunError(HairtriggerError):
    """Raise it in a task to fail the run at once, without another attempt."""

    code = "aborted"


class CompleteTaskWithOutput(HairtriggerError):
    """Raise it in a task to complete the run at once with this output."""

    code = "completed"

    def __init__(self, output: Any = None) -> None:
        super().__init__("The run was completed with an output.")
        self.output = output


class ResultTimeout(HairtriggerError, TimeoutError):
    """A run that was not finished in the time somebody was ready to wait; the run goes on."""

    code, status = "timeout", 408

    def __init__(self, run_id: str, timeout_s: float) -> None:
        super().__init__(f"{run_id} was not finished within {timeout_s:g} s; it goes on.")
        self.run_id = run_id


_BY_CODE: dict[str, type[ApiError]] = {
    cls.code: cls for cls in (BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed,
                              TooLarge, UnsupportedMediaType, Unprocessable, PlanLimitReached, Unavailable,
                              UnknownWorker)
}  # fmt: skip
_BY_STATUS: dict[int, type[ApiError]] = {
    cls.status: cls for cls in _BY_CODE.values() if cls is not PlanLimitReached
}


def from_status(
    status: int, message: str, code: str | None = None, details: dict[str, Any] | None = None
) -> ApiError:
    """The exception for an answer of the API: by code when we know it, else by HTTP status."""
    if status == 429:
        return RateLimitError(message)
    cls = _BY_CODE.get(code or "") or _BY_STATUS.get(status, ApiError)
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.status = status
    if code:
        error.code = code
    if isinstance(error, PlanLimitReached) and details:
        error.plan, error.limit = str(details.get("plan", "")), int(details.get("limit", 0))
        error.resets_on = str(details.get("resetsOn", ""))
    return error
