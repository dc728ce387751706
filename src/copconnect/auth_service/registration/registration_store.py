"""Statements about registrations: challenges, tickets, enrolment codes.

Rows that a decision depends on are locked by the UPDATE that comes first.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service.tables import (
    challenges,
    code_failures,
    enrolment_codes,
    numbers,
    tickets,
)
from copconnect.database.among import among
from copconnect.database.engine import CHUNK, chunks
from copconnect.ids import PersonId
from copconnect.rights import Permit, require_codes, require_people

# --- Challenges and tickets -------------------------------------------------------------------


async def lock_number(connection: AsyncConnection, number_hash: str, now_ms: int) -> None:
    """Serialise the requests for one number."""
    await connection.execute(
        text(
            "INSERT INTO auth_numbers (number_hash, asked_ms) VALUES (:number_hash, :now_ms) "
            "ON CONFLICT (number_hash) DO UPDATE SET asked_ms = excluded.asked_ms"
        ),
        {"number_hash": number_hash, "now_ms": now_ms},
    )


async def challenges_since(
    connection: AsyncConnection, number_hash: str, since_ms: int
) -> list[Any]:
    """Return address, time and tries of each challenge of a number."""
    found = await connection.execute(
        select(challenges.c.address_hash, challenges.c.created_ms, challenges.c.attempts).where(
            challenges.c.number_hash == number_hash, challenges.c.created_ms > since_ms
        )
    )
    return list(found)


async def tries_beside(connection: AsyncConnection, challenge_id: str, since_ms: int) -> list[int]:
    """Return the tries at each challenge of the number that a challenge is for."""
    number = select(challenges.c.number_hash).where(challenges.c.challenge_id == challenge_id)
    return list(
        await connection.scalars(
            select(challenges.c.attempts).where(
                challenges.c.number_hash == number.scalar_subquery(),
                challenges.c.created_ms > since_ms,
            )
        )
    )


async def add_challenge(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a challenge."""
    await connection.execute(insert(challenges).values(**values, attempts=0, closed=0))


async def attempt(connection: AsyncConnection, challenge_id: str) -> Any | None:
    """Count an attempt at a challenge and return it as it is now; None if there is none."""
    found = await connection.execute(
        update(challenges)
        .where(challenges.c.challenge_id == challenge_id)
        .values(attempts=challenges.c.attempts + 1)
        .returning(*challenges.c)
    )
    return found.first()


async def code_failures_since(connection: AsyncConnection, slot: int) -> int:
    """Return how many wrong codes were submitted since a slot began, for all numbers."""
    found: int | None = await connection.scalar(
        select(func.sum(code_failures.c.count)).where(code_failures.c.slot >= slot)
    )
    return found or 0


async def count_code_failure(connection: AsyncConnection, slot: int) -> None:
    """Count a wrong code."""
    await connection.execute(
        text(
            "INSERT INTO auth_code_failures (slot, count) VALUES (:slot, 1) "
            "ON CONFLICT (slot) DO UPDATE SET count = auth_code_failures.count + 1"
        ),
        {"slot": slot},
    )


async def close_challenge(connection: AsyncConnection, challenge_id: str) -> None:
    """Make a challenge unusable."""
    await connection.execute(
        update(challenges).where(challenges.c.challenge_id == challenge_id).values(closed=1)
    )


async def add_ticket(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a ticket."""
    await connection.execute(insert(tickets).values(**values, attempts=0, client_id=None))


async def lock_ticket(
    connection: AsyncConnection, ticket_hash: str, now_ms: int, *, attempt: bool = False
) -> Any | None:
    """Return an unexpired ticket, locked; ``attempt`` counts one."""
    found = await connection.execute(
        update(tickets)
        .where(tickets.c.ticket_hash == ticket_hash, tickets.c.expires_ms > now_ms)
        .values(attempts=tickets.c.attempts + int(attempt))
        .returning(*tickets.c)
    )
    return found.first()


async def ticket_person(connection: AsyncConnection, ticket_hash: str) -> PersonId | None:
    """Return whose ticket this is, without locking it."""
    found: PersonId | None = await connection.scalar(
        select(tickets.c.person_id).where(tickets.c.ticket_hash == ticket_hash)
    )
    return found


async def change_ticket(connection: AsyncConnection, ticket_hash: str, **values: Any) -> None:
    """Change a ticket."""
    await connection.execute(
        update(tickets).where(tickets.c.ticket_hash == ticket_hash).values(**values)
    )


async def refuse_open_tickets(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> None:
    """End the registrations of people under way."""
    await connection.execute(
        update(tickets).where(among(tickets.c.person_id, person_ids)).values(step="refused")
    )


async def prune(
    connection: AsyncConnection, challenges_before: int, now_ms: int, first_slot: int
) -> None:
    """Delete challenges, tickets and counts that nothing depends on any more."""
    await connection.execute(delete(code_failures).where(code_failures.c.slot < first_slot))
    await connection.execute(delete(challenges).where(challenges.c.created_ms < challenges_before))
    await connection.execute(delete(numbers).where(numbers.c.asked_ms < challenges_before))
    await connection.execute(delete(tickets).where(tickets.c.expires_ms < now_ms))


# --- Enrolment codes --------------------------------------------------------------------------


async def enrolment_code(connection: AsyncConnection, person_id: PersonId) -> str | None:
    """Return the hash of a person's unused enrolment code."""
    found: str | None = await connection.scalar(
        select(enrolment_codes.c.code_hash).where(
            enrolment_codes.c.person_id == person_id, enrolment_codes.c.used_ms.is_(None)
        )
    )
    return found


async def set_enrolment_codes(
    connection: AsyncConnection, permit: Permit, hashes: Mapping[PersonId, str]
) -> None:
    """Give people new enrolment codes. A code that somebody has already stays as it is, so that
    importing the same file again does not make a used one usable."""
    require_codes(permit, hashes)
    known = select(enrolment_codes.c.person_id, enrolment_codes.c.code_hash)
    if len(hashes) <= CHUNK:
        known = known.where(enrolment_codes.c.person_id.in_(hashes))
    rows = await connection.execute(known)
    same = {row.person_id for row in rows if row.code_hash == hashes.get(row.person_id)}
    for fresh in chunks(person for person in hashes if person not in same):
        await connection.execute(
            delete(enrolment_codes).where(enrolment_codes.c.person_id.in_(fresh))
        )
        await connection.execute(
            insert(enrolment_codes),
            [{"person_id": person, "code_hash": hashes[person]} for person in fresh],
        )


async def forget_enrolment_codes(
    connection: AsyncConnection, permit: Permit, person_ids: Collection[PersonId]
) -> None:
    """Drop the enrolment codes of people who were removed."""
    require_people(permit, person_ids)
    await connection.execute(
        delete(enrolment_codes).where(among(enrolment_codes.c.person_id, person_ids))
    )


async def use_enrolment_code(
    connection: AsyncConnection, person_id: PersonId, now_ms: int, code_hash: str | None
) -> bool:
    """Use up a person's enrolment code, or that of a hash alone. Returns whether it was there and
    unused."""
    unused = update(enrolment_codes).where(
        enrolment_codes.c.person_id == person_id, enrolment_codes.c.used_ms.is_(None)
    )
    if code_hash is not None:
        unused = unused.where(enrolment_codes.c.code_hash == code_hash)
    found = await connection.execute(unused.values(used_ms=now_ms))
    return found.rowcount > 0
