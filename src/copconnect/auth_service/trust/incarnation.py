"""A new incarnation: the records of people after a backup of the server was restored, and after the
roster authority's key was replaced.

The roster authority signs an Incarnation (S8), under which alone devices go back in a log. Devices
may know records and versions that the backup has not. So every version that devices compare rises
to the incarnation's number, and everybody's PersonDevices and newest card are signed again under
it, with what is restored: whatever is signed next is newer than anything that was lost, and no
number repeats, however often the same backup is restored. The server is stopped meanwhile. People
are taken some at a time, each batch in one transaction; after a crash in between, running it again
begins another incarnation and moves all once more, which harms nothing.

Cards and revocations that a former roster authority signed are signed again as they are, because
earlier endorsements are judged by them; its lists of devices go.

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
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.keys.key_files import AuthorityMissing
from copconnect.auth_service.tables import person_cards, person_devices
from copconnect.auth_service.trust import record_store
from copconnect.ids import PersonId
from copconnect.principals import Principal
from copconnect.records.primitives.signed import RosterSigner
from copconnect.records.trust.department import Department, authority_number_of, first_number
from copconnect.records.trust.incarnation import Incarnation, next_number
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import Revocation

_TOGETHER = 500


async def begin_incarnation(deps: AuthDependencies, by: Principal) -> tuple[int, int]:
    """Sign an Incarnation, raise all versions to its number, and sign everybody's PersonDevices and
    card again. Returns the number, and how many people have records."""
    now_ms = deps.clock.now_ms()
    async with deps.database.transaction() as connection:
        authority = (await _department(connection)).authority_number
        former = await record_store.newest_incarnation(connection)
        number = next_number(former, authority, now_ms)
        record = deps.authority.roster.signed(Incarnation(created=now_ms, number=number))
        await record_store.add_incarnation(connection, number, record.encode())
        await store.bump_trust(connection, number)
        await deps.audit.record(connection, by, IncarnationBegun())
    done, after = 0, ""
    while True:
        async with deps.database.transaction() as connection:
            people = await record_store.people_after(connection, after, _TOGETHER)
            if not people:
                return number, done
            await record_store.raise_versions(connection, people, number)
            first = first_number(authority)
            await _sign_again(connection, deps.authority.roster, people, first)
            await _list_again(connection, deps.authority.roster, people, number, now_ms)
            await _name_again(connection, deps.authority.roster, people, number, now_ms)
            await record_store.drop_below(connection, person_devices, people, first)
        done, after = done + len(people), people[-1]


async def require_signed(deps: AuthDependencies) -> None:
    """Check that the present roster authority signed everything. Raises AuthorityMissing."""
    async with deps.database.reading() as connection:
        number = (await _department(connection)).authority_number
        newest = await record_store.newest_incarnation(connection)
    if number > (authority_number_of(newest.number) if newest is not None else 0):
        raise AuthorityMissing(
            "the roster authority was replaced and has not signed everything anew: "
            "run `copconnect admin new-incarnation`"
        )


async def _department(connection: AsyncConnection) -> Department:
    return Department.parse((await record_store.department_records(connection))[-1])


async def _sign_again(
    connection: AsyncConnection, signer: RosterSigner, people: list[PersonId], first: int
) -> None:
    """Sign the cards and revocations of former roster authorities again."""
    for person_id, stored in (await record_store.cards_below(connection, people, first)).items():
        cards = [PersonCard.parse(one) for one in stored]
        again = [
            signer.signed(replace(card, number=first + at)) for at, card in enumerate(cards, 1)
        ]
        rows = [(person_id, card.number, card.encode()) for card in again]
        await record_store.add_numbered(connection, person_cards, rows)
    await record_store.drop_below(connection, person_cards, people, first)
    for record_hash, data in await record_store.revocations_by_authority(connection, people):
        record = signer.signed(Revocation.parse(data))
        await record_store.replace_revocation(
            connection, record_hash, record.hash(), record.encode()
        )


async def _list_again(
    connection: AsyncConnection,
    signer: RosterSigner,
    people: list[PersonId],
    number: int,
    now_ms: int,
) -> None:
    stored = await record_store.newest(connection, person_devices, people)
    rows: list[tuple[PersonId, int, bytes]] = []
    for person_id, data in stored.items():
        former = PersonDevices.parse(data)
        record = signer.signed(
            replace(
                former,
                number=max(former.number + 1, number),
                previous=former.hash(),
                created=max(now_ms, former.created),
                signature=b"",
            )
        )
        rows.append((person_id, record.number, record.encode()))
    await record_store.add_numbered(connection, person_devices, rows)


async def _name_again(
    connection: AsyncConnection,
    signer: RosterSigner,
    people: list[PersonId],
    number: int,
    now_ms: int,
) -> None:
    stored = await record_store.newest(connection, person_cards, people)
    rows: list[tuple[PersonId, int, bytes]] = []
    for person_id, data in stored.items():
        former = PersonCard.parse(data)
        card = signer.signed(
            replace(
                former,
                number=max(former.number + 1, number),
                created=max(now_ms, former.created + 1),
                signature=b"",
            )
        )
        rows.append((person_id, card.number, card.encode()))
    await record_store.add_numbered(connection, person_cards, rows)
