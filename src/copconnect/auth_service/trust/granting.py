"""Grants: a person's signed right over a part of the tree (docs/keys.md).

Invariants: a grant is stored only if its grantor had the right to make it when it was made, so that
all that rests on it counts; withdrawing is a grant that ends when it begins. A grant alone
confirms nobody and a withdrawal undoes nothing that was done before it, so no verdict
changes.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import GrantGiven, GrantWithdrawn
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.tables import grants
from copconnect.auth_service.trust import record_store
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.verdicts.holding import WHOLE, held_paths, in_force, root_admins
from copconnect.auth_service.trust.verdicts.judged_records import check_sent, parsed
from copconnect.auth_service.trust.verdicts.judging import Judge
from copconnect.database.engine import Transaction
from copconnect.ids import PersonId
from copconnect.principals import Signer
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.judging import grant_counts


class Granting:
    """Takes grants."""

    def __init__(self, deps: AuthDependencies, judge: Judge, changes: Changes) -> None:
        self._deps = deps
        self._judge = judge
        self._changes = changes

    async def give(
        self, connection: Transaction, by: Signer, data: bytes, taken_ms: int
    ) -> GrantGiven | GrantWithdrawn:
        """Store a grant or withdrawal by the signing device, in the caller's transaction.

        ``taken_ms``: when the server took it; one that waited for a second admin is dated by then.
        The caller checked the person's rights. Raises GrantInvalid.
        """
        record = parsed(Grant, data, errors.GrantInvalid)
        grantee = PersonId(record.person_id.hex())
        check_sent(record.grantor, by.device, record.created, taken_ms, errors.GrantInvalid)
        if grantee == by.person_id:
            raise errors.GrantInvalid(rule="E0", reason="to oneself")
        if await record_store.has(connection, grants, record.hash()):
            raise errors.GrantInvalid(rule="E0", reason="known already")
        if not record.withdraws and not await self._deps.people.active_people(
            connection, [grantee]
        ):
            raise errors.GrantInvalid(rule="E0", reason="no such person")
        await record_store.hold(connection, {grantee, by.person_id})
        trust = await self._judge.trust(connection, {grantee, by.person_id})
        try:
            trust.add_grant(record)
        except Refused as error:
            raise errors.GrantInvalid(rule=error.rule, reason=error.message) from error
        if not grant_counts(trust, record):
            raise errors.GrantInvalid(
                rule="E0", reason="not the grantor's to give, or not signed by the grantor"
            )
        await record_store.touch(connection, [grantee])
        await record_store.add(
            connection,
            grants,
            {
                "hash": record.hash(),
                "person_id": grantee,
                "grantor": record.grantor,
                "grantor_person_id": by.person_id,
                "path": record.path,
                "created_ms": record.created,
                "not_after_ms": record.not_after,
                "record": data,
            },
        )
        self._changes.tell(connection, [grantee])
        act = (
            GrantWithdrawn(grantee, record.path, record.created)
            if record.withdraws
            else GrantGiven(grantee, record.path, record.created, record.not_after)
        )
        await self._deps.audit.record(connection, by, act)
        return act

    async def held_paths(self, connection: AsyncConnection, person_id: PersonId) -> list[str]:
        """Return the unit paths over which a person has a grant in force; "" for a root admin."""
        return await held_paths(connection, person_id, self._deps.clock.now_ms())

    async def everybody_granted(self, connection: AsyncConnection) -> dict[PersonId, list[str]]:
        """Return the same of everybody who has any."""
        now = self._deps.clock.now_ms()
        newest = {
            (row.person_id, row.path): row for row in await record_store.all_grants(connection)
        }
        found: dict[PersonId, list[str]] = {}
        for row in in_force(newest.values(), now):
            found.setdefault(PersonId(row.person_id), []).append(row.path)
        return found | {one: [WHOLE] for one in await root_admins(connection)}

    async def made_since(
        self, connection: AsyncConnection, by: PersonId, since_ms: int
    ) -> set[PersonId]:
        """Return to whom somebody gave a grant, or whose device that person confirmed, since a
        time; without root admins, whom the offline root names."""
        found = await record_store.made_since(connection, by, since_ms)
        return found - await root_admins(connection)

    async def grants_to(self, person_id: str) -> wire.Grants:
        """Return every grant to a person, withdrawals included, the oldest first."""
        async with self._deps.database.reading() as connection:
            rows = await record_store.grants_to(connection, PersonId(person_id))
        return wire.Grants(grants=[row.record for row in rows])
