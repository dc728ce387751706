"""Conversations as their people see them: the stored view, with the calling device's roster state
and, where one conversation is asked for, its newest state message and its admins.

Statements do not grow with the conversations: one for the views, at most three for the proofs of
the calling device's leaves. Holds no state of its own.
"""

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.delivery.dependencies import Dependencies
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.store import log, views
from copconnect.delivery.store.views import View
from copconnect.ids import ConversationId
from copconnect.principals import Caller


async def conversations(
    connection: AsyncConnection, deps: Dependencies, caller: Caller
) -> list[wire.Conversation]:
    """Return every conversation of the caller's person."""
    return await _with_rosters(
        connection, deps, caller, await views.conversations_of(connection, caller)
    )


async def conversation(
    connection: AsyncConnection,
    deps: Dependencies,
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
    (shown,) = await _with_rosters(connection, deps, caller, found)
    state = None
    if shown.state_seq is not None and shown.roster is not None:
        entry = await log.at(connection, conversation_id, shown.state_seq)
        state = None if entry is None else entry.entry
    return msgspec.structs.replace(
        shown, state=state, admins=await views.admins_of(connection, conversation_id)
    )


async def _with_rosters(
    connection: AsyncConnection, deps: Dependencies, caller: Caller, found: list[View]
) -> list[wire.Conversation]:
    listed = [one for one in found if one.listed]
    heads = {(one.head.conversation_id, one.head.epoch): one.head for one in listed}
    asked = [(c, epoch, caller.device) for c, epoch in heads]
    proven = await prove(connection, deps.trees, asked, heads)
    shown: list[wire.Conversation] = []
    for one in found:
        c, head = one.head.conversation_id, one.head
        proof = proven.proofs.get((c, head.epoch, caller.device))
        roster = None
        if proof is not None:
            stamp = deps.stamps.of(c, head.hash)
            roster = wire.RosterState(head=head.head, stamp=stamp, proof=proof)
        shown.append(msgspec.structs.replace(one.conversation, roster=roster))
    return shown
