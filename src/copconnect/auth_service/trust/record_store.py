"""Statements about the signed records of people and devices (docs/keys.md).

Every change of a person's records calls :func:`touch` first in the transaction: it holds the
person's row, so that chains of records grow one after another, and lets the version grow.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service.tables import (
    certificates,
    clients,
    departments,
    endorsements,
    grants,
    incarnations,
    people,
    person_cards,
    person_devices,
    revocations,
)
from copconnect.database.among import among
from copconnect.database.engine import at_least, chunks, upsert_for
from copconnect.database.upserts import add_once
from copconnect.ids import PersonId
from copconnect.records.trust.incarnation import Incarnation


class RecordVersions(NamedTuple):
    """A person's versions, by which nodes know what they remember: ``keys_version`` counts all
    records, and ``version`` is its value when a record other than a DeviceKey came last. ``card``:
    the hash of what the newest card says."""

    version: int
    keys_version: int
    card: str | None


async def touch(
    connection: AsyncConnection, person_ids: Collection[PersonId], *, keys: bool = False
) -> None:
    """Hold these people's rows, in one order, and let their versions grow."""
    counted = ("keys_version",) if keys else ("keys_version", "version")
    grown = dict.fromkeys(counted, people.c.keys_version + 1)
    statement = upsert_for(connection.dialect.name, people)
    # Above the versions of a person whom a restore of a backup lost.
    first = select(func.coalesce(func.max(incarnations.c.number), 0) + 1).scalar_subquery()
    for part in chunks(sorted(set(person_ids))):
        rows = [{"person_id": one, "version": first, "keys_version": first} for one in part]
        await connection.execute(
            statement.values(rows).on_conflict_do_update(
                index_elements=[people.c.person_id], set_=grown
            )
        )


async def hold(connection: AsyncConnection, person_ids: Collection[PersonId]) -> None:
    """Hold these people's rows, in one order, so that their records stay as they are. On SQLite
    one transaction writes at a time anyway."""
    if connection.dialect.name != "sqlite":
        await connection.execute(
            select(people.c.person_id)
            .where(among(people.c.person_id, person_ids))
            .order_by(people.c.person_id)
            .with_for_update()
        )


