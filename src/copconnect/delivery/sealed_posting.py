"""Sealed messages into the log, and late seals.

Invariants: one message is one log entry and one row of seals, whatever the number of cells; it is
ordered against the commits of every cell by the conversation's row, which is held while it is
judged. What its own bytes say is checked before that. A refusal is rolled back, the seq with it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, LateSealWakeup, SealWantedWakeup
from copconnect.delivery import (
    key_store,
    leaf_store,
    log_store,
    sealed_rules,
    sealed_store,
    store,
)
from copconnect.delivery.accepting import AlreadyAccepted, check_known
from copconnect.delivery.parts import Parts, wakeup_of
from copconnect.delivery.sealed.format import SealedRefused
from copconnect.delivery.sealed.message import (
    Seal,
    SignedHeader,
    kem_of,
    read_header,
    read_seals,
    verify_message,
)
from copconnect.delivery.suites import SUITES
from copconnect.ids import AttachmentId, CellId, ConversationId, Epoch, Seq
from copconnect.principals import Caller

_ENCODER = msgspec.msgpack.Encoder()
_PAYLOAD = msgspec.msgpack.Decoder(wire.SealedPayload)


@dataclass(frozen=True, slots=True)
class _Post:
    """An upload whose bytes were read and fit each other; no state was looked at."""

    caller: Caller
    body: wire.PostSealed
    header: SignedHeader
    seals: Sequence[Seal]


class SealedPosting:
    """Orders sealed messages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._announcing: set[asyncio.Task[None]] = set()

    async def post(
        self, caller: Caller, conversation_id: ConversationId, body: wire.PostSealed
    ) -> wire.Accepted:
        """Append a message for every cell. Six statements, seven when a cell lacks a seal that
        whoever is in it now can open."""
        parts = self._parts
        post = _read(caller, conversation_id, body)
        attachment_ids = [AttachmentId(one) for one in body.attachment_ids]
        now_ms = parts.clock.now_ms()
        try:
            if attachment_ids:
                async with parts.database.transaction() as connection:
                    entry, graced = await connection.run_sync(_append, post, now_ms)
                    await parts.attachments.ready(connection, attachment_ids, conversation_id)
            else:
                entry, graced = await parts.database.write_at_once(
                    lambda connection: _append(connection, post, now_ms)
                )
        except AlreadyAccepted as already:
            return already.accepted
        # The sender's own entry comes first: it keeps the message's key from then on.
        self._announce(
            [
                wakeup_of(entry, [seal.data for seal in post.seals]),
                *(
                    SealWantedWakeup(
                        conversation_id=conversation_id,
                        cell_id=cell_id,
                        client_ids=[caller.client_id],
                    )
                    for cell_id in graced[:1]  # It brings all that are wanted.
                ),
            ]
        )
        return wire.Accepted(seq=entry.seq, sent_ms=entry.sent_ms, epoch=Epoch(0))

    def _announce(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Publish without keeping the sender waiting while tens of thousands of sockets are
        written to. What a crash keeps from being announced is found in the log."""
        task = asyncio.create_task(self._parts.bus.publish(wakeups))
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)

    async def close(self) -> None:
        """Wait for what is being announced."""
        await asyncio.gather(*self._announcing, return_exceptions=True)

    async def chain(self, caller: Caller, conversation_id: ConversationId) -> wire.SenderChain:
        """Return where the caller's client's chain ends."""
        async with self._parts.database.reading() as connection:
            await _require_placed(connection, caller, conversation_id)
            return await sealed_store.chain(connection, conversation_id, caller.client_id)

    # --- Late seals ---------------------------------------------------------------------------

    async def wanted(self, caller: Caller, conversation_id: ConversationId) -> wire.SealsWanted:
        """Return which of the caller's client's messages lack seals that it could make now."""
        async with self._parts.database.reading() as connection:
            await _require_placed(connection, caller, conversation_id)
            return await sealed_store.wanted(
                connection, conversation_id, caller.client_id, self._parts.clock.now_ms()
            )

    async def late(
        self, caller: Caller, conversation_id: ConversationId, seq: Seq, body: wire.LateSeals
    ) -> None:
        """Add seals to a message of the caller's client. Repeating it passes them on again: what
        kept the answer from the caller may have kept the wake-ups from everybody."""
        parts = self._parts
        now_ms = parts.clock.now_ms()
        async with parts.database.transaction() as connection:
            held = await store.hold(connection, [conversation_id])
            await _require_placed(connection, caller, conversation_id)
            entry = await log_store.entry_at(connection, conversation_id, seq)
            if entry is None or entry.kind != "sealed" or entry.sender != caller.client_id:
                raise errors.NotFound
            kem = kem_of(_PAYLOAD.decode(entry.payload).sealed)
            given = _read_seals(body.seals, kem)
            missing = await sealed_store.missing_cells(
                connection, conversation_id, seq, caller.client_id
            )
            cells = await key_store.states(connection, conversation_id, now_ms)
            late = sealed_rules.check_late_seals(
                given,
                missing,
                sealed_rules.needed(cells),
                held[0].last_seq,
            )
            stored = (await sealed_store.seals_of(connection, conversation_id, [seq]))[seq]
            before = read_seals(stored, kem)
            if late:
                # One under the key of the epoch before gives way: whoever comes to the entry by the
                # log is in the epoch after.
                by_cell = {one.cell_id: one.data for one in (*before, *late)}
                stored = b"".join(by_cell[cell_id] for cell_id in sorted(by_cell))
                await sealed_store.replace_seals(connection, conversation_id, seq, stored)
                await sealed_store.forget_missing(
                    connection, conversation_id, seq, [one.cell_id for one in late]
                )
        parts.tails.keep_seals(conversation_id, seq, stored)
        accepted = (one for one in given if one in late or one in before)
        await parts.bus.publish([_late_seal(conversation_id, seq, one) for one in accepted])


def _read(caller: Caller, conversation_id: ConversationId, body: wire.PostSealed) -> _Post:
    """Check what needs no state. Raises SealedInvalid."""
    try:
        header = read_header(body.sealed)
        if header.conversation_id != conversation_id:
            raise errors.SealedInvalid(reason="another conversation")
        seals = read_seals(body.seals, header.kem)
        verify_message(header, body.body, seals, body.certificate)
    except SealedRefused as refused:
        raise errors.SealedInvalid(reason=str(refused)) from refused
    return _Post(caller, body, header, seals)


def _read_seals(seals: bytes, kem: int) -> list[Seal]:
    try:
        return read_seals(seals, kem)
    except SealedRefused as refused:
        raise errors.SealedInvalid(reason=str(refused)) from refused


async def _require_placed(
    connection: AsyncConnection, caller: Caller, conversation_id: ConversationId
) -> None:
    if not await leaf_store.cells_of_client(connection, conversation_id, caller.client_id):
        raise errors.NotMember


def _append(
    connection: Connection, post: _Post, now_ms: int
) -> tuple[wire.LogEntry, Sequence[CellId]]:
    """Hold the conversation by taking its next seq, then judge and write; a refusal must roll
    back. Returns the entry with the cells whose seal is under the key of the epoch before."""
    header, caller = post.header, post.caller
    seq = sealed_store.advance(connection, header.conversation_id, now_ms)
    if seq is None:
        raise errors.NotMember
    incomplete, graced = _judge(connection, post, now_ms)
    payload = wire.SealedPayload(
        sealed=post.body.sealed,
        seal=None,
        certificate=post.body.certificate,
        proof=post.body.sender_proof,
        body=post.body.body,
    )
    entry = wire.LogEntry(
        conversation_id=header.conversation_id,
        seq=seq,
        kind="sealed",
        cell_id=None,
        epoch=None,
        sender=caller.client_id,
        entry_id=header.message_id,
        sent_ms=now_ms,
        payload=_ENCODER.encode(payload),
    )
    log_store.add_entries_at_once(connection, [entry])
    sealed_store.add_seals(connection, entry, post.body.seals)
    sealed_store.move_chain(connection, caller.client_id, header)
    if incomplete or graced:
        sealed_store.add_missing(connection, entry, graced)
    return entry, graced


def _judge(connection: Connection, post: _Post, now_ms: int) -> tuple[bool, Sequence[CellId]]:
    """Raise the first rule that refuses the message; return whether some cell gets no seal yet, and
    which get one under the key of the epoch before."""
    header = post.header
    standing = sealed_store.standing(connection, post.caller, header)
    check_known(standing.known, post.caller, "sealed")
    if not (standing.member and standing.placed):
        raise errors.NotMember
    if standing.who_may_post == "admins" and not standing.admin:
        raise errors.MayNotPost
    if standing.cells == 1:
        raise errors.WrongMode(cells=1)
    if header.kem != SUITES[standing.suite].kem:
        raise errors.SealedInvalid(reason="another KEM than the conversation's")
    sealed_rules.check_roster(header, post.body.sender_proof, standing.head, now_ms)
    sealed_rules.check_chain(header, standing.chain_seq, standing.chain_hash)
    cells = sealed_store.key_states(connection, header.conversation_id, now_ms)
    needed = sealed_rules.needed(cells)
    graced = sealed_rules.check_seals(post.seals, needed, now_ms, standing.last_seq)
    return len(needed) < len(cells), graced


def _late_seal(conversation_id: ConversationId, seq: Seq, seal: Seal) -> AnyWakeup:
    frame = wire.LateSeal(conversation_id=conversation_id, seq=seq, seal=seal.data)
    return LateSealWakeup(
        conversation_id=conversation_id, cell_id=seal.cell_id, frame=_ENCODER.encode(frame)
    )
