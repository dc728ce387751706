"""Grants: a person's signed right over a part of the tree (KEYS.md section 3).

Invariants: a grant is stored only if its grantor had the right to make it when it was made, so that
all that rests on it counts; withdrawing is a grant that ends when it begins. A grant confirms
nobody by itself and a withdrawal undoes nothing that was done before it, so no verdict changes.
"""

from copconnect import errors, wire
from copconnect.audit.acts import GrantGiven
from copconnect.auth_service.dependencies import Dependencies
from copconnect.auth_service.tables import grants
from copconnect.auth_service.trust import record_store
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.verdicts.judged_records import check_sent, parsed
from copconnect.auth_service.trust.verdicts.judging import Judge
from copconnect.ids import PersonId
from copconnect.principals import Caller
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.judging import grant_counts


class Granting:
    """Takes grants."""

    def __init__(self, deps: Dependencies, judge: Judge, changes: Changes) -> None:
        self._deps = deps
        self._judge = judge
        self._changes = changes

    async def grant(self, caller: Caller, body: wire.PostGrant) -> None:
        """Store a grant or withdrawal by the calling device. Raises GrantInvalid."""
        record = parsed(Grant, body.grant, errors.GrantInvalid)
        now = self._deps.clock.now_ms()
        grantee = PersonId(record.person_id.hex())
        async with self._deps.database.transaction() as connection:
            if await record_store.has(connection, grants, record.hash()):
                return
            check_sent(record.grantor, caller.device, record.created, now, errors.GrantInvalid)
            if not await self._deps.people.active_people(connection, [grantee]):
                raise errors.GrantInvalid(rule="E0", reason="no such person")
            await record_store.hold(connection, {grantee, caller.person_id})
            trust = await self._judge.trust(connection, {grantee, caller.person_id})
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
                    "grantor_person_id": caller.person_id,
                    "path": record.path,
                    "created_ms": record.created,
                    "not_after_ms": record.not_after,
                    "record": body.grant,
                },
            )
            self._changes.tell(connection, [grantee])
            act = GrantGiven(grantee, record.path, record.created, record.not_after)
            await self._deps.audit.record(connection, caller, act)

    async def grants_to(self, person_id: str) -> wire.Grants:
        """Return every grant to a person, withdrawals included, the oldest first."""
        async with self._deps.database.reading() as connection:
            rows = await record_store.grants_to(connection, PersonId(person_id))
        return wire.Grants(grants=[row.record for row in rows])
