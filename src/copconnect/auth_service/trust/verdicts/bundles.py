"""All that is signed about people, gathered: for devices that ask, and for judging by E0.

A bundle is remembered with its person's version and used only while the database, read in the
caller's transaction, says the same version: nodes need not tell each other anything. Admins, whom
every closure contains, are therefore read once for each change. A bundle that a transaction reads
from its own writes is not remembered (``writing``): the transaction may roll back, and the bundle's
version would then come to stand for other records.
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.auth_service.trust import record_store
from copconnect.auth_service.trust.record_store import RecordVersions, StoredRecords
from copconnect.ids import PersonId
from copconnect.records.trust.naming import name_of

MOST_KEPT = 10_000  # Bundles of about 3 KB.


class Bundle(NamedTuple):
    """One person's records, as they were at ``row.version``."""

    row: RecordVersions
    records: StoredRecords
    name: bytes  # By which a device names the answer without DeviceKeys.


class Bundles:
    """Reads bundles. Used from one event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[PersonId, Bundle] = OrderedDict()

    async def load(
        self, connection: AsyncConnection, person_ids: Collection[PersonId], *, writing: bool
    ) -> dict[PersonId, Bundle]:
        """Return the bundles of those people who have records."""
        rows = await record_store.person_rows(connection, person_ids)
        found: dict[PersonId, Bundle] = {}
        missing: list[PersonId] = []
        for person_id, row in rows.items():
            known = self._kept.get(person_id)
            if known is not None and known.row.version == row.version:
                self._kept.move_to_end(person_id)
                found[person_id] = known._replace(row=row)
            else:
                missing.append(person_id)
        read = await record_store.records_of(connection, missing)
        for person_id in missing:
            records = read.get(person_id, _NONE)
            bundle = Bundle(rows[person_id], records, name_of(records.signed()))
            found[person_id] = bundle
            if not writing:
                self._keep(person_id, bundle)
        return found

    async def closure(
        self, connection: AsyncConnection, person_ids: Collection[PersonId], *, writing: bool
    ) -> dict[PersonId, Bundle]:
        """Return the bundles of these people and, transitively, of all whose devices endorsed,
        granted or revoked: whatever a verdict about these people may depend on."""
        found: dict[PersonId, Bundle] = {}
        wanted = set(person_ids)
        while wanted:
            level = await self.load(connection, wanted, writing=writing)
            found |= level
            wanted = {other for bundle in level.values() for other in bundle.records.others}
            wanted -= found.keys()
        return found

    def _keep(self, person_id: PersonId, bundle: Bundle) -> None:
        self._kept[person_id] = bundle
        self._kept.move_to_end(person_id)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def as_wire(person_id: PersonId, bundle: Bundle, held: Collection[bytes] = ()) -> wire.PersonTrust:
    """Return a bundle as devices get it. ``held``: the person's DeviceKeys, if asked for."""
    records = bundle.records
    return wire.PersonTrust(
        person_id=person_id,
        devices=records.devices,
        certificates=records.certificates,
        cards=records.cards,
        endorsements=records.endorsements,
        grants=records.grants,
        revocations=records.revocations,
        keys=list(held),
    )


_NONE = StoredRecords([], [], [], [], [], [], set())
