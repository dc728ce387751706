"""Answers what is signed about people: POST /v1/people/trust.

Every answer is one consistent reading: of a person either all records of a version or none. Cards
that the data bank has outgrown are signed first (:mod:`copconnect.auth_service.trust.cards`).
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.trust import confirmation_store, device_store
from copconnect.auth_service.trust.cards import Cards
from copconnect.auth_service.trust.verdicts.bundles import MOST_KEPT, Bundle, Bundles, as_wire
from copconnect.auth_service.trust.verdicts.confirmers import Confirmers
from copconnect.budgets import HOUR_MS, Allowance, Budget
from copconnect.ids import PersonId
from copconnect.principals import Caller
from copconnect.records.trust.naming import name_of

_PORTION = 200  # Cards that a node takes at once.


class _Keyed(NamedTuple):
    """An answer with DeviceKeys, as it was at a person's version of all records."""

    version: int
    name: bytes
    answer: wire.PersonTrust


class PeopleTrustReader:
    """Reads people's records for devices."""

    def __init__(
        self, deps: AuthDependencies, bundles: Bundles, cards: Cards, confirmers: Confirmers
    ) -> None:
        self._deps = deps
        # Cards are names too: a limit keeps a person from taking all of them at once.
        per_hour = deps.settings.trust_people_per_person_per_hour
        told = Budget("trust_people_per_hour", per_hour, HOUR_MS)
        self._told = Allowance(deps.database, told, _PORTION, deps.clock.now_ms)
        self._bundles = bundles
        self._keyed: OrderedDict[PersonId, _Keyed] = OrderedDict()
        self._cards = cards
        self._confirmers = confirmers

    async def look_up(self, caller: Caller, body: wire.LookUpTrust) -> wire.PeopleTrust:
        """Return the asked people about whom the device holds another answer, and whom they rest
        on.

        A device that is not confirmed gets answers only about its person, about people who can
        confirm it and about people who compare digits with it. Raises RateLimited, by the number
        of people in the answer.
        """
        known = {PersonId(one.person_id): one.held for one in body.people}
        untold: list[PersonId] = []
        if not caller.confirmed:
            now = self._deps.clock.now_ms()
            async with self._deps.database.reading() as connection:
                allowed = {
                    caller.person_id,
                    *await self._confirmers.of(connection, caller.person_id),
                }
                rows = await confirmation_store.of_client(connection, caller.client_id, now)
            allowed.update(PersonId(row.endorser_person_id) for row in rows)
            untold = sorted(known.keys() - allowed)
            known = {one: name for one, name in known.items() if one in allowed}
        people = await self.of(
            known, keys=body.keys, telling=lambda many: self._told.spend(caller.counted_as, many)
        )
        return wire.PeopleTrust(people=people, untold=untold)

    async def of(
        self,
        known: Mapping[PersonId, bytes],
        *,
        keys: bool,
        telling: Callable[[int], Awaitable[None]] | None = None,
    ) -> list[wire.PersonTrust]:
        """Return the answers about people that have another name than the known one, and
        transitively about those whom they rest on and who are not named. ``telling``: called
        first, with the number of named people who have news."""
        async with self._deps.database.reading() as connection:
            closure = await self._bundles.closure(connection, known, writing=False)
            rows = {one: bundle.row for one, bundle in closure.items()}
            outdated = await self._cards.outdated(connection, rows, {*known, *closure})
            news = await self._news(connection, closure, known, keys=keys)
            told = len(known.keys() & ({one.person_id for one in news} | outdated.keys()))
        if telling is not None and told:
            await telling(told)
        if not outdated:
            return news
        await self._cards.make(outdated)
        async with self._deps.database.reading() as connection:
            closure = await self._bundles.closure(connection, known, writing=False)
            return await self._news(connection, closure, known, keys=keys)

    async def _news(
        self,
        connection: AsyncConnection,
        closure: Mapping[PersonId, Bundle],
        known: Mapping[PersonId, bytes],
        *,
        keys: bool,
    ) -> list[wire.PersonTrust]:
        if not keys:
            return [
                as_wire(one, bundle)
                for one, bundle in closure.items()
                if bundle.name != known.get(one)
            ]
        keyed = await self._with_keys(connection, closure)
        return [one.answer for person, one in keyed.items() if one.name != known.get(person)]

    async def _with_keys(
        self, connection: AsyncConnection, closure: Mapping[PersonId, Bundle]
    ) -> dict[PersonId, _Keyed]:
        """Return the answers with DeviceKeys. One statement, and none where all are kept."""
        found: dict[PersonId, _Keyed] = {}
        for one, bundle in closure.items():
            kept = self._keyed.get(one)
            if kept is not None and kept.version == bundle.row.keys_version:
                self._keyed.move_to_end(one)
                found[one] = kept
        missing = closure.keys() - found.keys()
        held = await self._keys(connection, missing) if missing else {}
        for one in missing:
            bundle, own = closure[one], held.get(one, [])
            name = name_of([*bundle.records.signed(), *own])
            found[one] = _Keyed(bundle.row.keys_version, name, as_wire(one, bundle, own))
            self._keyed[one] = found[one]
            if len(self._keyed) > MOST_KEPT:
                self._keyed.popitem(last=False)
        return found

    async def _keys(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, list[bytes]]:
        found: dict[PersonId, list[bytes]] = {}
        for row in await device_store.newest_keys_of(connection, person_ids):
            found.setdefault(PersonId(row.person_id), []).append(row.record)
        return found
