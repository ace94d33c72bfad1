"""Payloads and options that people keep on the test page of a task, to trigger it with them again."""

from dataclasses import dataclass

from hairtrigger.engine.tasks import Task
from hairtrigger.errors import NotFound, TooLarge, Unprocessable
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store, one
from hairtrigger.wire import ids

MOST, MAX_NAME, MAX_BYTES = 50, 80, 100_000  # of a task; characters; of payload and options
_PREFIX = "template"


@dataclass(frozen=True, slots=True)
class Template:
    """``payload`` is the text of an editor, ``options`` the JSON of a form, both as they were kept."""

    id: str  # template_…
    name: str
    payload: str
    options: str
    created_at: int


async def all_of(store: Store, env: Environment, task: Task) -> list[Template]:
    """The templates of a task, by name."""
    rows = await store.read(one("templates_of", env.id, task.id), quick=True)
    return [Template(ids.public(_PREFIX, row[0]), *row[1:]) for row in rows]


async def save(
    store: Store, env: Environment, task: Task, *, name: str, payload: str, options: str
) -> None:
    """Keep a template; one of the same name is replaced.

    Raises:
        Unprocessable: it has no name or a long one, or the task has too many. TooLarge.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME:
        raise Unprocessable(f"A template needs a name of 1 to {MAX_NAME} characters.")
    if len(payload.encode()) + len(options.encode()) > MAX_BYTES:
        raise TooLarge(f"A template has at most {MAX_BYTES:,} bytes.")
    number = store.make_id()

    def keep(_: Catalog, now: int) -> Steps[None]:
        if (yield fetch("count_templates", env.id, task.id, name))[0][0] >= MOST:
            raise Unprocessable(f"A task has at most {MOST} templates. Delete one first.")
        yield fetch("put_template", number, env.id, task.id, name, payload, options, now)

    await store.change(keep)


async def delete(store: Store, env: Environment, task: Task, template_id: str) -> str:
    """Delete a template; answers its name.

    Raises:
        NotFound: the task has none of this id.
    """
    number = ids.parse(_PREFIX, template_id)
    rows = await store.change(
        lambda _catalog, _now: one("delete_template", number or 0, env.id, task.id)
    )
    if not rows:
        raise NotFound("There is no such template any more.")
    return str(rows[0][0])
