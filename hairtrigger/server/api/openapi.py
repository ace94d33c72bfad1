"""``/openapi.json``: the API described from the route table and the structs that the routes read.

Nothing here is written by hand for one route: what is not in the table is not in the document.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from hairtrigger.server.answers import Answer, ErrorBody
from hairtrigger.server.api.system import VERSION
from hairtrigger.server.routes import Access, Handler, Route

_PART = re.compile(r"\{(\w+)(?::path)?\}")
_SCHEMES = {
    "secretKey": {"type": "http", "scheme": "bearer", "description": "A secret key: tr_dev_..."},
    "publicToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "personalToken": {"type": "http", "scheme": "bearer", "description": "A person's: tr_pat_..."},
}


def serve(routes: Sequence[Route]) -> Handler:
    """The handler that answers the description of these routes, made on first demand."""
    made: list[bytes] = []

    async def openapi(call: object) -> Answer:
        """This description."""
        if not made:
            made.append(msgspec.json.encode(describe(routes)))
        return Answer(made[0])

    return openapi


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of some routes."""
    types = list(
        {id(t): t for route in routes for t in (route.body, *_returns(route)) if t}.values()
    )
    schemas, components = msgspec.json.schema_components(
        [*types, ErrorBody], ref_template="#/components/schemas/{name}"
    )
    by_type = {id(kind): schema for kind, schema in zip([*types, ErrorBody], schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _PART.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hairtrigger", "version": VERSION},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


def _operation(route: Route, schemas: dict[int, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done"}
    returns = [schemas[id(kind)] for kind in _returns(route)]
    if returns:
        answer["content"] = _content(returns[0] if len(returns) == 1 else {"anyOf": returns})
    failed = {"description": "Refused", "content": _content(schemas[id(ErrorBody)])}
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}"
        + _version_mark(route),
        "summary": route.summary,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
              for name in _PART.findall(route.path)),
            *({"name": name, "in": "query", "schema": {"type": "string"}} for name in route.query),
        ],
        "responses": {str(route.status): answer, "default": failed},
        "security": _security(route),
    }  # fmt: skip
    if route.body is not None:
        operation["requestBody"] = {"content": _content(schemas[id(route.body)], route.media)}
    return operation


def _returns(route: Route) -> tuple[Any, ...]:
    """The forms that a route's answer may have."""
    if isinstance(route.returns, tuple):
        return route.returns
    return () if route.returns is None else (route.returns,)


def _version_mark(route: Route) -> str:
    """Tells the older path of one handler from the newer."""
    found = re.match(r"/api/(v\d+)/", route.path)
    return f"_{found[1]}" if found else ""


_CREDENTIALS: dict[Access, list[str]] = {
    "anybody": [], "secret": ["secretKey"], "token": ["secretKey", "publicToken"],
    "person": ["personalToken"], "member": ["secretKey", "personalToken"],
    "admin": ["secretKey", "personalToken"],
}  # fmt: skip


def _security(route: Route) -> list[dict[str, list[str]]]:
    return [{name: []} for name in _CREDENTIALS[route.access]]


def _content(schema: Any, media: str = "application/json") -> dict[str, Any]:
    return {media: {"schema": schema}}
