"""Versions of the code as deployments: which there are, which one is current, and making another one so.

Before a version becomes current, the payloads that wait for it are read: those that its tasks would refuse are told,
for once it is current, whoever triggered them cannot mend them any more.
"""

from dataclasses import dataclass, field

import msgspec

from hairtrigger.engine import alerting, archives, declarations, projects, workers
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.rules import schemas
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog, VersionEntry
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids, packets
from hairtrigger.wire.worker import Register

MOST_LOOKED, _CHUNK = 20_000, 1_000  # unfinished runs, of all environments
MOST_TOLD = 20
_json = msgspec.json.decode


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version of the code. Instants in ms; ``workers`` are those online with it."""

    version: VersionEntry
    is_current: bool
    workers: int


@dataclass(frozen=True, slots=True)
class Misfit:
    """A waiting run whose payload a version's task refuses; ``why`` names places and problems."""

    run: int
    task: str
    why: str


@dataclass(slots=True)
class Report:
    """What making a version current would mean.

    ``changes`` are ids of tasks against the current version (added, changed, removed); ``looked`` waiting payloads
    were read, ``misfits`` of them do not fit (``told`` names the first), and ``stranded`` wait for a task that the
    version has not, by task. ``is_whole`` is False when more wait than were read.
    """

    changes: dict[str, list[str]]
    looked: int = 0
    misfits: int = 0
    told: list[Misfit] = field(default_factory=list)
    stranded: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True

    @property
    def is_safe(self) -> bool:
        """Whether every payload that was read fits."""
        return not self.misfits


@dataclass(frozen=True, slots=True)
class Deployed:
    """What came of a deployment, or would: the version's name, that of the one that was current, and whether the
    version is new, and current now."""

    name: str
    before: str | None
    report: Report
    is_new: bool
    is_current: bool


async def list_all(store: Store, env: Environment) -> list[Deployment]:
    """All versions of an environment, newest first."""
    online: dict[str, int] = {}
    for session in await workers.list_all(store, env):
        online[session.version] = online.get(session.version, 0) + 1
    current = store.catalog.current.get(env.id)
    of_env = [entry for entry in store.catalog.versions.values() if entry.env == env.id]
    return [
        Deployment(entry, entry.id == current, online.get(entry.name, 0))
        for entry in sorted(of_env, key=lambda entry: entry.id, reverse=True)
    ]


async def examine(store: Store, env: Environment, name: str) -> Report:
    """What making a version current would mean; nothing is changed.

    Raises:
        NotFound: there is no such version here.
    """
    return await store.with_catalog(
        lambda catalog: _examine(catalog, env, _version(catalog, env, name))
    )


async def deploy(
    store: Store, env: Environment, code: Register, *, archive: str = "", promotes: bool, force: bool,
    dry: bool,
) -> Deployed:  # fmt: skip
    """Make a version known before any worker has it: its tasks, and with ``promotes`` its queues and schedules.
    ``dry`` changes nothing. The same code again is the same version. ``archive`` names the one of its code.

    Raises:
        InvalidCron, InvalidTimezone, BadRequest: what it declares cannot be. Forbidden: the project is not the
            key's. Unprocessable: waiting payloads do not fit it, and nothing forces it; or the archive was not
            uploaded. Nothing is changed then.
    """
    declarations.check(code.tasks)

    def look(catalog: Catalog) -> Steps[tuple[VersionEntry, Report]]:
        version = declarations.version_of(catalog, env, code, store.now(), make_id=store.make_id)
        return version, (yield from _examine(catalog, env, version))

    def make(catalog: Catalog, now: int) -> Steps[tuple[VersionEntry, str | None]]:
        yield from archives.need(env, archive)
        yield from projects.belongs(catalog, env, code.project)
        before = catalog.current_of(env.id)
        version = yield from declarations.need_version(
            catalog, env, code, now, make_id=store.make_id
        )
        yield from archives.give(version, archive)
        if promotes and before is not version:
            yield from declarations.make_current(catalog, env, version, now, make_id=store.make_id)
        return version, None if before is None else before.name

    version, report = await store.with_catalog(look)
    is_new = version.id not in store.catalog.versions
    before = store.catalog.current_of(env.id)
    name = None if before is None else before.name
    if dry:
        return Deployed(version.name, name, report, is_new=is_new, is_current=before is version)
    if promotes:
        await _refuse_misfits(store, env, report, version.name, force=force)
    version, name = await store.change(make, lanes=[env.id])
    if promotes and name != version.name:
        emit("version.promoted", env=env.slug, version=version.name, before=name)
    is_current = store.catalog.current.get(env.id) == version.id
    return Deployed(version.name, name, report, is_new=is_new, is_current=is_current)


