"""Environment variables of an environment: kept sealed, given to its workers when they start."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hairtrigger.engine.projects import Vault
from hairtrigger.errors import BadRequest, NotFound, Unavailable
from hairtrigger.rules import variables as rules
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, each, fetch
from hairtrigger.store.store import Store, one


@dataclass(frozen=True, slots=True)
class Variable:
    """``value`` as it is, also of a secret: ``shown`` is for people. ``inherited``: a branch has it of its parent."""

    name: str
    value: str
    is_secret: bool
    updated_at: int  # ms
    inherited: bool = False

    @property
    def shown(self) -> str:
        return rules.REDACTED if self.is_secret else self.value


async def list_all(store: Store, vault: Vault, env: Environment) -> list[Variable]:
    """All of an environment, by name; of a branch those of its parent too, for which it has no value of its own.

    Raises:
        Unavailable: one was sealed under another master key.
    """
    found: dict[str, Variable] = {}
    if env.parent is not None:
        of_parent = await list_all(store, vault, store.catalog.holder(env))
        found = {variable.name: replace(variable, inherited=True) for variable in of_parent}
    rows = await store.read(one("variables_of", env.id), quick=True)
    for name, sealed, secret, updated_at in rows:
        value = vault.open(sealed)
        if value is None:
            raise Unavailable(
                f"The variable {name} was sealed under another master key than this server's. Give every server "
                "the same HAIRTRIGGER_MASTER_KEY, or set the variable anew."
            )
        found[name] = Variable(name, value, bool(secret), updated_at)
    return [found[name] for name in sorted(found)]


async def retrieve(store: Store, vault: Vault, env: Environment, name: str) -> Variable:
    """One of them.

    Raises:
        NotFound: there is none of that name.
    """
    for variable in await list_all(store, vault, env):
        if variable.name == name:
            return variable
    raise NotFound(f"There is no variable {name} in {env.slug}.")


async def put(
    store: Store, vault: Vault, env: Environment, given: Mapping[str, str], *,
    secret: bool | None = None, override: bool = True,
) -> list[str]:  # fmt: skip
    """Set variables, all or none. Without ``secret`` one stays what it is. Answers their names.

    Raises:
        BadRequest: a name or nothing at all, one that is there and may not be overridden, or there are too many.
        TooLarge: a value.
    """
    kept = rules.accepted(given)
    sealed = {name: vault.seal(value) for name, value in kept.items()}

    def make(_: Catalog, now: int) -> Steps[None]:
        there = {row[0]: row[2] for row in (yield fetch("variables_of", env.id))}
        known = sorted(kept.keys() & there.keys())
        if known and not override:
            raise BadRequest(
                f"{', '.join(known[:5])} {'is' if len(known) == 1 else 'are'} set already: nothing was changed. "
                "Set override to replace them."
            )
        if len(kept.keys() | there.keys()) > rules.MOST:
            raise BadRequest(f"An environment has at most {rules.MOST:,} variables.")
        yield each("put_variable", [
            (env.id, name, text, there.get(name, 0) if secret is None else int(secret), now)
            for name, text in sorted(sealed.items())
        ])  # fmt: skip

    await store.change(make)
    return sorted(kept)


async def delete(store: Store, env: Environment, name: str) -> None:
    """Forget one.

    Raises:
        NotFound: there is none of that name.
    """

    def drop(_: Catalog, __: int) -> Steps[bool]:
        return bool((yield fetch("delete_variable", env.id, name)))

    if not await store.change(drop):
        raise NotFound(f"There is no variable {name} in {env.slug}.")
