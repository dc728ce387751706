"""The cards of people: their rows, their open charges, and whether they have registered."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.rows import of_row
from copconnect.directory import names
from copconnect.directory.ports import RegisteredPeople
from copconnect.directory.postings import posting_store
from copconnect.directory.postings.transfers import posting
from copconnect.ids import PersonId, UnitId
from copconnect.principals import HeldPlace


async def made_of(
    connection: AsyncConnection, rows: Sequence[Any], registered: RegisteredPeople
) -> list[wire.Person]:
    """Return the cards of people, whose rows these are."""
    ids = [PersonId(row.person_id) for row in rows]
    there = await registered.registered(connection, ids)
    charges: dict[str, list[wire.Posting]] = {}
    for row in await posting_store.charges(connection, ids):
        charges.setdefault(row.person_id, []).append(posting(row))
    return [
        of_row(
            wire.Person,
            row,
            names=names.of(row),
            post=names.of(row, "post"),
            roles=row.roles.split(),
            charges=charges.get(row.person_id, []),
            registered=row.person_id in there,
        )
        for row in rows
    ]


def places(
    rows: Iterable[Any], cards: Iterable[wire.Person], paths: Mapping[UnitId, str]
) -> dict[PersonId, list[HeldPlace]]:
    """Return the places of people, whose rows and cards these are. ``paths``: of all units. Numbers
    are shown by unit and head alone: level and roles are left out."""
    heads = {row.person_id: row.head for row in rows}
    return {
        one.person_id: [
            HeldPlace(paths.get(unit, "").strip("/"), "", frozenset(), head)
            for unit, head in (
                (one.unit_id, heads[one.person_id]),
                *((charge.unit_id, charge.head) for charge in one.charges),
            )
        ]
        for one in cards
    }
