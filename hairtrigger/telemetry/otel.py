"""Whether a process is asked for traces, by OpenTelemetry's own variables, and can send them."""

import importlib.util
from collections.abc import Mapping
from typing import Any

WORKER, SERVER = "hairtrigger-worker", "hairtrigger-server"  # names of services
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
