"""Turns access tokens into callers, from memory where it can.

Invariants: a token holds until it expires, and no longer than its device's certificate; a
revocation reaches every node as a wake-up and empties the cache at once; an answer that was being
read while a wake-up came in is not cached; callers who owe what a route refuses for are never
cached. An entry expires after two minutes, in case a wake-up is lost. Every live connection is
judged again within the same two minutes, so the database is asked about a device once in that time.
"""

from collections.abc import Sequence
from typing import NamedTuple

from copconnect.auth_service import rules, store
from copconnect.auth_service.ports import AccountDirectory, Conduct, OfficerCourse
from copconnect.auth_service.trust.device_store import NOT_CONFIRMED
from copconnect.auth_service.trust.locking import Endings
from copconnect.background import Periodic
from copconnect.batch_loader import BatchLoader
from copconnect.bus import AccountWakeup, AnyWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import ClientId, PersonId
from copconnect.principals import NOTHING, Caller, Ended, Requirement

CACHE_MS = 120_000
CACHE_SIZE = 200_000
SEEN_PERIOD_S = 60
SEEN_GRAIN_MS = 5 * 60_000
_CHANGES = ("signed_out", "clients", "conduct")  # Events after which callers are others.


class _CachedCaller(NamedTuple):
    since_ms: int
    until_ms: int
    caller: Caller


class CachingAuthenticator:
    """Implements :class:`copconnect.http.Authenticator`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        people: AccountDirectory,
        conduct: Conduct,
        training: OfficerCourse,
        endings: Endings,
    ) -> None:
        self._endings = endings
        self._database = database
        self._clock = clock
        self._people = people
        self._conduct = conduct
        self._training = training
        self._cache: dict[str, _CachedCaller] = {}
        self._generation = 0
        self._seen: dict[ClientId, int] = {}
        self._stored_seen: dict[ClientId, int] = {}
        self._apps: dict[ClientId, str] = {}
        self._stored_apps: dict[ClientId, str] = {}
        self._storing = Periodic("last_seen", self.flush_seen, SEEN_PERIOD_S)
        self._unknown = BatchLoader(self._authenticate_together)

    async def start(self) -> None:
        """Begin to store when clients were last seen."""
        await self._storing.start()

    async def close(self) -> None:
        """Stop. The times of the last minute are not stored: devices that are connected while a
        server restarts are seen again at once, and its stop would wait for 63,000 rows."""
        await self._storing.close()

    async def authenticate(self, access_token: str) -> Caller | None:
        """Return the caller, or None for an unknown or expired token. Raises SignedOut for one
        whose device was revoked."""
        now = self._clock.now_ms()
        cached = self._cached(rules.token_hash(access_token), now)
        if cached is not None:
            self._seen[cached.client_id] = now
            return cached
        caller = await self._unknown.load(access_token)
        if isinstance(caller, Ended):
            raise rules.signed_out(caller)
        return caller

    def _cached(self, key: str, now: int) -> Caller | None:
        entry = self._cache.get(key)
        return (
            entry.caller if entry is not None and entry.since_ms <= now < entry.until_ms else None
        )

    async def _authenticate_together(
        self, tokens: Sequence[str]
    ) -> dict[str, Caller | Ended | None]:
        return dict(zip(tokens, await self.authenticate_all(tokens), strict=True))

    async def authenticate_all(self, access_tokens: Sequence[str]) -> list[Caller | Ended | None]:
        """Return the caller of each token, None for an unknown or expired one, why for one whose
        device was revoked.

        Callers that are not in memory are read together, in three statements.
        """
        keys = [rules.token_hash(token) for token in access_tokens]
        now = self._clock.now_ms()
        known: dict[str, Caller | Ended | None] = {key: self._cached(key, now) for key in keys}
        unknown = [key for key, caller in known.items() if caller is None]
        if unknown:
            known |= await self._read(unknown, now)
        for caller in known.values():
            if isinstance(caller, Caller):
                self._seen[caller.client_id] = now
        return [known[key] for key in keys]

    async def _read(self, keys: Sequence[str], now: int) -> dict[str, Caller | Ended | None]:
        """Return the callers behind hashes of tokens, and remember the callers that may be
        remembered."""
        generation = self._generation
        async with self._database.reading() as connection:
            owners = await store.token_owners(connection, keys)
            people = {
                PersonId(row.person_id) for row in owners.values() if row.ended_reason is None
            }
            active = await self._people.active_people(connection, people) if people else set()
            accepted = await self._conduct.accepted(connection, people) if active else {}
            untrained = await self._training.untrained(connection, people) if active else set()
            ended = await self._endings.of(connection, owners.values())
        found: dict[str, Caller | Ended | None] = {}
        for key in keys:
            row = owners.get(key)
            # Another device of the same person may be among the people who ask.
            if row is None or row.device in ended or row.person_id not in active:
                self._cache.pop(key, None)
                found[key] = None if row is None else ended.get(row.device, Ended("suspended"))
                continue
            until_ms = min(row.token_expires_ms, row.expires_ms)
            if until_ms <= now:
                self._cache.pop(key, None)
                found[key] = None
                continue
            person_id = PersonId(row.person_id)
            acceptance = accepted.get(person_id)
            owed = set[Requirement]()
            if acceptance is None or not acceptance.counts:
                owed.add(Requirement.CONDUCT)
            if person_id in untrained:
                owed.add(Requirement.TRAINING)
            version = None if acceptance is None else acceptance.version
            caller = found[key] = Caller(
                person_id=person_id,
                client_id=ClientId(row.client_id),
                device=row.device,
                outstanding=frozenset(owed) if owed else NOTHING,
                confirmed=row.confirmed != NOT_CONFIRMED,
                records_version=row.version,
                me_version=rules.me_version(row.version, version),
                public_key=row.public_key,
            )
            if row.last_seen_ms is not None:
                self._stored_seen.setdefault(caller.client_id, row.last_seen_ms)
            if generation == self._generation and not caller.refused_for:
                if len(self._cache) >= CACHE_SIZE:
                    self._cache.clear()
                self._cache[key] = _CachedCaller(now, min(now + CACHE_MS, until_ms), caller)
        return found

    async def on_wakeup(self, wakeup: AnyWakeup) -> None:
        """Forget callers whose account changed."""
        if not isinstance(wakeup, AccountWakeup) or wakeup.event not in _CHANGES:
            return
        self._generation += 1
        if not wakeup.person_ids and not wakeup.client_ids:
            self._cache.clear()
            return
        people, clients = set(wakeup.person_ids), set(wakeup.client_ids)
        self._cache = {
            key: entry
            for key, entry in self._cache.items()
            if entry.caller.person_id not in people and entry.caller.client_id not in clients
        }

    def runs(self, client_id: ClientId, app: str) -> None:
        """Note the version of the program that a client runs; it is stored with the next flush."""
        if app and self._stored_apps.get(client_id) != app:
            self._apps[client_id] = app

    async def flush_seen(self) -> None:
        """Store when clients were seen, for clients whose stored time is too old, and what they
        run."""
        apps, self._apps = self._apps, {}
        seen, self._seen = self._seen, {}
        due = {
            client: time
            for client, time in seen.items()
            if time - self._stored_seen.get(client, 0) >= SEEN_GRAIN_MS
        }
        if due or apps:
            async with self._database.transaction() as connection:
                await store.set_last_seen(connection, due)
                await store.set_apps(connection, apps)
            self._stored_seen |= due
            self._stored_apps |= apps
