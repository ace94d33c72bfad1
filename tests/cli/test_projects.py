"""``projects``: on the database itself, and beside a server."""

import json

from hairtrigger.engine import keys
from hairtrigger.store.opening import database_at
from hairtrigger.store.store import Store
from tests import databases
from tests.cli.conftest import Ask
from tests.cli.test_server import Told
from tests.cli.test_users import database as database
from tests.cli.test_users import server as server


def _opens(database: str, key: str) -> tuple[str, str] | None:
    """The project and environment that a key opens."""

    async def ask() -> tuple[str, str] | None:
        store = await Store(database_at(database)).open()
        try:
            found = await keys.find(store, key)
            return None if found is None else (found[1].project_name, found[1].slug)
        finally:
            await store.close()

    return databases.run(ask())


def test_projects_are_made_listed_and_given_environments(ht: Ask, database: str) -> None:
    none = ht("projects", "list", "--database", database)
    made = ht("projects", "create", "Shop", "--ref", "proj_shop", "--json", "--database", database)
    more = ht("projects", "add-env", "proj_shop", "staging", "--database", database)
    found = ht("projects", "list", "--json", "--database", database)
    table = ht("projects", "list", "--database", database)

    assert "None yet" in none.stderr
    told = json.loads(made.stdout)
    assert (told["ref"], told["name"]) == ("proj_shop", "Shop")
    keys = {one["environment"]: one["key"] for one in told["environments"]}
    assert {slug: _opens(database, key) for slug, key in keys.items()} == {
        "dev": ("Shop", "dev"), "prod": ("Shop", "prod"),
    }  # fmt: skip
    assert _opens(database, more.stdout.split()[-1]) == ("Shop", "staging")
    assert json.loads(found.stdout)["data"] == [
        {"ref": "proj_shop", "name": "Shop", "environments": ["dev", "prod", "staging"]}
    ]
    assert "proj_shop" in table.stdout


def test_what_cannot_be_made_is_said(ht: Ask, database: str) -> None:
    unknown = ht("projects", "add-env", "nothing", "staging", "--database", database)
    bad = ht("projects", "create", "x", "--ref", "shop", "--database", database)

    assert (unknown.exit_code, bad.exit_code) == (3, 2)
    assert "There is no project 'nothing'" in unknown.stderr
    assert "'shop' is no reference" in bad.stderr


def test_beside_a_server_on_sqlite_projects_are_listed_and_not_made(ht: Ask, server: Told) -> None:
    found = ht("projects", "list", "--json", "--database", "x.db")
    made = ht("projects", "create", "Shop", "--database", "x.db")

    assert json.loads(found.stdout)["data"][0]["environments"] == ["dev", "prod"]
    assert made.exit_code == 1
    assert "sign in to its dashboard as an admin" in made.stderr