async def person_rows(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> dict[PersonId, RecordVersions]:
    """Return the versions of those people who have records."""
    found: dict[PersonId, RecordVersions] = {}
    rows = await connection.execute(select(people).where(among(people.c.person_id, person_ids)))
    for row in rows:
        found[PersonId(row.person_id)] = RecordVersions(row.version, row.keys_version, row.card)
    return found


async def people_after(connection: AsyncConnection, after: str, limit: int) -> list[PersonId]:
    """Return the next people who have records, ascending."""
    found = await connection.scalars(
        select(people.c.person_id)
        .where(people.c.person_id > after)
        .order_by(people.c.person_id)
        .limit(limit)
    )
    return list(found)


async def raise_versions(
    connection: AsyncConnection, person_ids: Collection[PersonId], least: int
) -> None:
    """Let the versions of people grow, to this number at least."""
    grown = at_least(people.c.keys_version + 1, least)
    await connection.execute(
        update(people)
        .where(people.c.person_id.in_(person_ids))
        .values(version=grown, keys_version=grown)
    )


async def set_cards(connection: AsyncConnection, cards: Mapping[PersonId, str]) -> None:
    """Record what the newest cards of people say."""
    if cards:
        await connection.execute(
            update(people)
            .where(people.c.person_id == bindparam("p_person"))
            .values(card=bindparam("p_card")),
            [{"p_person": person, "p_card": card} for person, card in sorted(cards.items())],
        )


class StoredRecords(NamedTuple):
    """All records of one person, as they are stored, each list in its order."""

    devices: list[bytes]
    certificates: list[bytes]
    cards: list[bytes]
    endorsements: list[bytes]
    grants: list[bytes]
    revocations: list[bytes]
    others: set[PersonId]  # People whose devices endorsed, granted or revoked.

    def signed(self) -> list[bytes]:
        """Return all records, in the order of their kinds."""
        return [
            *(*self.devices, *self.certificates, *self.cards),
            *(*self.endorsements, *self.grants, *self.revocations),
        ]


async def records_of(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> dict[PersonId, StoredRecords]:
    """Return everything that is signed about these people but their DeviceKeys."""
    found: dict[PersonId, StoredRecords] = defaultdict(
        lambda: StoredRecords([], [], [], [], [], [], set[PersonId]())
    )
    if not person_ids:
        return {}
    for table, name in ((person_devices, "devices"), (person_cards, "cards")):
        rows = await connection.execute(
            select(table.c.person_id, table.c.record)
            .where(among(table.c.person_id, person_ids))
            .order_by(table.c.number)
        )
        for row in rows:
            getattr(found[row.person_id], name).append(row.record)
    rows = await connection.execute(
        select(clients.c.person_id, certificates.c.certificate)
        .join(clients, clients.c.client_id == certificates.c.client_id)
        .where(among(clients.c.person_id, person_ids))
        .order_by(certificates.c.issued_ms, certificates.c.certificate_hash)
    )
    for row in rows:
        found[row.person_id].certificates.append(row.certificate)
    for table, name, other in (
        (endorsements, "endorsements", "endorser_person_id"),
        (grants, "grants", "grantor_person_id"),
        (revocations, "revocations", "signer_person_id"),
    ):
        rows = await connection.execute(
            select(table)
            .where(among(table.c.person_id, person_ids))
            .order_by(table.c.created_ms, table.c.hash)
        )
        for row in rows:
            records = found[row.person_id]
            getattr(records, name).append(row.record)
            signer = getattr(row, other)
            if signer is not None and signer != row.person_id:
                records.others.add(PersonId(signer))
    return dict(found)


async def add(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> bool:
    """Store a record; return whether it is new. ``table`` has the record's hash as its key."""
    return await add_once(connection, table, values)


async def has(connection: AsyncConnection, table: Table, record_hash: bytes) -> bool:
    """Return whether a record is stored."""
    found = await connection.scalar(select(table.c.hash).where(table.c.hash == record_hash))
    return found is not None


async def newest(
    connection: AsyncConnection, table: Table, person_ids: Collection[PersonId]
) -> dict[PersonId, bytes]:
    """Return the newest record of each person in a table of numbered records."""
    rows = await connection.execute(
        select(table.c.person_id, table.c.record)
        .where(among(table.c.person_id, person_ids))
        .order_by(table.c.number)
    )
    return {PersonId(row.person_id): row.record for row in rows}


async def add_numbered(
    connection: AsyncConnection, table: Table, rows: Sequence[tuple[PersonId, int, bytes]]
) -> None:
    """Store records (person, number, record)."""
    names = ("person_id", "number", "record")
    for part in chunks(rows):
        await connection.execute(
            insert(table), [dict(zip(names, row, strict=True)) for row in part]
        )


async def cards_below(
    connection: AsyncConnection, person_ids: Collection[PersonId], number: int
) -> dict[PersonId, list[bytes]]:
    """Return the cards of people that are numbered below this, in their order."""
    found: dict[PersonId, list[bytes]] = defaultdict(list)
    rows = await connection.execute(
        select(person_cards.c.person_id, person_cards.c.record)
        .where(person_cards.c.person_id.in_(person_ids), person_cards.c.number < number)
        .order_by(person_cards.c.number)
    )
    for row in rows:
        found[PersonId(row.person_id)].append(row.record)
    return dict(found)


async def drop_below(
    connection: AsyncConnection, table: Table, person_ids: Collection[PersonId], number: int
) -> None:
    """Delete the numbered records of people below this number."""
    await connection.execute(
        delete(table).where(table.c.person_id.in_(person_ids), table.c.number < number)
    )


async def revocations_by_authority(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> list[tuple[bytes, bytes]]:
    """Return (hash, record) of the revocations of people's devices by the roster authority."""
    rows = await connection.execute(
        select(revocations.c.hash, revocations.c.record).where(
            revocations.c.person_id.in_(person_ids), revocations.c.signer_person_id.is_(None)
        )
    )
    return [(row.hash, row.record) for row in rows]


async def replace_revocation(
    connection: AsyncConnection, former_hash: bytes, record_hash: bytes, record: bytes
) -> None:
    """Store a revocation in the place of the one that it repeats."""
    await connection.execute(
        update(revocations)
        .where(revocations.c.hash == former_hash)
        .values(hash=record_hash, record=record)
    )


# --- Department records -----------------------------------------------------------------------


async def department_records(connection: AsyncConnection) -> list[bytes]:
    """Return all department records, ascending by number."""
    return list(
        await connection.scalars(select(departments.c.record).order_by(departments.c.number))
    )


async def add_department(connection: AsyncConnection, number: int, record: bytes) -> bool:
    """Store a department record; return whether it is new."""
    return await add_once(connection, departments, {"number": number, "record": record})


# --- Incarnations -----------------------------------------------------------------------------


async def newest_incarnation(connection: AsyncConnection) -> Incarnation | None:
    """Return the newest Incarnation; None: no backup was ever restored."""
    query = select(incarnations.c.record).order_by(incarnations.c.number.desc()).limit(1)
    found: bytes | None = await connection.scalar(query)
    return None if found is None else Incarnation.parse(found)


async def add_incarnation(connection: AsyncConnection, number: int, record: bytes) -> None:
    """Store an Incarnation."""
    await connection.execute(insert(incarnations).values(number=number, record=record))


async def revocations_of(
    connection: AsyncConnection, devices: Collection[bytes]
) -> dict[bytes, bytes]:
    """Return a revocation of each of these devices that has one: a device's before the roster
    authority's, then the newest."""
    found: dict[bytes, bytes] = {}
    for part in chunks(devices):
        rows = await connection.execute(
            select(revocations.c.device, revocations.c.record)
            .where(revocations.c.device.in_(part))
            .order_by(revocations.c.signer_person_id.is_not(None), revocations.c.created_ms)
        )
        found |= {row.device: row.record for row in rows}
    return found


# --- What a device's records reach ------------------------------------------------------------


async def endorsed_by(
    connection: AsyncConnection, endorsers: Collection[bytes]
) -> list[tuple[bytes, PersonId]]:
    """Return (device, person) of what these devices endorsed."""
    found: list[tuple[bytes, PersonId]] = []
    for part in chunks(endorsers):
        rows = await connection.execute(
            select(endorsements.c.endorsed, endorsements.c.person_id).where(
                endorsements.c.endorser.in_(part)
            )
        )
        found += [(row.endorsed, PersonId(row.person_id)) for row in rows]
    return found


async def granted_by(connection: AsyncConnection, grantors: Collection[bytes]) -> set[PersonId]:
    """Return to whom these devices granted."""
    found: set[PersonId] = set()
    for part in chunks(grantors):
        found |= set(
            await connection.scalars(
                select(grants.c.person_id).where(grants.c.grantor.in_(part)).distinct()
            )
        )
    return found


async def made_since(
    connection: AsyncConnection, person_id: PersonId, since_ms: int
) -> set[PersonId]:
    """Return the others to whom a person's devices granted, or whose devices they endorsed, since a
    time."""
    granted = select(grants.c.person_id).where(
        grants.c.grantor_person_id == person_id,
        grants.c.created_ms >= since_ms,
        grants.c.not_after_ms > grants.c.created_ms,
    )
    endorsed = select(endorsements.c.person_id).where(
        endorsements.c.endorser_person_id == person_id,
        endorsements.c.person_id != person_id,
        endorsements.c.created_ms >= since_ms,
    )
    return {PersonId(one) for one in await connection.scalars(granted.union(endorsed))}


async def newest_grants(connection: AsyncConnection, paths: Sequence[str]) -> list[Any]:
    """Return the newest grant to each person over each of exactly these unit paths."""
    rows = await connection.execute(
        select(grants).where(grants.c.path.in_(paths)).order_by(grants.c.created_ms, grants.c.hash)
    )
    return list({(row.person_id, row.path): row for row in rows}.values())


async def grants_to(connection: AsyncConnection, person_id: PersonId) -> list[Any]:
    """Return the grants to a person, the newest last."""
    rows = await connection.execute(
        select(grants).where(grants.c.person_id == person_id).order_by(grants.c.created_ms)
    )
    return list(rows)


async def all_grants(connection: AsyncConnection) -> list[Any]:
    """Return every grant, the newest last."""
    return list(await connection.execute(select(grants).order_by(grants.c.created_ms)))


async def made_by(
    connection: AsyncConnection, device: bytes
) -> tuple[list[bytes], list[bytes], set[PersonId]]:
    """Return the endorsements and the grants that a device signed, and whom they are about."""
    records: list[list[bytes]] = []
    about: set[PersonId] = set()
    for table, signer in ((endorsements, endorsements.c.endorser), (grants, grants.c.grantor)):
        rows = list(
            await connection.execute(
                select(table.c.record, table.c.person_id)
                .where(signer == device)
                .order_by(table.c.created_ms, table.c.hash)
            )
        )
        records.append([row.record for row in rows])
        about |= {PersonId(row.person_id) for row in rows}
    return records[0], records[1], about
