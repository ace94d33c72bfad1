"""Requests of OTLP over HTTP, in protobuf or JSON, to records of runs. Pure: all of it may run on a thread.

Which run something belongs to: its attribute ``hairtrigger.run`` (or those that Trigger.dev's and our workers set), the
span it lies in, or its trace, where the request has one run with it or the trace is a run's own.
Source: OpenTelemetry's protocol, 1.5; ``opentelemetry-proto`` decodes it.
"""

import base64
import importlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hairtrigger.engine.otlp import Record
from hairtrigger.errors import ApiError, BadRequest, TooLarge, UnsupportedMediaType
from hairtrigger.wire import ids

MOST_RECORDS = 5_000  # of a request
PROTOBUF, JSON = "application/x-protobuf", "application/json"
NO_RUN = "no run is named: set the attribute hairtrigger.run to its id"
MANY = f"a request has at most {MOST_RECORDS} records"
_RUN = ("hairtrigger.run", "$metadata.ctx.run.id", "ctx.run.id")
_ERROR = 2  # of a span's status
_WINDOW = 47  # gzip or zlib, whichever it is
_LEVELS = ((17, "error"), (13, "warn"), (9, "info"), (1, "debug"))  # from a severity on


class NotInstalled(ApiError):
    """This server cannot read OTLP."""

    code, status = "not_installed", 501

    def __init__(self) -> None:
        super().__init__(
            'This server cannot read OTLP. Install it there with pip install "hairtrigger[otel]".'
        )


@dataclass(slots=True)
class Read:
    """The records of a request that have a run, and how many others it has, by why they are refused."""

    records: list[Record] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Item:
    """A record, or the span of an attempt of ours, which is shown as the attempt (``record`` is None)."""

    run: str
    trace: str
    span: str
    parent: str
    record: Record | None


def kind_of(content_type: bytes) -> str:
    """The media type of a request.

    Raises:
        UnsupportedMediaType: OTLP has no such form.
    """
    kind = content_type.decode("latin-1").partition(";")[0].strip().lower()
    if kind not in (PROTOBUF, JSON):
        raise UnsupportedMediaType(f"OTLP is sent as {PROTOBUF} or {JSON}, not {kind[:50]!r}.")
    return kind


def unpacked(raw: bytes, encoding: str, limit: int) -> bytes:
    """A body as it was before it was compressed.

    Raises:
        UnsupportedMediaType: by something else than gzip or deflate. BadRequest: it cannot be unpacked.
        TooLarge: it is larger than ``limit`` bytes then.
    """
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "deflate"):
        raise UnsupportedMediaType(f"content-encoding {encoding[:50]!r} is not gzip or deflate.")
    unpacker = zlib.decompressobj(_WINDOW)
    try:
        body = unpacker.decompress(raw, limit + 1)
    except zlib.error as error:
        raise BadRequest(f"The body is not {encoding}: {error}.") from None
    if len(body) > limit:
        raise TooLarge(f"The body is larger than the limit of {limit} bytes when it is unpacked.")
    if not unpacker.eof:
        raise BadRequest(f"The body is cut off: {encoding} goes on.")
    return body


def spans(body: bytes, kind: str) -> Read:
    """The spans of an ``ExportTraceServiceRequest``."""
    request = _decoded("trace.v1.trace_service_pb2", "ExportTraceServiceRequest", body, kind)
    return _read(request.resource_spans, "scope_spans", "spans", _span, kind)


def lines(body: bytes, kind: str) -> Read:
    """The log records of an ``ExportLogsServiceRequest``."""
    request = _decoded("logs.v1.logs_service_pb2", "ExportLogsServiceRequest", body, kind)
    return _read(request.resource_logs, "scope_logs", "log_records", _line, kind)


def _read(
    resources: Any, scopes: str, records: str, make: Callable[[Any, str, str], _Item], kind: str
) -> Read:
    """The records of each scope of each resource, as far as a request may have so many."""
    items: list[_Item] = []
    more = 0
    for of_resource in resources:
        run = _named(_values(of_resource.resource.attributes, of=_RUN[:1]))
        for of_scope in getattr(of_resource, scopes):
            for one in getattr(of_scope, records):
                if len(items) < MOST_RECORDS:
                    items.append(make(one, run, kind))
                else:
                    more += 1
    return _sorted(items, more)


def points(body: bytes, kind: str) -> int:
    """How many data points an ``ExportMetricsServiceRequest`` has."""
    request = _decoded("metrics.v1.metrics_service_pb2", "ExportMetricsServiceRequest", body, kind)
    return sum(
        len(getattr(metric, metric.WhichOneof("data")).data_points)
        for of_resource in request.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
        if metric.WhichOneof("data")
    )


def response(kind: str, name: str, refused: dict[str, int]) -> bytes:
    """The answer to a request: that all was taken, or how many were not, and why. ``name`` is what JSON calls
    their number."""
    count = sum(refused.values())
    why = "; ".join(f"{number}: {text}" for text, number in refused.items())
    if kind == JSON:
        said = {"partialSuccess": {name: str(count), "errorMessage": why}} if count else {}
        return msgspec.json.encode(said)
    if not count:
        return b""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    # the three responses have one form, and differ in names only
    told = trace_service_pb2.ExportTraceServiceResponse()
    told.partial_success.rejected_spans = count
    told.partial_success.error_message = why
    raw: bytes = told.SerializeToString()
    return raw


