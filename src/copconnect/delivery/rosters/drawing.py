"""From people to leaves: which devices a roster shall list, and what differs from what it lists.

Statements here run inside the transaction that makes the head, after the people's names are held
(name_locks), so that no device is confirmed or revoked unnoticed meanwhile.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rules.rights import ANY_ISSUE, Barred, rights_of
from copconnect.delivery.rules.roster_plan import LeafEdit, PlacedLeaf, RosterLeaf
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.ids import PersonId
from copconnect.principals import ListedDevice
from copconnect.records.conversation.roster import LeafRights

MemberTerms = tuple[bool, int]  # Whether as an admin, and from when the person may read.


async def barred_of(
    connection: AsyncConnection, deps: DeliveryDependencies, people: Collection[PersonId]
) -> Barred:
    """Return which of these people may not send because of a sanction. One statement, and another
    where there are any."""
    bars = await deps.sanctions.bars(connection, people)
    return Barred(bars, await deps.sanctions.large_from(connection) if bars else 0)


def leaf_of(
    held: ConversationRow, device: ListedDevice, belonging: MemberTerms, barred: Barred
) -> RosterLeaf:
    """Return the leaf of a member's device."""
    admin, history_from_ms = belonging
    bar = barred.bar(device.person_id, held.kind, held.who_may_send, held.members)
    return RosterLeaf(
        device=device.device,
        client_id=device.client_id,
        person_id=device.person_id,
        history_from_ms=history_from_ms,
        rights=rights_of(held.who_may_send, admin=admin, barred=bar is not None),
    )


def issuers_of(listed: Iterable[PlacedLeaf]) -> set[PersonId]:
    """Return the people whose leaves may issue orders."""
    return {one.leaf.person_id for one in listed if one.leaf.rights & ANY_ISSUE}


def _with_rights(leaf: RosterLeaf, more: LeafRights | None) -> RosterLeaf:
    return replace(leaf, rights=leaf.rights | more) if more else leaf


def difference(
    held: ConversationRow,
    people: Mapping[PersonId, MemberTerms],
    devices: Iterable[ListedDevice],
    listed: Collection[PlacedLeaf],
    barred: Barred,
) -> LeafEdit:
    """Return what brings a roster up to date about some people.

    ``people``: the members among them; ``devices``: that may be listed; ``listed``: every
    current leaf of them all; ``barred``: the people who may not send. Rights to issue orders stay
    as they are listed: change.py judges them.
    """
    issuing = {one.leaf.person_id: one.leaf.rights & ANY_ISSUE for one in listed}
    wanted = {
        one.device: _with_rights(
            leaf_of(held, one, people[one.person_id], barred), issuing.get(one.person_id)
        )
        for one in devices
        if one.person_id in people
    }
    there = {one.leaf.device: one for one in listed}
    return LeafEdit(
        add=[leaf for device, leaf in sorted(wanted.items()) if device not in there],
        drop=[one for device, one in sorted(there.items()) if device not in wanted],
        alter=[
            PlacedLeaf(wanted[device], one.cell_id)
            for device, one in sorted(there.items())
            if device in wanted and wanted[device] != one.leaf
        ],
    )
