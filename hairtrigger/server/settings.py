"""Every setting of a server: its name, default and environment variable, read once and frozen.

``HAIRTRIGGER_`` and the field's name in capitals is the variable. Nothing else in the server reads the
environment; a value that cannot be understood is refused by name before anything is opened.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hairtrigger.errors import ConfigError, InvalidDuration
from hairtrigger.rules import plans
from hairtrigger.server import peers
from hairtrigger.store import places
from hairtrigger.store.places import MEMORY as MEMORY
from hairtrigger.wire import durations

PREFIX = "HAIRTRIGGER_"
DEFAULT = "sqlite:///.hairtrigger/hairtrigger.db"
LOG_FORMATS = ("text", "json")
LOGINS = ("password", "none", "proxy")
METRICS = ("local", "open", "off")
SHORTEST_TOKEN = 16  # characters; a shorter one is taken for a misspelt word
_NUMBERS = plans.Numbers()
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _setting(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is told. Durations in ms, sizes in bytes."""

    database: str = _setting(
        DEFAULT,
        "Where runs are kept: sqlite:///relative, sqlite:////absolute, a bare path, or "
        "postgresql://user:password@host/name.",
    )
    database_pooled: bool = _setting(
        False, "A pooler stands before PostgreSQL that gives each transaction another session."
    )
    migrate: bool = _setting(
        True, "Bring the schema up to date at the start; else refuse an old one."
    )
    host: str = _setting("127.0.0.1", "The address to listen on; 0.0.0.0 for every one.")
    port: int = _setting(3030, "The port to listen on; 0 takes a free one.")
    public_url: str = _setting(
        "", "How others reach this server, for links; empty: the address a request came to."
    )
    project_ref: str = _setting(
        "", "The reference (proj_...) of a fresh database's project; empty: the first worker's."
    )
    project_name: str = _setting("My project", "The name of a fresh database's project.")
    dev_key: str = _setting("", "The development key of a fresh database; empty: a random one.")
    prod_key: str = _setting("", "The production key of a fresh database; empty: a random one.")
    master_key: str = _setting(
        "", "Seals keys at rest; empty: read from (or made in) a file beside the database."
    )
    login: str = _setting(
        "password",
        "How people sign in to the dashboard: password; proxy: a proxy asks them, and says who "
        "they are; none: nobody is asked, on loopback only.",
    )
    session_ms: int = _setting(
        30 * 86_400_000, "How long a browser stays signed in after it was used last."
    )
    trusted_proxies: str = _setting(
        "127.0.0.0/8,::1",
        "Addresses or networks, with commas, whose X-Forwarded headers and users are believed.",
    )
    proxy_user_header: str = _setting(
        "x-forwarded-user", "Who somebody is, with login proxy: an email address or another name."
    )
    proxy_name_header: str = _setting(
        "", "What they are called, with login proxy; empty: as their user says."
    )
    lease_ms: int = _setting(15_000, "How long a worker may be silent before its runs go on.")
    hold_ms: int = _setting(20_000, "How long a call that waits is held at most.")
    retention_ms: int = _setting(
        30 * 86_400_000, "How long finished runs are kept; 0 keeps them for ever."
    )
    rate_limit: int = _setting(0, "Requests a key may send at once; 0 sets no limit.")
    rate_refill: int = _setting(250, "Requests that a key gets back every 10 s.")
    plan: str = _setting(
        plans.DEFAULT, "The plan that a fresh database begins with: free, pro or unlimited."
    )
    free_runs: int = _setting(
        _NUMBERS.free_runs, "Runs in a calendar month (UTC) on the plan free; 0: no limit."
    )
    free_concurrency: int = _setting(
        _NUMBERS.free_concurrency,
        "Runs at once in each environment on the plan free; 0: no limit.",
    )
    pro_runs: int = _setting(
        _NUMBERS.pro_runs, "Runs in a calendar month (UTC) on the plan pro; 0: no limit."
    )
    pro_concurrency: int = _setting(
        _NUMBERS.pro_concurrency,
        "Runs at once in each environment on the plan pro; 0: no limit.",
    )
    max_connections: int = _setting(
        4_096, "Connections at once; more are answered 503, but for those of workers."
    )
    max_held: int = _setting(256, "Waiting calls at once for each key; more are answered 429.")
    backlog: int = _setting(2_048, "Connections that may wait to be accepted.")
    keep_alive_ms: int = _setting(75_000, "How long an idle connection is kept open.")
    drain_ms: int = _setting(10_000, "How long requests may take to finish when stopping.")
    trigger_bytes: int = _setting(3_145_728, "The largest body of one trigger, or one batch item.")
    triggers_bytes: int = _setting(8_388_608, "The largest body of several triggers at once.")
    batch_bytes: int = _setting(131_072, "The largest body that announces a batch.")
    metadata_bytes: int = _setting(2_097_152, "The largest body that changes metadata.")
    worker_bytes: int = _setting(67_108_864, "The largest body of a worker's call.")
    packet_bytes: int = _setting(104_857_600, "The largest payload that is stored apart.")
    otlp_bytes: int = _setting(
        4_194_304, "The largest body of spans and logs over OTLP, also when it is unpacked."
    )
    small_bytes: int = _setting(1_048_576, "The largest body of any other request.")
    smtp_url: str = _setting(
        "", "Where alerts by email go out: smtp://user:password@host:587, or smtps://."
    )
    smtp_from: str = _setting("", "The address that alerts by email come from.")
    alerts_allow_private: bool = _setting(
        False, "Alerts may go to addresses of private networks and of this machine, too."
    )
    log_format: str = _setting("text", "How the server logs: text or json.")
    metrics: str = _setting(
        "local",
        "Who may read GET /metrics: local (programs on this machine), open (everybody), off (nobody), "
        "or a token of at least 16 characters that is asked for.",
    )

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise _refused("port", self.port, "a number from 0 to 65535")
        if self.plan not in plans.NAMES:
            raise _refused("plan", self.plan, "free, pro or unlimited")
        if self.log_format not in LOG_FORMATS:
            raise _refused("log_format", self.log_format, " or ".join(LOG_FORMATS))
        for name in (
            "lease_ms", "hold_ms", "session_ms", "max_connections", "max_held", "small_bytes",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise _refused(name, getattr(self, name), "a number above 0")
        if self.metrics not in METRICS and len(self.metrics) < SHORTEST_TOKEN:
            wanted = f"local, open, off, or a token of at least {SHORTEST_TOKEN} characters"
            raise ConfigError(f"{variable('metrics')} must be {wanted}.")
        self._check_login()
        if not self.is_postgres:
            self.database_file()

    def _check_login(self) -> None:
        if self.login not in LOGINS:
            raise _refused("login", self.login, "password, none or proxy")
        if self.login == "none" and not peers.is_loopback(self.host):
            raise ConfigError(
                f"{variable('login')} is 'none', but others reach {self.host} too. Set it to password "
                f"or proxy, or listen on this machine only: {variable('host')}=127.0.0.1."
            )
        if self.login == "proxy" and not self.proxy_user_header:
            raise _refused("proxy_user_header", "", "the name of a header")
        try:
            peers.networks(self.trusted_proxies)
        except ValueError:
            wanted = "addresses or networks with commas between them, such as 10.0.0.0/8,::1"
            raise _refused("trusted_proxies", self.trusted_proxies, wanted) from None

    @property
    def plan_numbers(self) -> plans.Numbers:
        """What the plans allow here."""
        return plans.Numbers(
            self.free_runs, self.free_concurrency, self.pro_runs, self.pro_concurrency
        )

    @property
    def is_postgres(self) -> bool:
        return places.is_postgres(self.database)

    def database_file(self) -> str:
        """The path of a SQLite database, or ``:memory:``.

        Raises:
            ConfigError: the URL names neither a file nor PostgreSQL.
        """
        try:
            return places.file_of(self.database)
        except ValueError:
            raise _refused("database", self.database, places.FORMS) from None

    def shown_database(self) -> str:
        """Where the database is, without a password."""
        return places.shown(self.database)

    def key_file(self) -> Path:
        """Where the master key is kept unless it is given: beside the database, or where a SQLite database
        would be by default."""
        return Path(
            (places.file_of(DEFAULT) if self.is_postgres else self.database_file()) + ".key"
        )


def from_environment(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """The settings of this process: what is given, else the environment, else the defaults.

    Args:
        environ: The process environment when left out.
        given: Settings by name that win over the environment; None counts as not given.
    Raises:
        ConfigError: naming the variable and what it should be.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for item in dataclasses.fields(Settings):
        text = environ.get(variable(item.name), "").strip()
        if given.get(item.name) is not None:
            values[item.name] = given[item.name]
        elif text:
            values[item.name] = _parsed(item.name, type(item.default), text)
    return Settings(**values)


def variable(name: str) -> str:
    """The environment variable of a setting: ``lease_ms`` is ``HAIRTRIGGER_LEASE_MS``."""
    return PREFIX + name.upper()


def _parsed(name: str, kind: type, text: str) -> Any:
    if kind is bool:
        if text.lower() in _TRUE + _FALSE:
            return text.lower() in _TRUE
        raise _refused(name, text, "true or false")
    if kind is not int:
        return text
    if text.isascii() and text.isdigit():
        return int(text)
    if name.endswith("_ms"):
        try:
            return durations.parse(text)
        except InvalidDuration:
            raise _refused(name, text, "a number of ms, or a duration such as 15s") from None
    raise _refused(name, text, "a whole number")


def _refused(name: str, value: object, wanted: str) -> ConfigError:
    return ConfigError(f"{variable(name)} is {str(value)[:200]!r}. It must be {wanted}.")