def _decoded(module: str, name: str, body: bytes, kind: str) -> Any:
    try:
        found = importlib.import_module(f"opentelemetry.proto.collector.{module}")
        json_format: Any = importlib.import_module("google.protobuf.json_format")
        message: Any = importlib.import_module("google.protobuf.message")
    except ImportError:
        raise NotInstalled from None
    request = getattr(found, name)()
    try:
        if kind == JSON:
            json_format.Parse(body or b"{}", request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(body)
    except (message.DecodeError, json_format.ParseError, UnicodeError, RecursionError) as error:
        raise BadRequest(f"The body is no {name}: {str(error)[:200]}") from None
    return request


def _span(one: Any, run: str, kind: str) -> _Item:
    said = _values(one.attributes)
    id_, parent = _hex(one.span_id, kind), _hex(one.parent_span_id, kind)
    trace = _hex(one.trace_id, kind)
    if (
        said.get("messaging.system") == "hairtrigger"
        and said.get("messaging.operation.name") == "run"
    ):
        return _Item(str(said.get("messaging.message.id", "")), trace, id_, parent, None)
    run = _named(said) or run
    if said.get("$span.partial") is True:  # its twin comes when it has ended
        return _Item(run, trace, id_, parent, None)
    began = one.start_time_unix_nano
    record = Record(
        run, began // 1_000_000, "span", one.name, _shown(said), id_, parent or None,
        max(0, one.end_time_unix_nano - began) / 1e6, one.status.code == _ERROR,
    )  # fmt: skip
    if one.status.message:
        record.attributes["status.message"] = one.status.message
    if one.events:
        record.attributes["events"] = [
            {"name": event.name, "at": event.time_unix_nano // 1_000_000, **_values(event.attributes)}
            for event in one.events
        ]  # fmt: skip
    return _Item(run, trace, id_, parent, record)


def _line(one: Any, run: str, kind: str) -> _Item:
    said = _values(one.attributes)
    body = _value(one.body)
    at = (one.time_unix_nano or one.observed_time_unix_nano) // 1_000_000
    level = next((name for least, name in _LEVELS if one.severity_number >= least), "info")
    if one.severity_text.lower() == "log":
        level = "log"
    message = body if isinstance(body, str) else "" if body is None else str(body)
    span = _hex(one.span_id, kind)
    record = Record(_named(said) or run, at, level, message, _shown(said), span or None)
    return _Item(record.run, _hex(one.trace_id, kind), "", span, record)


def _sorted(items: list[_Item], more: int) -> Read:
    """The records with their runs, and those without one counted."""
    read = Read(refused={MANY: more} if more else {})
    by_span = {(one.trace, one.span): one for one in items if one.span}
    of_trace: dict[str, set[str]] = {}
    for one in items:
        if one.run and one.trace:
            of_trace.setdefault(one.trace, set()).add(one.run)
    for one in items:
        if one.record is None:
            continue
        one.record.run = _owner(one, by_span) or _of_trace(one.trace, of_trace)
        if one.record.run:
            read.records.append(one.record)
        else:
            read.refused[NO_RUN] = read.refused.get(NO_RUN, 0) + 1
    return read


def _owner(one: _Item, by_span: dict[tuple[str, str], _Item]) -> str:
    """The run that a record names, or one of the spans around it; each span on the way learns it."""
    way: list[_Item] = []
    at: _Item | None = one
    while at is not None and not at.run and len(way) < len(by_span) + 1:
        way.append(at)
        at = by_span.get((at.trace, at.parent)) if at.parent else None
    run = at.run if at is not None else ""
    for passed in way:
        passed.run = run
    return run


def _of_trace(trace: str, of_trace: dict[str, set[str]]) -> str:
    named = of_trace.get(trace, set())
    if len(named) == 1:
        return next(iter(named))
    own = f"run_{trace[8:]}"
    return own if not named and trace.startswith("0" * 8) and ids.parse("run", own) else ""


def _named(said: dict[str, Any]) -> str:
    return next((str(said[name]) for name in _RUN if name in said), "")


def _shown(said: dict[str, Any]) -> dict[str, Any]:
    """Attributes without those that say where they belong."""
    return {
        name: value for name, value in said.items()
        if name not in _RUN and not name.startswith("$metadata.")
    }  # fmt: skip


def _values(attributes: Any, *, of: tuple[str, ...] = ()) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in attributes if not of or one.key in of}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind == "array_value":
        return [_value(one) for one in held.values]
    if kind == "kvlist_value":
        return _values(held.values)
    if kind == "bytes_value":
        return base64.b64encode(held).decode()
    return held


def _hex(id_: bytes, kind: str) -> str:
    """An id in hexadecimal digits. In JSON they are those already, which protobuf's own mapping takes for base64."""
    if kind == JSON:
        return base64.b64encode(id_).decode().lower()
    return id_.hex()
