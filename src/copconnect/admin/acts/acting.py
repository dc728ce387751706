"""Takes signed acts and does them.

Invariants: an act, its row, its entry in the audit log and all that it changes are one transaction;
an act is done once, whatever is repeated; the rights of everybody who signs are judged in that
transaction, over everything that the act touches, while nobody else changes the data bank. An act
that needs a second admin waits in its row: it is tried out when it is taken, so that it waits only
if it could be done, and judged again when another person approves it.

States of a row: ``done``; ``waiting``, then ``done`` or ``refused``. A crash leaves the state
before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import budgets, errors, wire
from copconnect.admin import rules, store
from copconnect.admin.acts.approvers import Approvers, approvers
from copconnect.admin.acts.kind import ActHandler, Codes, RequestedAct, Touched
from copconnect.admin.acts.kinds import Kinds
from copconnect.admin.acts.previews import Previews, without_numbers
from copconnect.admin.rights import RightsTable
from copconnect.admin.signing import Sent, Signing, decoded, sent_by
from copconnect.audit import Audit
from copconnect.audit.acts import ActApproved, ActProposed, ActRefused
from copconnect.budgets import PEOPLE_CHANGED, PEOPLE_LEAVING, many_leave
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.directory.service import DirectoryService
from copconnect.ids import ActId, PersonId
from copconnect.principals import Caller, Signer
from copconnect.records.trust.admin_act import SignedAct
from copconnect.rights import WHOLE, Decided, HeldRights, decide

_PREVIEW = msgspec.json.Decoder(wire.ActPreview)


class Acting:
    """Does what admins ask for."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit: Audit,
        rights: RightsTable,
        kinds: Kinds,
        directory: DirectoryService,
        signing: Signing,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._rights = rights
        self._kinds = kinds
        self._directory = directory
        self._signing = signing
        self._previews = Previews(rights, directory)

    async def act(self, caller: Caller, body: wire.SubmitAct) -> wire.ActAnswer:
        """Do a signed act, or let it wait for a second admin; the same bytes again are answered as
        the first time.

        Raises ActInvalid, ActStale, ActDiffers, DeviceUnconfirmed, PresenceNeeded, PresenceInvalid,
        NotAllowed, NeedsAnother, EffectChanged, ActOver, NotFound, and what the act itself is
        refused with.
        """
        record = sent_by(caller, body)
        act = decoded(record.body)
        now = self._clock.now_ms()
        await self._make_ready(record, act)
        try:
            async with self._database.transaction() as connection:
                tag = _tag(act)
                if not await self._signing.begin(connection, caller, record, body.presence, tag):
                    return await self._known(connection, record)
                sent = Sent(record, body.presence)
                match act:
                    case wire.ApproveAct():
                        answer = await self._approve(connection, caller, sent, act)
                    case wire.RefuseAct():
                        answer = await self._refuse(connection, caller, sent, act)
                    case _:
                        answer = await self._first(connection, caller, sent, act, now)
                if answer.state == "waiting" or isinstance(act, wire.ApproveAct | wire.RefuseAct):
                    await self._tell_consoles(connection, caller)
        except errors.ImportTaken as error:
            await self._refused(caller, act, error)
            raise
        if answer.state == "done":
            await self._settle(act)
        return answer

    async def preview(self, caller: Caller, body: wire.PreviewAct) -> wire.ActPreview:
        """Return whom an act would touch. Raises ActInvalid, NotAllowed, NotFound, and as doing it
        would for somebody who has a part in it."""
        act = decoded(body.act)
        if isinstance(act, wire.ApproveAct | wire.RefuseAct):
            raise errors.ActInvalid(reason="an act about another act touches nobody by itself")
        kind = self._kinds.table[type(act)]
        if kind.make_ready is not None:
            await kind.make_ready(act)
        async with self._database.reading() as connection:
            touched = await self.judged(connection, caller, act)
            viewer = caller.person_id
            second = await self._needs_second(connection, act, touched, viewer)
            return await self._previews.of(connection, viewer, kind, touched, act, second=second)

    async def judged(self, connection: AsyncConnection, caller: Caller, act: wire.Act) -> Touched:
        """Return what an act would touch, if the caller may ask for it. Raises ActInvalid,
        NotAllowed, NotFound."""
        kind = self._kinds.table[type(act)]
        touched = await kind.touches(connection, act)
        await self._decide(connection, caller, [caller.person_id], kind, touched, act)
        return touched

    async def waiting(self, caller: Caller) -> wire.WaitingActs:
        """Return the acts that wait and that the caller may approve, or asked for. An act that the
        caller has a part in is not shown before it is done."""
        since_ms = self._clock.now_ms() - rules.ACT_WAITS_MS
        async with self._database.reading() as connection:
            held = await self._rights.of(connection, caller.person_id)
            rows, may = [], {}
            for row in await store.waiting(connection, since_ms):
                act = decoded(SignedAct.parse(row.record).body)
                kind = self._kinds.table[type(act)]
                own = row.person_id == caller.person_id
                if not own and held.lacking(kind.right, row.paths.split("\n")) is not None:
                    continue
                if not await _allowed(connection, caller.person_id, kind, act):
                    continue
                rows.append(row)
                may[row.act_id] = await self._approvers(
                    connection,
                    kind,
                    row.paths.split("\n"),
                    PersonId(row.person_id),
                    caller.person_id,
                )
            people = [PersonId(row.person_id) for row in rows]
            cards = await self._directory.cards(connection, people, caller.person_id)
        return wire.WaitingActs(
            acts=[
                wire.WaitingAct(
                    act_id=row.act_id,
                    record=row.record,
                    hash=row.hash.hex(),
                    by=cards[PersonId(row.person_id)],
                    people=row.people,
                    paths=row.paths.split("\n"),
                    made_ms=row.taken_ms,
                    expires_ms=row.taken_ms + rules.ACT_WAITS_MS,
                    own=row.person_id == caller.person_id,
                    approvers=may[row.act_id].some,
                    approver_count=may[row.act_id].count,
                    preview=_PREVIEW.decode(row.preview) if row.preview else None,
                )
                for row in rows
                if row.person_id in cards
            ]
        )

    async def _approvers(
        self,
        connection: AsyncConnection,
        kind: ActHandler,
        paths: Iterable[str],
        asker: PersonId,
        viewer: PersonId,
    ) -> Approvers:
        return await approvers(
            connection,
            self._rights,
            self._directory,
            kind,
            paths,
            asker=asker,
            viewer=viewer,
        )

    # --- One act ------------------------------------------------------------------------------

    async def _known(self, connection: Transaction, record: SignedAct) -> wire.ActAnswer:
        row = await store.lock_act(connection, record.act_id.hex())
        if row is None or row.hash != record.hash():
            raise errors.ActDiffers
        return _answer(record, row.state, row.entry)

    async def _make_ready(self, record: SignedAct, act: wire.Act) -> None:
        """Do what takes long before the transaction: of this act, or of the one that it approves.
        An act that was done before needs nothing."""
        async with self._database.reading() as connection:
            if await store.known(connection, record.act_id.hex()) is not None:
                return
            meant = await self._meant(connection, act, "waiting")
        kind = self._kinds.table.get(type(meant))
        if kind is not None and kind.make_ready is not None:
            await kind.make_ready(meant)

    async def _refused(self, caller: Caller, act: wire.Act, error: errors.ImportTaken) -> None:
        """Write a refusal that reveals facts about other people into the audit log, before it is
        answered."""
        async with self._database.reading() as connection:
            meant = await self._meant(connection, act, "waiting")
        kind = self._kinds.table.get(type(meant))
        if kind is not None and kind.refused is not None:
            await kind.refused(caller, meant, error)

    async def _settle(self, act: wire.Act) -> None:
        """Do what follows the commit of this act, or of the one that it approved."""
        async with self._database.reading() as connection:
            meant = await self._meant(connection, act, "done")
        kind = self._kinds.table.get(type(meant))
        if kind is not None and kind.settle is not None:
            await kind.settle(meant)

    async def _tell_consoles(self, connection: Transaction, caller: Caller) -> None:
        """Tell everybody for whom the console opens that other acts wait now."""
        people = {caller.person_id, *await self._rights.everybody_granted(connection)}
        connection.after_commit(
            AccountWakeup(event="acts", person_ids=sorted(people), client_ids=[])
        )

    async def _meant(
        self, connection: AsyncConnection, act: wire.Act, state: wire.ActState
    ) -> wire.Act:
        """Return the act that an approval is about, in this state, and any other act itself."""
        if not isinstance(act, wire.ApproveAct):
            return act
        row = await store.known(connection, act.act_id)
        if row is None or row.state != state:
            return act
        return decoded(SignedAct.parse(row.record).body)

    async def _first(
        self,
        connection: Transaction,
        caller: Caller,
        sent: Sent,
        act: wire.Act,
        now_ms: int,
    ) -> wire.ActAnswer:
        record = sent.record
        kind = self._kinds.table[type(act)]
        touched = await kind.touches(connection, act)
        by = _signer(caller.person_id, sent, touched)
        permit = await self._decide(connection, by, [caller.person_id], kind, touched, act)
        asked = RequestedAct(by, permit, act, now_ms)
        state: wire.ActState = "done"
        codes: Codes = None
        if await self._needs_second(connection, act, touched, caller.person_id):
            await _try_out(connection, kind, asked)
            seen = ""
            if kind.allows is None:
                shown = await self._previews.of(
                    connection, caller.person_id, kind, touched, act, second=True
                )
                seen = msgspec.json.encode(without_numbers(shown)).decode()
            act_id, people = record.act_id.hex(), touched.people
            await store.touched(connection, act_id, people, touched.paths, seen)
            proposal = ActProposed(record.act_id.hex(), _tag(act), touched.people)
            # The signed act names the person whom a case is about, who may read this part's log.
            by = by if kind.allows is None else replace(by, path=WHOLE)
            entry = await self._audit.record(connection, by, proposal)
            state = "waiting"
        else:
            codes = await kind.perform(connection, asked)
            await self._remember(connection, caller.person_id, touched)
            if touched.changes:
                spender, many = caller.person_id, len(touched.changes)
                await budgets.count(connection, PEOPLE_CHANGED, spender, many, now_ms)
            entry, _ = await self._audit.head(connection)
        await store.finish(connection, record.act_id.hex(), state, entry)
        return _answer(record, state, entry, codes)

    async def _approve(
        self, connection: Transaction, caller: Caller, sent: Sent, asked: wire.ApproveAct
    ) -> wire.ActAnswer:
        record = sent.record
        row = await self._waiting_row(connection, asked)
        if row.person_id == caller.person_id:
            raise errors.NeedsAnother(reason="oneself")
        first = SignedAct.parse(row.record)
        # A device that was lost since, or an admin who was, does nothing by a waiting act.
        await self._signing.check_signature(connection, first)
        act = decoded(first.body)
        kind = self._kinds.table[type(act)]
        touched = await kind.touches(connection, act)
        asker = PersonId(row.person_id)
        by = _signer(asker, Sent(first, row.presence), touched)
        second = caller.person_id
        permit = await self._decide(connection, by, [second, asker], kind, touched, act)
        if kind.shown is not None:
            await kind.shown(connection, permit.held[0], act)
        await self._require_another(connection, kind, touched, asker, second, permit.held)
        if kind.allows is None and asked.shown != await self._previews.effect(
            connection, touched, act
        ):
            raise errors.EffectChanged
        codes = await kind.perform(connection, RequestedAct(by, permit, act, row.taken_ms, second))
        await self._remember(connection, asker, touched)
        entry, _ = await self._audit.head(connection)
        await store.finish(connection, row.act_id, "done", entry)
        approver = _signer(caller.person_id, sent, touched)
        approval = ActApproved(row.act_id, row.hash.hex())
        entry = await self._audit.record(connection, approver, approval)
        await store.finish(connection, record.act_id.hex(), "done", entry)
        return _answer(record, "done", entry, codes)

    async def _refuse(
        self, connection: Transaction, caller: Caller, sent: Sent, asked: wire.RefuseAct
    ) -> wire.ActAnswer:
        record = sent.record
        row = await self._waiting_row(connection, asked)
        paths = frozenset(row.paths.split("\n"))
        touched = Touched(paths, row.people, [])
        if row.person_id != caller.person_id:
            act = decoded(SignedAct.parse(row.record).body)
            kind = self._kinds.table[type(act)]
            signed = Sent(SignedAct.parse(row.record), row.presence)
            first = _signer(PersonId(row.person_id), signed, touched)
            await self._decide(connection, first, [caller.person_id], kind, touched, act)
        by = _signer(caller.person_id, sent, touched)
        refusal = ActRefused(row.act_id, row.hash.hex(), asked.reason)
        entry = await self._audit.record(connection, by, refusal)
        await store.finish(connection, row.act_id, "refused", entry)
        await store.finish(connection, record.act_id.hex(), "done", entry)
        return _answer(record, "done", entry)

    async def _waiting_row(
        self, connection: Transaction, asked: wire.ApproveAct | wire.RefuseAct
    ) -> Any:
        row = await store.lock_act(connection, asked.act_id)
        if row is None:
            raise errors.NotFound
        if row.state != "waiting" or row.taken_ms + rules.ACT_WAITS_MS < self._clock.now_ms():
            raise errors.ActOver
        if row.hash.hex() != asked.hash:
            raise errors.ActDiffers
        return row

    async def _decide(
        self,
        connection: AsyncConnection,
        by: Signer | Caller,
        people: Sequence[PersonId],
        kind: ActHandler,
        touched: Touched,
        act: wire.Act,
    ) -> Decided:
        """Return the permit for what somebody asks for. ``people``: all of whom must have the
        rights: the asker, and who approves it or refuses it. Raises NotAllowed, ActInvalid."""
        held = [await self._rights.of(connection, one) for one in people]
        changes, paths = touched.changes, touched.paths
        permit = decide(by, by.person_id, held, kind.right, paths, changes)
        if kind.allows is not None:
            for one in people:
                await kind.allows(connection, one, act)
        return permit

    async def _needs_second(
        self, connection: AsyncConnection, act: wire.Act, touched: Touched, asker: PersonId
    ) -> bool:
        """Return whether a second admin must agree: to this act, or because of all that the asker
        did alone within a day."""
        if act.always_second or touched.second:
            return True
        now_ms = self._clock.now_ms()
        force = await self._directory.count_people(connection)
        people, leaving = len(touched.changes), touched.leaving
        if people:
            people += await budgets.spent(connection, PEOPLE_CHANGED, asker, now_ms)
        if leaving:
            leaving += await budgets.spent(connection, PEOPLE_LEAVING, asker, now_ms)
        return rules.needs_second(max(people, touched.people), force) or many_leave(leaving, force)

    async def _require_another(
        self,
        connection: AsyncConnection,
        kind: ActHandler,
        touched: Touched,
        asker: PersonId,
        second: PersonId,
        held: Sequence[HeldRights],
    ) -> None:
        """Raise NeedsAnother for somebody whom the asker made, or who is below the asker.
        ``held``: the rights of the second and of the asker."""
        if second in await self._rights.made_by(connection, asker):
            raise errors.NeedsAnother(reason="made")
        path = rules.common(touched.paths)
        theirs, own = (one.covering(kind.right, path) for one in held)
        if rules.below(theirs, own):
            raise errors.NeedsAnother(reason="below")

    async def _remember(self, connection: Transaction, asker: PersonId, touched: Touched) -> None:
        made = [one.person_id for one in touched.changes if one.made]
        if made:
            await store.remember_made(connection, asker, made, self._clock.now_ms())


async def _allowed(
    connection: AsyncConnection, person_id: PersonId, kind: ActHandler, act: wire.Act
) -> bool:
    """Return whether somebody who has the right may ask for this act or approve it."""
    try:
        if kind.allows is not None:
            await kind.allows(connection, person_id, act)
    except errors.CopConnectError:
        return False
    return True


async def _try_out(connection: Transaction, kind: ActHandler, asked: RequestedAct) -> None:
    """Do an act and undo it: it raises what doing it would."""
    wakeups = len(connection.wakeups)
    attempt = await connection.begin_nested()
    try:
        await kind.perform(connection, asked)
    finally:
        await attempt.rollback()
        del connection.wakeups[wakeups:]


def _signer(person_id: PersonId, sent: Sent, touched: Touched) -> Signer:
    return sent.signer(person_id, rules.common(touched.paths))


def _tag(act: wire.Act) -> str:
    return str(type(act).__struct_config__.tag)


def _answer(
    record: SignedAct, state: wire.ActState, entry: int, codes: Codes = None
) -> wire.ActAnswer:
    return wire.ActAnswer(
        act_id=ActId(record.act_id.hex()), state=state, entry=entry, codes=codes or []
    )
