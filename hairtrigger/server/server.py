"""What one server consists of while it runs: its settings, its store, who waits, and its clockwork.

Opened before the first request, drained when it is told to stop, closed after the last answer. Routes
reach everything through it.
"""

import asyncio
import hashlib
import os
import secrets

from hairtrigger.engine import plans, projects, upkeep
from hairtrigger.engine.dequeue import Sessions
from hairtrigger.errors import ConfigError
from hairtrigger.server import loops, spans
from hairtrigger.server.fragments import Fragments
from hairtrigger.server.keyring import Keyring
from hairtrigger.server.live import Live
from hairtrigger.server.meter import Meter
from hairtrigger.server.pulses import Pulses
from hairtrigger.server.rates import Buckets
from hairtrigger.server.scrapes import Scrapes
from hairtrigger.server.settings import MEMORY, Settings
from hairtrigger.server.visitors import Visitors
from hairtrigger.store import opening
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit


class Server:
    """One server. ``is_open`` between ``open`` and ``drain``: while it takes requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.live = Live(settings.max_held)
        self.sessions = Sessions()
        self.buckets = Buckets(settings.rate_limit, settings.rate_refill)
        self.fragments = Fragments()
        self.meter = Meter()
        self.spans: spans.Spans | None = None
        self.reading_otlp = 0  # requests at once
        self.is_founder = False  # it made the first project of this database
        self.is_open = False
        self.url_secret = ""  # signs the URLs of packets
        self._store: Store | None = None
        self._keyring: Keyring | None = None
        self._vault: projects.Vault | None = None
        self._visitors: Visitors | None = None
        self._pulses: Pulses | None = None
        self._scrapes: Scrapes | None = None
        self._clockwork: asyncio.Task[None] | None = None

    @property
    def store(self) -> Store:
        assert self._store is not None, "open the server first"
        return self._store

    @property
    def vault(self) -> projects.Vault:
        assert self._vault is not None, "open the server first"
        return self._vault

    @property
    def keyring(self) -> Keyring:
        assert self._keyring is not None, "open the server first"
        return self._keyring

    @property
    def pulses(self) -> Pulses:
        assert self._pulses is not None, "open the server first"
        return self._pulses

    @property
    def scrapes(self) -> Scrapes:
        assert self._scrapes is not None, "open the server first"
        return self._scrapes

    @property
    def visitors(self) -> Visitors:
        assert self._visitors is not None, "open the server first"
        return self._visitors

    async def open(self) -> None:
        """Open the database, make the first project when there is none, start the clockwork.

        Raises:
            ConfigError: the database is in use or too new, or a setting has the wrong form.
        """
        master_key = _master_key(self.settings)
        self.url_secret = hashlib.sha256(b"signed urls " + master_key.encode()).hexdigest()
        vault = projects.Vault(master_key)
        settings = self.settings
        store = Store(
            opening.database_at(
                settings.database, pooled=settings.database_pooled, migrate=settings.migrate
            )
        )
        await store.open()
        try:
            given = {"dev": self.settings.dev_key, "prod": self.settings.prod_key}
            _, self.is_founder = await projects.open_project(
                store,
                vault,
                name=self.settings.project_name,
                keys={slug: key for slug, key in given.items() if key},
            )
            await plans.open_organization(store, settings.plan, settings.plan_numbers)
            await projects.check_seal(store, vault, where=self.settings.key_file())
            if not store.database.is_shared:
                # While no server ran, no worker could renew: nobody is late yet.
                await upkeep.give_full_leases(store, lease_ms=self.settings.lease_ms)
        except BaseException:
            await store.close()
            raise
        self._store, self._vault, self._keyring = store, vault, Keyring(store, vault)
        secret = hashlib.sha256(b"dashboard " + master_key.encode()).digest()
        self._visitors = Visitors(store, settings, secret)
        self._pulses, self._scrapes = Pulses(store), Scrapes(store)
        self._clockwork = asyncio.create_task(
            loops.run(store, settings, vault, self._keyring), name="clockwork"
        )
        if settings.metrics != "off":
            self.meter.start()
        self.spans = spans.install(os.environ)
        if self.spans is not None:
            store.committer.on_tick = self.spans.tick
        self.is_open = True
        emit("server.started", host=self.settings.host, port=self.settings.port)

    def drain(self) -> None:
        """Answer every waiting call at once; requests under way go on."""
        if self.is_open:
            self.is_open = False
            emit("server.stopping")
            self.live.stop()
            self.store.watch.close()

    async def close(self) -> None:
        """Stop the clockwork, write what is pending, and let go of the database."""
        if self._store is None:
            return
        self.drain()
        self.meter.stop()
        if self._clockwork is not None:
            self._clockwork.cancel()
            await asyncio.gather(self._clockwork, return_exceptions=True)
        if self._pulses is not None:
            await self._pulses.stop()
        await self._store.close()
        if self.spans is not None:
            await self.spans.close()
            self.spans = None
        self._store = self._keyring = self._visitors = self._clockwork = self._pulses = (
            self._scrapes
        ) = None
        emit("server.stopped")


def vault_of(settings: Settings) -> projects.Vault:
    """What seals the keys of an installation.

    Raises:
        ConfigError: its master key cannot be read or made.
    """
    return projects.Vault(_master_key(settings))


def _master_key(settings: Settings) -> str:
    """The secret that seals keys: the setting, else a file beside the database."""
    path = settings.key_file()
    if settings.master_key or path.name == f"{MEMORY}.key":
        return settings.master_key or secrets.token_hex(32)
    try:
        return projects.master_key(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Cannot read or make the master key {path} ({error}). "
            "Mend that, or set HAIRTRIGGER_MASTER_KEY."
        ) from None
