"""Archives of code: kept by their hash, named by versions, and wanted for as long as a run needs the version."""

import hashlib

import pytest

from hairtrigger.engine import archives, deployments
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.store.store import one
from hairtrigger.wire.worker import Register
from tests.clock import DAY, HOUR, MINUTE, SECOND

from .driving import World, exact, manifest

BODY = b"\x1f\x8b code"
NAME = hashlib.sha256(BODY).hexdigest()


async def deploy(world: World, content: str, *, archive: str = NAME, promotes: bool = True) -> str:
    code = Register("", "", [manifest("work", retry=exact(max_attempts=3))], 1, [], "", content)
    done = await deployments.deploy(
        world.store, world.env, code, archive=archive, promotes=promotes, force=False, dry=False
    )
    return done.name


async def wanted(world: World) -> list[tuple[str, str | None]]:
    return [(one.name, one.archive) for one in await archives.wanted(world.store, world.env)]


async def test_an_archive_is_kept_under_its_hash_and_only_under_that(world: World) -> None:
    await archives.put(world.store, world.env, NAME, BODY)
    await archives.put(world.store, world.env, NAME, BODY)

    assert await archives.get(world.store, world.env, NAME) == BODY
    with pytest.raises(Unprocessable, match=r"SHA-256 is .*, its name says 00"):
        await archives.put(world.store, world.env, "00", BODY)
    with pytest.raises(NotFound, match="no archive 00 in prod"):
        await archives.get(world.store, world.env, "00")


async def test_an_archive_belongs_to_one_environment(world: World) -> None:
    await archives.put(world.store, world.env, NAME, BODY)
    (other,) = (env for env in world.store.catalog.envs.values() if env.slug == "dev")

    with pytest.raises(NotFound):
        await archives.get(world.store, other, NAME)


async def test_nothing_is_deployed_with_an_archive_that_nobody_sent(world: World) -> None:
    with pytest.raises(Unprocessable, match="upload it first"):
        await deploy(world, "1")

    assert not world.store.catalog.versions
    assert await world.store.read(one("all_versions")) == []


async def test_the_current_version_is_wanted_and_an_older_one_while_a_run_is_bound_to_it(
    world: World,
) -> None:
    await archives.put(world.store, world.env, NAME, BODY)
    first = await deploy(world, "1")
    worker = await world.register(
        manifest("work", retry=exact(max_attempts=3)), content_hash="1", version=first
    )
    await world.trigger()
    run = await worker.fetch_one()
    second = await deploy(world, "2")
    await deploy(world, "3", archive="", promotes=False)

    assert await wanted(world) == [(second, NAME), (first, NAME)]
    await worker.fail(run, retry_in_ms=5 * SECOND)
    assert await wanted(world) == [(second, NAME), (first, NAME)]
    await world.let_pass(10 * SECOND)
    await worker.complete(await worker.fetch_one())
    assert await wanted(world) == [(second, NAME)]
    pinned = await world.trigger(lockToVersion=first)
    assert await wanted(world) == [(second, NAME), (first, NAME)]
    await world.cancel(pinned)
    assert await wanted(world) == [(second, NAME)]


async def test_a_retry_waits_ten_minutes_for_a_worker_that_fetches_the_version_it_began_on(
    world: World,
) -> None:
    await archives.put(world.store, world.env, NAME, BODY)
    work = manifest("work", retry=exact(max_attempts=3))
    first = await deploy(world, "1")
    worker = await world.register(work, content_hash="1", version=first)
    await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=0)
    await deploy(world, "2")
    await worker.leave()

    await world.let_pass(9 * MINUTE)
    assert await (await world.register(work, content_hash="2")).fetch() == []
    back = await world.register(work, content_hash="1", version=first)
    run = await back.fetch_one()
    assert (run.attempt, run.version) == (2, first)
    await back.fail(run, retry_in_ms=MINUTE)
    await back.leave()
    await world.let_pass(10 * MINUTE)
    assert await (await world.register(work, content_hash="2")).fetch() == []
    await world.let_pass(2 * MINUTE)
    newer = await world.register(work, content_hash="2")
    run = await newer.fetch_one()

    assert (run.attempt, run.version) == (3, newer.registered.version)


async def test_a_version_that_workers_brought_gets_its_archive_from_a_deployment(
    world: World,
) -> None:
    worker = await world.register(manifest("work", retry=exact(max_attempts=3)), content_hash="1")
    assert await wanted(world) == []
    await archives.put(world.store, world.env, NAME, BODY)

    assert await deploy(world, "1") == worker.registered.version
    assert await wanted(world) == [(worker.registered.version, NAME)]


async def test_uploads_that_no_version_came_of_are_forgotten_after_a_day(world: World) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    await archives.put(world.store, world.env, NAME, BODY)
    await archives.put(world.store, world.env, other, b"other")
    await deploy(world, "1")
    world.clock.move(DAY + HOUR)

    third = hashlib.sha256(b"third").hexdigest()
    await archives.put(world.store, world.env, third, b"third")

    assert await archives.get(world.store, world.env, NAME) == BODY
    assert await archives.get(world.store, world.env, third) == b"third"
    with pytest.raises(NotFound):
        await archives.get(world.store, world.env, other)
