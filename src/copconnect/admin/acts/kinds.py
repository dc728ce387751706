"""The kinds of acts: which right each needs, what it touches, and the service that does it.

A new act is a struct of :mod:`copconnect.wire.admin`, which names its outcome, and a row here; a
test fails where one of them is missing.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin.acts.kind import SAMPLE, ActHandler, Codes, RequestedAct, Touched
from copconnect.admin.rights import RightsTable
from copconnect.auth_service.service import AuthService
from copconnect.database.engine import Transaction
from copconnect.delivery.rosters.department import DepartmentGroups
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.postings.planned import PlannedTransfers
from copconnect.directory.postings.planning import Planning
from copconnect.directory.postings.transfers import Transfers
from copconnect.directory.reorganising.looking import ReorganisationReach
from copconnect.directory.reorganising.service import Reorganiser
from copconnect.directory.service import DirectoryService
from copconnect.ids import ConversationId, PersonId, PostId, UnitId
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.revocation import Revocation
from copconnect.rights import WHOLE, PersonChange


class Kinds:
    """All kinds, by the type of the act; those about other acts are in ``acting.py``. ``more``:
    kinds of other files."""

    def __init__(
        self,
        directory: DirectoryService,
        editor: DirectoryEditor,
        transfers: Transfers,
        planned: PlannedTransfers,
        reorganiser: Reorganiser,
        auth: AuthService,
        groups: DepartmentGroups,
        rights: RightsTable,
        more: Mapping[type[wire.AdminAct], ActHandler],
    ) -> None:
        self._directory = directory
        self._editor = editor
        self._transfers = transfers
        self._planned = planned
        self._reorganiser = reorganiser
        self._auth = auth
        self._planning = Planning()
        self._groups = groups
        self._rights = rights
        self.table: dict[type[wire.AdminAct], ActHandler] = {
            wire.SuspendPerson: ActHandler("manage_people", self._touches_person, self._suspend),
            wire.RestorePerson: ActHandler("manage_people", self._touches_person, self._restore),
            wire.TransferPerson: ActHandler("manage_people", self._touches_place, self._transfer),
            wire.PlanTransfer: ActHandler("manage_people", self._touches_place, self._plan),
            wire.CancelTransfer: ActHandler("manage_people", self._touches_planned, self._cancel),
            wire.AbolishPost: ActHandler("manage_units", self._touches_post, self._abolish),
            wire.RestorePost: ActHandler(
                "manage_units", self._touches_former_post, self._restore_post
            ),
            wire.GiveCharge: ActHandler("manage_people", self._touches_place, self._give_charge),
            wire.EndCharge: ActHandler("manage_people", self._touches_charge, self._end_charge),
            wire.ReorganiseUnits: ActHandler("manage_units", self._touches_tree, self._reorganise),
            wire.UndoReorganisation: ActHandler(
                "manage_units", self._touches_tree_again, self._undo_reorganisation
            ),
            wire.MakeEnrolmentCodes: ActHandler("enrol", self._touches_people, self._make_codes),
            wire.RevokeDevice: ActHandler("revoke_devices", self._touches_device, self._revoke),
            wire.GiveGrant: ActHandler("give_grants", self._touches_units, self._give),
            wire.WithdrawGrant: ActHandler("give_grants", self._touches_unit, self._withdraw),
            wire.SetRights: ActHandler("give_grants", self._touches_all, self._set_rights),
            wire.SetGroupPolicy: ActHandler(
                "manage_groups", self._touches_policy, self._set_policy
            ),
            wire.CreateGroup: ActHandler(
                "manage_groups", self._touches_rule, self._create_group, settle=self._settle
            ),
            wire.ChangeGroup: ActHandler(
                "manage_groups", self._touches_both, self._change_group, settle=self._settle
            ),
            wire.EndGroup: ActHandler(
                "manage_groups", self._touches_group, self._end_group, settle=self._settle
            ),
            wire.EnrolAuthenticator: ActHandler(
                "confirm_devices", self._touches_person, self._enrol
            ),
            **more,
        }

    # --- What they touch ----------------------------------------------------------------------

    async def _people(
        self,
        connection: AsyncConnection,
        person_ids: Sequence[PersonId],
        into: frozenset[str] = frozenset(),
    ) -> Touched:
        """People are touched in their units, in the units that they join (``into``), and over the
        units of their grants. Raises NotFound."""
        rights_bases = await self._directory.rights_bases(connection, person_ids)
        present = {one: each for one, each in rights_bases.items() if each.status != "removed"}
        if present.keys() != set(person_ids):
            raise errors.NotFound
        return _touched(
            [
                PersonChange(
                    one,
                    into | {each.path},
                    frozenset(await self._auth.granting.held_paths(connection, one)),
                    charged=each.charged,
                )
                for one, each in present.items()
            ]
        )

    async def _touches_people(
        self, connection: AsyncConnection, act: wire.MakeEnrolmentCodes
    ) -> Touched:
        touched = await self._people(connection, [PersonId(one) for one in act.person_ids])
        changes = [replace(one, made=True) for one in touched.changes]
        return replace(touched, changes=changes)

    async def _touches_person(
        self,
        connection: AsyncConnection,
        act: wire.SuspendPerson | wire.RestorePerson | wire.EnrolAuthenticator,
    ) -> Touched:
        touched = await self._people(connection, [PersonId(act.person_id)])
        leaving = int(isinstance(act, wire.SuspendPerson))
        return replace(touched, leaving=leaving)

    async def _touches_device(self, connection: AsyncConnection, act: wire.RevokeDevice) -> Touched:
        """A lost device may be the admin's own: that changes nothing of the person."""
        touched = await self._people(connection, [PersonId(act.person_id)])
        return replace(touched, changes=[])

    async def _touches_place(
        self,
        connection: AsyncConnection,
        act: wire.TransferPerson | wire.PlanTransfer | wire.GiveCharge,
    ) -> Touched:
        """A transfer touches the unit that the person leaves and the one that they come to."""
        path = await self._path(
            connection, await self._transfers.unit_of_place(connection, act.place)
        )
        return await self._people(connection, [PersonId(act.person_id)], frozenset({path}))

    async def _touches_planned(
        self, connection: AsyncConnection, act: wire.CancelTransfer
    ) -> Touched:
        """The admin of the unit that the person would leave may cancel a transfer."""
        if await self._planned.one(connection, act.planned_id) is None:
            raise errors.NotFound
        return await self._people(connection, [PersonId(act.person_id)])

    async def _touches_post(self, connection: AsyncConnection, act: wire.AbolishPost) -> Touched:
        post_id = PostId(act.post_id)
        path = await self._path(
            connection, await self._transfers.unit_of_place(connection, post_id)
        )
        asked = await self._groups.count_with_post(connection, post_id)
        return Touched(frozenset({path}), 0, [], conversations=asked)

    async def _touches_former_post(
        self, connection: AsyncConnection, act: wire.RestorePost
    ) -> Touched:
        unit_id = await self._transfers.unit_of_abolished(connection, PostId(act.post_id))
        return Touched(frozenset({await self._path(connection, unit_id)}), 0, [])

    async def _path(self, connection: AsyncConnection, unit_id: UnitId) -> str:
        path = await self._directory.path_of(connection, unit_id)
        if path is None:
            raise errors.PlaceInvalid(reason="no such unit", unit_id=unit_id)
        return path

    async def _touches_policy(
        self, connection: AsyncConnection, act: wire.SetGroupPolicy
    ) -> Touched:
        """The policy is the whole department's."""
        changes, people = await self._planning.policy_changes(connection, act.policy)
        return Touched(frozenset({WHOLE}), people, [], policy=changes)

    async def _touches_charge(self, connection: AsyncConnection, act: wire.EndCharge) -> Touched:
        """The admin of the unit where a charge is held may end it, even if another person holds
        it."""
        unit_id = await self._transfers.unit_of_charge(connection, act.posting_id)
        path = unit_id and await self._directory.path_of(connection, unit_id)
        if not path:
            raise errors.NotFound
        return _touched([PersonChange(PersonId(act.person_id), frozenset({path}))])

    async def _touches_tree(
        self, connection: AsyncConnection, act: wire.ReorganiseUnits
    ) -> Touched:
        reach = await self._reorganiser.reach(connection, act.steps)
        return await self._rearranged(connection, reach)

    async def _touches_tree_again(
        self, connection: AsyncConnection, act: wire.UndoReorganisation
    ) -> Touched:
        reach = await self._reorganiser.reach(connection, [], act.number)
        return await self._rearranged(connection, reach)

    async def _rearranged(self, connection: AsyncConnection, reach: ReorganisationReach) -> Touched:
        """People whose posts go to another unit are touched as by transfers."""
        granted = await self._auth.granting.everybody_granted(connection)
        changes = [
            PersonChange(one, reach.paths, frozenset(granted.get(one, ()))) for one in reach.some
        ]
        paths = reach.paths | _touched(changes).paths
        return Touched(paths, reach.people, reach.some, changes=changes)

    async def _touches_units(self, connection: AsyncConnection, act: wire.GiveGrant) -> Touched:
        if not await self._directory.has_unit(connection, act.path):
            raise errors.NotFound
        below = await self._directory.count_people(connection, [act.path])
        return Touched(frozenset({act.path}), below, [PersonId(act.person_id)])

    async def _touches_unit(self, _: AsyncConnection, act: wire.WithdrawGrant) -> Touched:
        """The unit may be gone, and taking a right back never waits."""
        return Touched(frozenset({act.path}), 1, [PersonId(act.person_id)])

    async def _touches_all(self, connection: AsyncConnection, act: wire.SetRights) -> Touched:
        """A rights table is everybody's, and two people answer for it. One that could not hold is
        refused before it touches anybody."""
        await self._rights.check(connection, act.rules)
        everybody = await self._directory.count_people(connection)
        return Touched(frozenset({WHOLE}), everybody, [])

    async def _touches_rule(self, connection: AsyncConnection, act: wire.CreateGroup) -> Touched:
        return await self._reach_of(connection, act.rule)

    async def _touches_both(self, connection: AsyncConnection, act: wire.ChangeGroup) -> Touched:
        """The people of the former rule and of the new one are touched."""
        former = await self._touches_group(connection, act)
        new = await self._reach_of(connection, act.rule)
        return Touched(former.paths | new.paths, max(former.people, new.people), new.some)

    async def _touches_group(
        self, connection: AsyncConnection, act: wire.ChangeGroup | wire.EndGroup
    ) -> Touched:
        c = ConversationId(act.conversation_id)
        return await self._reach_of(connection, await self._groups.rule_of(connection, c))

    async def _reach_of(self, connection: AsyncConnection, rule: wire.Audience) -> Touched:
        await self._directory.require_valid(connection, rule)
        paths = await self._planning.paths_of(connection, rule)
        some = await self._planning.sample(connection, rule, SAMPLE)
        return Touched(paths, await self._planning.count(connection, rule), some)

    # --- Performing ---------------------------------------------------------------------------

    async def _suspend(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.SuspendPerson = asked.act
        person_id = PersonId(act.person_id)
        await self._editor.set_status(connection, asked.permit, person_id, "suspended", act.reason)

    async def _restore(self, connection: Transaction, asked: RequestedAct) -> None:
        person_id = PersonId(asked.act.person_id)
        await self._editor.set_status(connection, asked.permit, person_id, "active")

    async def _transfer(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.TransferPerson = asked.act
        person_id = PersonId(act.person_id)
        await self._transfers.transfer(connection, asked.permit, person_id, act.place, act.rank)

    async def _plan(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.PlanTransfer = asked.act
        person_id = PersonId(act.person_id)
        await self._planned.plan(connection, asked.permit, person_id, act.place, act.rank, act.on)

    async def _cancel(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.CancelTransfer = asked.act
        await self._planned.cancel(
            connection, asked.permit, PersonId(act.person_id), act.planned_id
        )

    async def _abolish(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._transfers.abolish(connection, asked.permit, PostId(asked.act.post_id))

    async def _restore_post(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._transfers.restore_post(connection, asked.permit, PostId(asked.act.post_id))

    async def _set_policy(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._editor.write_group_policy(connection, asked.permit, asked.act.policy)

    async def _give_charge(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.GiveCharge = asked.act
        person_id = PersonId(act.person_id)
        await self._transfers.give_charge(
            connection, asked.permit, person_id, act.place, act.charge
        )

    async def _end_charge(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.EndCharge = asked.act
        person_id = PersonId(act.person_id)
        await self._transfers.end_charge(connection, asked.permit, person_id, act.posting_id)

    async def _reorganise(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._reorganiser.reorganise(connection, asked.permit, asked.act.steps)

    async def _undo_reorganisation(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._reorganiser.undo(connection, asked.permit, asked.act.number)

    async def _make_codes(self, connection: Transaction, asked: RequestedAct) -> Codes:
        people = [PersonId(one) for one in asked.act.person_ids]
        if len(set(people)) != len(people):
            raise errors.ActInvalid(reason="somebody twice")
        codes = await self._auth.administering.make_codes(connection, asked.permit, people)
        return [
            wire.EnrolmentCode(person_id=one, code=code)
            for one, code in zip(people, codes, strict=True)
        ]

    async def _revoke(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.RevokeDevice = asked.act
        data = _bytes(act.revocation)
        try:
            record = Revocation.parse(data)
        except Refused as error:
            raise errors.RevocationInvalid(rule=error.rule, reason=error.message) from error
        if record.device.hex() != act.device:
            raise errors.ActInvalid(reason="the revocation is of another device")
        await self._auth.revoking.by_admin(connection, asked.by, PersonId(act.person_id), data)

    async def _give(self, connection: Transaction, asked: RequestedAct) -> None:
        if _grant(asked.act).withdraws:
            raise errors.ActInvalid(reason="the grant is a withdrawal")
        await self._auth.granting.give(
            connection, asked.by, _bytes(asked.act.grant), asked.taken_ms
        )

    async def _withdraw(self, connection: Transaction, asked: RequestedAct) -> None:
        if not _grant(asked.act).withdraws:
            raise errors.ActInvalid(reason="the grant is no withdrawal")
        await self._auth.granting.give(
            connection, asked.by, _bytes(asked.act.grant), asked.taken_ms
        )

    async def _set_rights(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._rights.set(connection, asked.by, asked.act.rules)

    async def _create_group(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._groups.create(connection, asked.by, asked.act)

    async def _change_group(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._groups.change(connection, asked.by, asked.act)

    async def _end_group(self, connection: Transaction, asked: RequestedAct) -> None:
        c = ConversationId(asked.act.conversation_id)
        await self._groups.end(connection, asked.by, c)

    async def _settle(self, act: wire.CreateGroup | wire.ChangeGroup | wire.EndGroup) -> None:
        await self._groups.settle(ConversationId(act.conversation_id))

    async def _enrol(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.EnrolAuthenticator = asked.act
        person_id, data = PersonId(act.person_id), _bytes(act.authenticator)
        await self._auth.authenticators.enrol(connection, asked.by, person_id, data)


def _touched(changes: Sequence[PersonChange]) -> Touched:
    paths = frozenset(path for change in changes for path in change.touched)
    return Touched(paths, len(changes), [one.person_id for one in changes], changes=changes)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise errors.ActInvalid(reason="base64") from error


def _grant(act: wire.GiveGrant | wire.WithdrawGrant) -> Grant:
    """Return the grant inside, which is about the person and the unit that the act names."""
    try:
        record = Grant.parse(_bytes(act.grant))
    except Refused as error:
        raise errors.GrantInvalid(rule=error.rule, reason=error.message) from error
    if (record.person_id.hex(), record.path) != (act.person_id, act.path):
        raise errors.ActInvalid(reason="the grant is about something else")
    return record
