"""Conversations as their people see them: the stored view, with the calling device's roster state
and, where one conversation is asked for, its newest state message and its admins.

Statements do not grow with the conversations: one for the views, at most three for the proofs of
the calling device's leaves. Stateless.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.store import log, views
from copconnect.delivery.store.views import StoredView
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Caller


async def conversations(
    connection: AsyncConnection, deps: DeliveryDependencies, caller: Caller
) -> list[wire.Conversation]:
    """Return every conversation of the caller's person."""
    found = await views.conversations_of(connection, caller)
    return await with_rosters(connection, deps, [(caller.device, one) for one in found])


async def conversation(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    caller: Caller,
    conversation_id: ConversationId,
    *,
    even_if_left: bool = False,
) -> wire.Conversation:
    """Return one conversation. Raises NotMember."""
    found = await views.conversations_of(
        connection, caller, conversation_id, even_if_left=even_if_left
    )
    if not found:
        raise errors.NotMember
    (shown,) = await with_rosters(connection, deps, [(caller.device, one) for one in found])
    admins, state = await admins_and_state(connection, shown)
    return msgspec.structs.replace(
        shown, state=None if shown.roster is None else state, admins=admins
    )


async def admins_and_state(
    connection: AsyncConnection, shown: wire.Conversation
) -> tuple[list[PersonId], wire.LogEntry | None]:
    """Return a conversation's admins and its newest state message."""
    entry, c = None, shown.conversation_id
    if shown.state_seq is not None:
        entry = await log.at(connection, c, shown.state_seq)
    return await views.admins_of(connection, c), None if entry is None else entry.entry


async def with_rosters(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    found: Sequence[tuple[bytes, StoredView]],
) -> list[wire.Conversation]:
    """Return conversations with the proofs of the devices that they are shown to."""
    listed = [(device, one.head) for device, one in found if one.listed]
    heads = {(head.conversation_id, head.epoch): head for _, head in listed}
    asked = [(head.conversation_id, head.epoch, device) for device, head in listed]
    proven = await prove(connection, deps.trees, asked, heads)
    shown: list[wire.Conversation] = []
    for device, one in found:
        c, head = one.head.conversation_id, one.head
        proof = proven.proofs.get((c, head.epoch, device))
        roster = None
        if proof is not None:
            stamp = deps.stamps.of(c, head.hash)
            roster = wire.RosterState(head=head.head, stamp=stamp, proof=proof)
        shown.append(msgspec.structs.replace(one.conversation, roster=roster))
    return shown
