"""Which key opens which environment, remembered for a moment so that a request costs no query.

A known key is asked for again after 2 s, so that a revoked one is refused on every server by then; an
unknown one after 10 s, so that guessing costs the guesser only.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from hairtrigger.engine import keys, personal, projects
from hairtrigger.engine.projects import Vault
from hairtrigger.errors import Unavailable
from hairtrigger.rules.accounts import User
from hairtrigger.rules.project import Environment
from hairtrigger.store.store import Store

KNOWN_S, UNKNOWN_S = 2.0, 10.0
NOTE_MS = 60_000  # between two times that it is written when keys were used
_REMEMBERED = 10_000
_MAX_CHARS = 256


class Keyring:
    """The keys of one server's database."""

    def __init__(
        self, store: Store, vault: Vault, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._vault, self._clock = store, vault, clock
        self._opened: OrderedDict[str, tuple[float, int | None]] = OrderedDict()
        # when each key, and each person's token, was used last, until that is written
        self._uses: dict[int, int] = {}
        self._token_uses: dict[int, int] = {}
        self._roots: dict[int, tuple[float, list[str]]] = {}

    async def environment(self, key: str) -> Environment | None:
        """The environment that a secret key opens, or None."""
        now = self._clock()
        found = self._opened.get(key)
        if found is not None and found[0] > now:
            return None if found[1] is None else self._store.catalog.envs.get(found[1])
        if len(key) > _MAX_CHARS:
            return None
        opened = await keys.find(self._store, key)
        env = None
        if opened is not None:
            number, env = opened
            self._uses[number] = self._store.now()
        until = now + (UNKNOWN_S if env is None else KNOWN_S)
        self._opened[key] = (until, None if env is None else env.id)
        self._opened.move_to_end(key)
        if len(self._opened) > _REMEMBERED:
            self._opened.popitem(last=False)
        return env

    async def person(self, token: str) -> User | None:
        """Whose personal access token this is, or None. They are asked for each time: tools come seldom."""
        opened = await personal.find(self._store, token) if len(token) <= _MAX_CHARS else None
        if opened is None:
            return None
        number, user = opened
        self._token_uses[number] = self._store.now()
        return user

    def forget(self) -> None:
        """Ask anew for every key: call it when one was revoked or rotated here."""
        self._opened.clear()
        self._roots.clear()

    async def note_uses(self) -> int:
        """Write when keys and tokens were used last; answers in how many ms to do so again."""
        uses, self._uses = self._uses, {}
        await keys.note_uses(self._store, uses)
        uses, self._token_uses = self._token_uses, {}
        await personal.note_uses(self._store, uses)
        return NOTE_MS

    def by_public_id(self, public_id: str) -> Environment | None:
        """The environment that a public token names, or None."""
        for env in self._store.catalog.envs.values():
            if env.public_id == public_id and env.archived_at is None:
                return env
        return None

    async def root_keys(self, env: Environment) -> list[str]:
        """An environment's root keys, newest first: what its public tokens are signed with.

        Raises:
            Unavailable: when this server cannot unseal any, because its master key is another one.
        """
        now = self._clock()
        found = self._roots.get(env.id)
        if found is None or found[0] <= now:
            keys = await projects.sealed_keys(self._store, self._vault, env)
            found = self._roots[env.id] = (now + KNOWN_S, keys)
        if not found[1]:
            raise Unavailable(
                "The keys of this environment cannot be unsealed: the server was started with another "
                "master key. Set HAIRTRIGGER_MASTER_KEY to the one this database was made with."
            )
        return found[1]
