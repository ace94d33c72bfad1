"""Hairtrigger: durable background jobs for Python.

The front door: everything that is public, loaded when it is asked for. ``hairtrigger.sync`` has the same
names without ``await``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hairtrigger import sync as sync
    from hairtrigger.errors import AbortTaskRunError as AbortTaskRunError
    from hairtrigger.errors import ApiError as ApiError
    from hairtrigger.errors import BadRequest as BadRequest
    from hairtrigger.errors import BlockingCallInLoop as BlockingCallInLoop
    from hairtrigger.errors import CompleteTaskWithOutput as CompleteTaskWithOutput
    from hairtrigger.errors import ConfigError as ConfigError
    from hairtrigger.errors import ConnectionFailed as ConnectionFailed
    from hairtrigger.errors import Forbidden as Forbidden
    from hairtrigger.errors import HairtriggerError as HairtriggerError
    from hairtrigger.errors import InvalidDuration as InvalidDuration
    from hairtrigger.errors import MissingKey as MissingKey
    from hairtrigger.errors import NotFound as NotFound
    from hairtrigger.errors import OutsideRun as OutsideRun
    from hairtrigger.errors import PayloadValidationError as PayloadValidationError
    from hairtrigger.errors import PlanLimitReached as PlanLimitReached
    from hairtrigger.errors import ProjectError as ProjectError
    from hairtrigger.errors import RateLimitError as RateLimitError
    from hairtrigger.errors import ResultTimeout as ResultTimeout
    from hairtrigger.errors import SubtaskError as SubtaskError
    from hairtrigger.errors import TaskError as TaskError
    from hairtrigger.errors import TooLarge as TooLarge
    from hairtrigger.errors import Unauthorized as Unauthorized
    from hairtrigger.errors import Unavailable as Unavailable
    from hairtrigger.errors import UnknownOption as UnknownOption
    from hairtrigger.errors import Unprocessable as Unprocessable
    from hairtrigger.errors import WebhookError as WebhookError
    from hairtrigger.sdk.batch import BatchInfo as BatchInfo
    from hairtrigger.sdk.batch import batch as batch
    from hairtrigger.sdk.call import Call as Call
    from hairtrigger.sdk.client import configure as configure
    from hairtrigger.sdk.config import Config as Config
    from hairtrigger.sdk.config import Level as Level
    from hairtrigger.sdk.config import Retries as Retries
    from hairtrigger.sdk.config import define_config as define_config
    from hairtrigger.sdk.context import AttemptInfo as AttemptInfo
    from hairtrigger.sdk.context import Context as Context
    from hairtrigger.sdk.context import RunInfo as RunInfo
    from hairtrigger.sdk.context import current as current
    from hairtrigger.sdk.decorators import task as task
    from hairtrigger.sdk.handles import BatchHandle as BatchHandle
    from hairtrigger.sdk.handles import RunHandle as RunHandle
    from hairtrigger.sdk.hooks import RetryDecision as RetryDecision
    from hairtrigger.sdk.idempotency import IdempotencyKey as IdempotencyKey
    from hairtrigger.sdk.idempotency_keys import idempotency_keys as idempotency_keys
    from hairtrigger.sdk.logger import logger as logger
    from hairtrigger.sdk.metadata import metadata as metadata
    from hairtrigger.sdk.options import Cron as Cron
    from hairtrigger.sdk.options import Debounce as Debounce
    from hairtrigger.sdk.options import Duration as Duration
    from hairtrigger.sdk.options import Queue as Queue
    from hairtrigger.sdk.options import Retry as Retry
    from hairtrigger.sdk.options import ScheduledTaskOptions as ScheduledTaskOptions
    from hairtrigger.sdk.options import TaskOptions as TaskOptions
    from hairtrigger.sdk.options import TriggerOptions as TriggerOptions
    from hairtrigger.sdk.options import When as When
    from hairtrigger.sdk.options import queue as queue
    from hairtrigger.sdk.page import Page as Page
    from hairtrigger.sdk.queues import QueueInfo as QueueInfo
    from hairtrigger.sdk.queues import queues as queues
    from hairtrigger.sdk.result import Failed as Failed
    from hairtrigger.sdk.result import Ok as Ok
    from hairtrigger.sdk.retry import retry as retry
    from hairtrigger.sdk.run import Run as Run
    from hairtrigger.sdk.runs import runs as runs
    from hairtrigger.sdk.scheduled import ScheduledPayload as ScheduledPayload
    from hairtrigger.sdk.schedules import Schedule as Schedule
    from hairtrigger.sdk.schedules import schedules as schedules
    from hairtrigger.sdk.tags import tags as tags
    from hairtrigger.sdk.task import Task as Task
    from hairtrigger.sdk.tasks import tasks as tasks
    from hairtrigger.sdk.trigger_client import TriggerClient as TriggerClient
    from hairtrigger.sdk.webhooks import WebhookEvent as WebhookEvent
    from hairtrigger.sdk.webhooks import webhooks as webhooks
    from hairtrigger.sync import SyncTask as SyncTask
    from hairtrigger.worker.start import WorkerProcess as WorkerProcess
    from hairtrigger.worker.start import start_worker as start_worker

# The same for the interpreter; a test compares the two.
_HOMES = {
    "errors": (
        "AbortTaskRunError", "ApiError", "BadRequest", "BlockingCallInLoop",
        "CompleteTaskWithOutput", "ConfigError", "ConnectionFailed", "Forbidden",
        "HairtriggerError", "InvalidDuration", "MissingKey", "NotFound", "OutsideRun",
        "PayloadValidationError", "PlanLimitReached", "ProjectError", "RateLimitError", "ResultTimeout",
        "SubtaskError", "TaskError", "TooLarge", "Unauthorized", "Unavailable", "UnknownOption",
        "Unprocessable", "WebhookError",
    ),
    "sdk.batch": ("BatchInfo", "batch"),
    "sdk.call": ("Call",),
    "sdk.client": ("configure",),
    "sdk.config": ("Config", "Level", "Retries", "define_config"),
    "sdk.context": ("AttemptInfo", "Context", "RunInfo", "current"),
    "sdk.decorators": ("task",),
    "sdk.handles": ("BatchHandle", "RunHandle"),
    "sdk.hooks": ("RetryDecision",),
    "sdk.idempotency": ("IdempotencyKey",),
    "sdk.idempotency_keys": ("idempotency_keys",),
    "sdk.logger": ("logger",),
    "sdk.metadata": ("metadata",),
    "sdk.options": (
        "Cron", "Debounce", "Duration", "Queue", "Retry", "ScheduledTaskOptions", "TaskOptions",
        "TriggerOptions", "When", "queue",
    ),
    "sdk.page": ("Page",),
    "sdk.queues": ("QueueInfo", "queues"),
    "sdk.result": ("Failed", "Ok"),
    "sdk.retry": ("retry",),
    "sdk.run": ("Run",),
    "sdk.runs": ("runs",),
    "sdk.scheduled": ("ScheduledPayload",),
    "sdk.schedules": ("Schedule", "schedules"),
    "sdk.tags": ("tags",),
    "sdk.task": ("Task",),
    "sdk.tasks": ("tasks",),
    "sdk.trigger_client": ("TriggerClient",),
    "sdk.webhooks": ("WebhookEvent", "webhooks"),
    "sync": ("SyncTask",),
    "worker.start": ("WorkerProcess", "start_worker"),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # or every name would be one that type checkers believe in

    def __getattr__(name: str) -> Any:
        """Load a public name on first use, so that ``import hairtrigger`` loads nothing."""
        home = _HOME.get(name)
        if home is None:
            if name == "sync":
                return import_module("hairtrigger.sync")
            raise AttributeError(f"module 'hairtrigger' has no attribute {name!r}")
        value = getattr(import_module(f"hairtrigger.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*_HOME, "sync"])
