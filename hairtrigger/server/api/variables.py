"""Environment variables over the API. Source: Trigger.dev's ``envvars``."""

from typing import Any

import msgspec

from hairtrigger.engine import variables as engine
from hairtrigger.engine.variables import Variable
from hairtrigger.rules import variables as rules
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route


class VariableObject(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_secret: bool


class PutVariable(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_secret: bool | None = None


class ChangeVariable(msgspec.Struct):
    value: str


class ImportVariables(msgspec.Struct, rename="camel"):
    """``parentVariables`` and ``source`` are taken from Trigger.dev's tools and mean nothing here."""

    variables: dict[str, str]
    override: bool = False
    is_secret: bool | None = None
    parent_variables: Any = None
    source: Any = None


class Success(msgspec.Struct):
    success: bool = True


_put = msgspec.json.Decoder(PutVariable)
_change = msgspec.json.Decoder(ChangeVariable)
_import = msgspec.json.Decoder(ImportVariables)


async def list_variables(call: Call) -> Answer:
    """The environment's variables; secrets are redacted."""
    found = await engine.list_all(call.server.store, call.server.vault, call.caller.env)
    return answers.json([_shown(one) for one in found])


async def create(call: Call) -> Answer:
    """Set a variable; one of that name is overwritten."""
    body = await call.read(_put)
    return await _set(call, {body.name: body.value}, secret=body.is_secret)


async def import_many(call: Call) -> Answer:
    """Set several, all or none; without `override` none may be there."""
    body = await call.read(_import)
    return await _set(call, body.variables, secret=body.is_secret, override=body.override)


async def retrieve(call: Call) -> Answer:
    """One variable; a secret is redacted."""
    name = call.params["name"]
    found = await engine.retrieve(call.server.store, call.server.vault, call.caller.env, name)
    return answers.json(_shown(found))


async def update(call: Call) -> Answer:
    """Give a variable another value."""
    name, body = call.params["name"], await call.read(_change)
    await engine.retrieve(call.server.store, call.server.vault, call.caller.env, name)
    rules.check(name, body.value)
    return await _set(call, {name: body.value})


async def delete(call: Call) -> Answer:
    """Forget a variable."""
    await engine.delete(call.server.store, call.caller.env, call.params["name"])
    return answers.json(Success())


async def _set(
    call: Call, given: dict[str, str], *, secret: bool | None = None, override: bool = True
) -> Answer:
    await engine.put(
        call.server.store,
        call.server.vault,
        call.caller.env,
        given,
        secret=secret,
        override=override,
    )
    return answers.json(Success())


def _shown(one: Variable) -> VariableObject:
    return VariableObject(one.name, one.shown, one.is_secret)


_PATH = "/api/v1/projects/{project}/envvars/{env}"
ROUTES = (
    Route("GET", _PATH, list_variables, "member", returns=list[VariableObject]),
    Route("POST", _PATH, create, "admin", body=PutVariable, returns=Success, audited=True),
    Route(
        "POST", _PATH + "/import", import_many, "admin", limit="metadata_bytes",
        body=ImportVariables, returns=Success, audited=True,
    ),
    Route("GET", _PATH + "/{name}", retrieve, "member", returns=VariableObject),
    Route("PUT", _PATH + "/{name}", update, "admin", body=ChangeVariable, returns=Success, audited=True),
    Route("DELETE", _PATH + "/{name}", delete, "admin", returns=Success, audited=True),
)  # fmt: skip