async def promote(
    store: Store, env: Environment, name: str, *, force: bool = False
) -> tuple[str | None, Report]:
    """Make a version current: new runs and those that wait run on it, its queues and schedules apply. Answers
    the name of the one before, and the report.

    Raises:
        NotFound: there is no such version here.
        Unprocessable: waiting payloads do not fit it, and nothing forces it. Nothing is changed then.
    """
    report = await examine(store, env, name)
    await _refuse_misfits(store, env, report, name, force=force)

    def make(catalog: Catalog, now: int) -> Steps[str | None]:
        version, before = _version(catalog, env, name), catalog.current_of(env.id)
        if before is not version:
            yield from declarations.make_current(catalog, env, version, now, make_id=store.make_id)
        return None if before is None else before.name

    before: str | None = await store.change(make, lanes=[env.id])
    if before != name:
        emit("version.promoted", env=env.slug, version=name, before=before)
    return before, report


async def _refuse_misfits(
    store: Store, env: Environment, report: Report, name: str, *, force: bool
) -> None:
    if report.is_safe or force:
        return
    first = report.told[0]
    why = (
        f"{report.misfits:,} of {report.looked:,} waiting payloads do not fit {name}: "
        f"{ids.public('run', first.run)} of {first.task}: {first.why}."
    )
    await store.change(
        lambda _, now: alerting.note_deployment(
            store.make_id, env, "deployment.failed", name, why, now
        )
    )
    raise Unprocessable(
        f"{why} Cancel those runs, mend the task, or promote it by force: they fail then."
    )


def before_current(catalog: Catalog, env: Environment) -> str:
    """The name of the version that was current before the one that is.

    Raises:
        Unprocessable: there is none.
    """
    current = catalog.current.get(env.id)
    earlier = [
        entry for entry in catalog.versions.values()
        if entry.env == env.id and entry.id != current and entry.promoted_at is not None
    ]  # fmt: skip
    if not earlier:
        raise Unprocessable(f"No version of {env.slug} was current before: nothing to go back to.")
    return max(earlier, key=lambda entry: (entry.promoted_at or 0, entry.id)).name


def _version(catalog: Catalog, env: Environment, name: str) -> VersionEntry:
    found = catalog.version(env.id, name)
    if found is None:
        raise NotFound(f"There is no version {name} in {env.slug}.")
    return found


def _examine(catalog: Catalog, env: Environment, version: VersionEntry) -> Steps[Report]:
    report = Report(declarations.compare(catalog.current_of(env.id), version))
    after = 0
    for _ in range(MOST_LOOKED // _CHUNK):
        rows = yield fetch("waiting_payloads", after, _CHUNK)
        for run, of_env, task, payload, kind, waits in rows:
            if of_env == env.id and waits:
                _look(report, version, run, catalog.tasks[task].name, payload, kind)
        if len(rows) < _CHUNK:
            return report
        after = rows[-1][0]
    report.is_whole = False
    return report


def _look(
    report: Report,
    version: VersionEntry,
    run: int,
    task: str,
    payload: str | None,
    kind: int | None,
) -> None:
    manifest = version.tasks.get(task)
    if manifest is None:
        report.stranded[task] = report.stranded.get(task, 0) + 1
        return
    if manifest.payload_schema is None or payload is None or kind is None:
        return
    if packets.TYPES[kind] == packets.STORE:  # lies apart: the worker checks it
        return
    report.looked += 1
    value = _json(packets.shown(packets.TYPES[kind], payload))
    found = schemas.problems(manifest.payload_schema, value)
    if found:
        report.misfits += 1
        if len(report.told) < MOST_TOLD:
            report.told.append(Misfit(run, task, "; ".join(map(str, found[:3]))))
