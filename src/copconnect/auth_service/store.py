"""Tables and statements of the Authentication Service.

Secrets rest hashed: OTPs and enrolment codes under the server's secret, tickets and access tokens
by SHA-256. Rows that a decision depends on are locked by the UPDATE that comes first.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database import METADATA
from copconnect.ids import ClientId, PersonId

CHUNK = 500
T = TypeVar("T")

challenges = Table(
    "auth_challenges",
    METADATA,
    Column("challenge_id", String(32), primary_key=True),
    Column("number_hash", String(64), nullable=False),
    Column("person_id", String(32), nullable=True),  # None: an unknown number.
    Column("code_hash", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("closed", Integer, nullable=False),  # 1: used, or replaced by a newer one.
    Index(None, "number_hash", "created_ms"),
    Index(None, "created_ms"),
)
numbers = Table(  # One row for each number that ever asked, known or not: its lock.
    "auth_numbers",
    METADATA,
    Column("number_hash", String(64), primary_key=True),
    Column("asked_ms", BigInteger, nullable=False),
)
tickets = Table(
    "auth_tickets",
    METADATA,
    Column("ticket_hash", String(64), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("step", String(16), nullable=False),  # As in wire.RegistrationStep, or "done".
    Column("attempts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("approval_id", String(32), nullable=True),
    Column("client_id", String(32), nullable=True),
    Index(None, "person_id"),
    Index(None, "approval_id"),
    Index(None, "expires_ms"),
)
approvals = Table(
    "auth_approvals",
    METADATA,
    Column("approval_id", String(32), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("requested_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # pending, approved, refused, withdrawn
    Column("decided_by", String(32), nullable=True),
    Column("decided_ms", BigInteger, nullable=True),
    Index(None, "person_id"),
    Index(None, "state", "requested_ms"),
)
enrolment_codes = Table(
    "auth_enrolment_codes",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("code_hash", String(64), nullable=False),
    Column("used_ms", BigInteger, nullable=True),
)
clients = Table(
    "auth_clients",
    METADATA,
    Column("client_id", String(32), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("public_key", LargeBinary(32), nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=True),
    Column("revoked_ms", BigInteger, nullable=True),
    Index(None, "person_id"),
)
certificates = Table(
    "auth_certificates",
    METADATA,
    Column("certificate_hash", String(64), primary_key=True),
    Column("client_id", String(32), nullable=False),
    Column("serial", String(40), nullable=False, unique=True),
    Column("certificate", LargeBinary, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger, nullable=True),
    Index(None, "client_id"),
    Index(None, "revoked_ms"),
)
tokens = Table(
    "auth_tokens",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    Column("client_id", String(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index(None, "client_id"),
)
trust = Table(
    "auth_trust",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("issuing_hash", String(64), nullable=False),
)
demo_outbox = Table(
    "auth_demo_outbox",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("number", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
)


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Split a sequence so that no statement has too many parameters."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


# --- Challenges and tickets -------------------------------------------------------------------


async def lock_number(connection: AsyncConnection, number_hash: str, now_ms: int) -> None:
    """Serialise the requests for one number, and close its older challenges."""
    await connection.execute(
        text(
            "INSERT INTO auth_numbers (number_hash, asked_ms) VALUES (:number_hash, :now_ms) "
            "ON CONFLICT (number_hash) DO UPDATE SET asked_ms = excluded.asked_ms"
        ),
        {"number_hash": number_hash, "now_ms": now_ms},
    )
    await connection.execute(
        update(challenges)
        .where(challenges.c.number_hash == number_hash, challenges.c.closed == 0)
        .values(closed=1)
    )


async def requests_since(connection: AsyncConnection, number_hash: str, since_ms: int) -> list[int]:
    """Return when this number asked for codes."""
    return list(
        await connection.scalars(
            select(challenges.c.created_ms).where(
                challenges.c.number_hash == number_hash, challenges.c.created_ms > since_ms
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


async def change_tickets_of_approval(
    connection: AsyncConnection, approval_id: str, **values: Any
) -> None:
    """Move on the tickets that wait for an approval."""
    await connection.execute(
        update(tickets)
        .where(tickets.c.approval_id == approval_id, tickets.c.step == "approval")
        .values(**values)
    )


async def refuse_open_tickets(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> None:
    """End the registrations and approvals of people under way."""
    for part in chunks(person_ids):
        # Approvals before tickets, as a decision does.
        await connection.execute(
            update(approvals)
            .where(approvals.c.person_id.in_(part), approvals.c.state == "pending")
            .values(state="withdrawn")
        )
        await connection.execute(
            update(tickets).where(tickets.c.person_id.in_(part)).values(step="refused")
        )


async def prune(connection: AsyncConnection, challenges_before: int, now_ms: int) -> None:
    """Delete challenges and tickets that nothing depends on any more."""
    await connection.execute(delete(challenges).where(challenges.c.created_ms < challenges_before))
    await connection.execute(delete(numbers).where(numbers.c.asked_ms < challenges_before))
    await connection.execute(delete(tickets).where(tickets.c.expires_ms < now_ms))


# --- Approvals and enrolment codes ------------------------------------------------------------


async def ask_approval(
    connection: AsyncConnection, approval_id: str, person_id: PersonId, now_ms: int, expires_ms: int
) -> None:
    """Ask for an approval; an older question about the same person is withdrawn."""
    await connection.execute(
        update(approvals)
        .where(approvals.c.person_id == person_id, approvals.c.state == "pending")
        .values(state="withdrawn")
    )
    await connection.execute(
        insert(approvals).values(
            approval_id=approval_id,
            person_id=person_id,
            requested_ms=now_ms,
            expires_ms=expires_ms,
            state="pending",
        )
    )


async def pending_approvals(connection: AsyncConnection, now_ms: int) -> list[Any]:
    """Return open questions, oldest first."""
    found = await connection.execute(
        select(approvals)
        .where(approvals.c.state == "pending", approvals.c.expires_ms > now_ms)
        .order_by(approvals.c.requested_ms)
        .limit(5000)
    )
    return list(found)


async def approval(connection: AsyncConnection, approval_id: str) -> Any | None:
    """Return a question."""
    found = await connection.execute(
        select(approvals).where(approvals.c.approval_id == approval_id)
    )
    return found.first()


async def decide(
    connection: AsyncConnection, approval_id: str, state: str, by: str, now_ms: int
) -> bool:
    """Decide an open question. Returns whether it was open."""
    found = await connection.execute(
        update(approvals)
        .where(
            approvals.c.approval_id == approval_id,
            approvals.c.state == "pending",
            approvals.c.expires_ms > now_ms,
        )
        .values(state=state, decided_by=by, decided_ms=now_ms)
    )
    return found.rowcount == 1


async def enrolment_code(connection: AsyncConnection, person_id: PersonId) -> str | None:
    """Return the hash of a person's unused enrolment code."""
    found: str | None = await connection.scalar(
        select(enrolment_codes.c.code_hash).where(
            enrolment_codes.c.person_id == person_id, enrolment_codes.c.used_ms.is_(None)
        )
    )
    return found


