"""People's records after a backup of the server was restored.

Devices may know records and versions that the backup has not. So every version that devices compare
rises by 1,000, and everybody's PersonDevices are signed again, 1,000 numbers up, with the restored
devices: whatever is signed next is newer than anything that was lost. The server is stopped
meanwhile. People are taken some at a time, each batch in one transaction; after a crash in between,
running it again moves all once more, which harms nothing.

Records that devices signed after the backup are lost at the server and kept by devices: a device
that was endorsed then is endorsed again, a device that was revoked then is revoked again. A device
that registered then is unknown to the server and registers again. Devices that have seen the list
that named it refuse a list without it (E0): for them that person's new devices then stay
unconfirmed.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit.acts import IncarnationBegun
from copconnect.auth_service import store
from copconnect.auth_service.dependencies import Dependencies
from copconnect.auth_service.keys.authority import RosterSigner
from copconnect.auth_service.tables import person_devices
from copconnect.auth_service.trust import record_store
from copconnect.ids import PersonId
from copconnect.principals import Principal
from copconnect.records.trust.person_devices import PersonDevices

STEP = 1_000
_TOGETHER = 500


async def begin_incarnation(deps: Dependencies, by: Principal) -> int:
    """Raise all versions and sign everybody's PersonDevices again; return how many people have
    records."""
    async with deps.database.transaction() as connection:
        await store.bump_trust(connection, STEP)
        await deps.audit.record(connection, by, IncarnationBegun())
    done, after = 0, ""
    while True:
        async with deps.database.transaction() as connection:
            people = await record_store.people_after(connection, after, _TOGETHER)
            if not people:
                return done
            await record_store.raise_versions(connection, people, STEP)
            await _sign_again(connection, deps.authority.roster, people, deps.clock.now_ms())
        done, after = done + len(people), people[-1]


async def _sign_again(
    connection: AsyncConnection, signer: RosterSigner, people: list[PersonId], now_ms: int
) -> None:
    stored = await record_store.newest(connection, person_devices, people)
    rows: list[tuple[PersonId, int, bytes]] = []
    for person_id, data in stored.items():
        former = PersonDevices.parse(data)
        record = signer.signed(
            replace(
                former,
                number=former.number + STEP,
                previous=former.hash(),
                created=max(now_ms, former.created),
                signature=b"",
            )
        )
        rows.append((person_id, record.number, record.encode()))
    await record_store.add_numbered(connection, person_devices, rows)
