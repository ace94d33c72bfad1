"""OpenTelemetry in any process: whether its own variables ask for traces, and what all that send them do alike."""

import importlib.util
import threading
from collections.abc import Callable, Mapping
from typing import Any

WORKER, SERVER = "hairtrigger-worker", "hairtrigger-server"  # names of services
CLOSE_S = 2.0  # that whoever stops gives to the spans that wait
INSTALL = 'pip install "hairtrigger[otel]"'
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_EXPORTER = "opentelemetry.exporter.otlp.proto.http"


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether an environment asks for traces."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter in ("", "otlp") and any(environ.get(name) for name in _ENDPOINTS)


def is_installed() -> bool:
    """Whether what sends traces can be imported."""
    try:
        return all(importlib.util.find_spec(one) for one in ("opentelemetry.sdk", _EXPORTER))
    except ModuleNotFoundError:
        return False


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of them that are OpenTelemetry's own."""
    return {name: value for name, value in environ.items() if name.startswith("OTEL_")}


def resource(environ: Mapping[str, str], name: str) -> Any:
    """The SDK's description of this process, with a name for the service unless it has one."""
    from opentelemetry.sdk.resources import Resource

    given = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if given else {"service.name": name})


def finish(send: Callable[[], object]) -> None:
    """Let OpenTelemetry send what is left, for two seconds at most, whatever its collector does."""
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(CLOSE_S)