async def set_enrolment_codes(connection: AsyncConnection, hashes: Mapping[PersonId, str]) -> None:
    """Give people new enrolment codes. A code that somebody has already stays as it is, so that
    importing the same file again does not make a used one usable."""
    for part in chunks(hashes):
        known = await connection.execute(
            select(enrolment_codes.c.person_id, enrolment_codes.c.code_hash).where(
                enrolment_codes.c.person_id.in_(part)
            )
        )
        same = {row.person_id for row in known if row.code_hash == hashes[row.person_id]}
        fresh = [person for person in part if person not in same]
        await connection.execute(
            delete(enrolment_codes).where(enrolment_codes.c.person_id.in_(fresh))
        )
        if fresh:
            await connection.execute(
                insert(enrolment_codes),
                [{"person_id": person, "code_hash": hashes[person]} for person in fresh],
            )


async def use_enrolment_code(connection: AsyncConnection, person_id: PersonId, now_ms: int) -> None:
    """Use up a person's enrolment code."""
    await connection.execute(
        update(enrolment_codes)
        .where(enrolment_codes.c.person_id == person_id, enrolment_codes.c.used_ms.is_(None))
        .values(used_ms=now_ms)
    )


# --- Clients, certificates, tokens ------------------------------------------------------------


async def add_client(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a client."""
    await connection.execute(insert(clients).values(**values))


async def client(connection: AsyncConnection, client_id: ClientId) -> Any | None:
    """Return a client."""
    found = await connection.execute(select(clients).where(clients.c.client_id == client_id))
    return found.first()


async def lock_client(connection: AsyncConnection, client_id: ClientId) -> Any | None:
    """Return an unrevoked client, locked."""
    found = await connection.execute(
        update(clients)
        .where(clients.c.client_id == client_id, clients.c.revoked_ms.is_(None))
        .values(label=clients.c.label)
        .returning(*clients.c)
    )
    return found.first()


async def client_exists(
    connection: AsyncConnection, client_id: ClientId, public_key: bytes
) -> bool:
    """Return whether the id or the key was ever registered."""
    found = await connection.scalar(
        select(clients.c.client_id)
        .where((clients.c.client_id == client_id) | (clients.c.public_key == public_key))
        .limit(1)
    )
    return found is not None


async def clients_of_person(connection: AsyncConnection, person_id: PersonId) -> list[Any]:
    """Return a person's clients, revoked ones included, newest first."""
    found = await connection.execute(
        select(clients)
        .where(clients.c.person_id == person_id)
        .order_by(clients.c.created_ms.desc(), clients.c.client_id)
        .limit(50)
    )
    return list(found)


async def add_certificate(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a certificate."""
    await connection.execute(insert(certificates).values(**values))


async def newest_certificates(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> dict[ClientId, Any]:
    """Return each client's newest certificate."""
    newest: dict[ClientId, Any] = {}
    for part in chunks(client_ids):
        for row in await connection.execute(
            select(certificates)
            .where(certificates.c.client_id.in_(part))
            .order_by(certificates.c.issued_ms, certificates.c.expires_ms)
        ):
            newest[row.client_id] = row
    return newest


async def valid_clients(
    connection: AsyncConnection, person_ids: Collection[PersonId], now_ms: int
) -> list[Any]:
    """Return the unrevoked clients of people with their unexpired certificates, one row for each
    certificate, each client's newest last."""
    rows: list[Any] = []
    for part in chunks(person_ids):
        rows += await connection.execute(
            select(
                clients.c.client_id,
                clients.c.person_id,
                certificates.c.certificate_hash,
                certificates.c.certificate,
            )
            .join(certificates, certificates.c.client_id == clients.c.client_id)
            .where(
                clients.c.person_id.in_(part),
                clients.c.revoked_ms.is_(None),
                certificates.c.revoked_ms.is_(None),
                certificates.c.expires_ms > now_ms,
            )
            .order_by(clients.c.created_ms, clients.c.client_id, certificates.c.issued_ms)
        )
    return rows


async def registered(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> set[PersonId]:
    """Return which of these people have an unrevoked client."""
    known: set[PersonId] = set()
    for part in chunks(person_ids):
        known |= set(
            await connection.scalars(
                select(clients.c.person_id).where(
                    clients.c.person_id.in_(part), clients.c.revoked_ms.is_(None)
                )
            )
        )
    return known


async def open_clients(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> list[ClientId]:
    """Return the unrevoked clients of people."""
    found: list[ClientId] = []
    for part in chunks(person_ids):
        found += await connection.scalars(
            select(clients.c.client_id).where(
                clients.c.person_id.in_(part), clients.c.revoked_ms.is_(None)
            )
        )
    return found


async def revoke(
    connection: AsyncConnection, client_ids: Sequence[ClientId], now_ms: int
) -> list[Any]:
    """Revoke clients, their certificates and their tokens. Returns (client_id, person_id) of
    those that were not revoked before."""
    revoked: list[Any] = []
    for part in chunks(client_ids):
        revoked += await connection.execute(
            update(clients)
            .where(clients.c.client_id.in_(part), clients.c.revoked_ms.is_(None))
            .values(revoked_ms=now_ms)
            .returning(clients.c.client_id, clients.c.person_id)
        )
        await connection.execute(
            update(certificates)
            .where(certificates.c.client_id.in_(part), certificates.c.revoked_ms.is_(None))
            .values(revoked_ms=now_ms)
        )
        await connection.execute(delete(tokens).where(tokens.c.client_id.in_(part)))
    return revoked


async def replace_token(
    connection: AsyncConnection, client_id: ClientId, token_hash: str, now_ms: int
) -> None:
    """Give a client its only access token."""
    await connection.execute(delete(tokens).where(tokens.c.client_id == client_id))
    await connection.execute(
        insert(tokens).values(token_hash=token_hash, client_id=client_id, created_ms=now_ms)
    )


async def token_owner(connection: AsyncConnection, token_hash: str) -> Any | None:
    """Return the unrevoked client that an access token belongs to."""
    found = await connection.execute(
        select(clients)
        .join(tokens, tokens.c.client_id == clients.c.client_id)
        .where(tokens.c.token_hash == token_hash, clients.c.revoked_ms.is_(None))
    )
    return found.first()


async def set_last_seen(connection: AsyncConnection, seen: Mapping[ClientId, int]) -> None:
    """Store when clients were last seen."""
    if seen:
        await connection.execute(
            update(clients)
            .where(clients.c.client_id == bindparam("client"))
            .values(last_seen_ms=bindparam("seen")),
            [{"client": client, "seen": time} for client, time in seen.items()],
        )


# --- Trust ------------------------------------------------------------------------------------


async def trust_row(connection: AsyncConnection) -> Any | None:
    """Return the version of Trust and what it was computed for."""
    return (await connection.execute(select(trust))).first()


async def bump_trust(connection: AsyncConnection) -> None:
    """Let the version of Trust grow."""
    await connection.execute(update(trust).values(version=trust.c.version + 1))


async def set_issuing(connection: AsyncConnection, issuing_hash: str) -> None:
    """Record the issuing certificates; the version grows when they changed."""
    row = await trust_row(connection)
    if row is None:
        await connection.execute(insert(trust).values(id=1, version=1, issuing_hash=issuing_hash))
    elif row.issuing_hash != issuing_hash:
        await connection.execute(
            update(trust).values(version=trust.c.version + 1, issuing_hash=issuing_hash)
        )


async def revoked_serials(connection: AsyncConnection, now_ms: int) -> list[tuple[str, int]]:
    """Return revoked, unexpired certificates: (serial, when)."""
    found = await connection.execute(
        select(certificates.c.serial, certificates.c.revoked_ms)
        .where(certificates.c.revoked_ms.is_not(None), certificates.c.expires_ms > now_ms)
        .order_by(certificates.c.serial)
    )
    return [(row.serial, row.revoked_ms) for row in found]


# --- Demo outbox ------------------------------------------------------------------------------


async def add_demo_text(
    connection: AsyncConnection, number: str, message: str, now_ms: int
) -> None:
    """Store a text that a gateway would have sent; only the newest thousand are kept."""
    await connection.execute(
        insert(demo_outbox).values(number=number, text=message, sent_ms=now_ms)
    )
    newest = await connection.scalar(select(func.max(demo_outbox.c.id)))
    await connection.execute(delete(demo_outbox).where(demo_outbox.c.id < (newest or 0) - 1000))


async def demo_texts(connection: AsyncConnection, number: str | None) -> list[Any]:
    """Return the newest texts."""
    query = select(demo_outbox).order_by(demo_outbox.c.id.desc()).limit(100)
    if number is not None:
        query = query.where(demo_outbox.c.number == number)
    return list(await connection.execute(query))
