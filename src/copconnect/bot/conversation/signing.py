"""Signing a message: the newest head (S1), a usable key or a new one (S2, S3), header and body.

All of it is stored in one transaction before anything is posted (S5). Runs outside the
conversation's lock but for short steps, so that keys which come meanwhile are taken.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from copconnect import wire
from copconnect.bot.content import Order, decode
from copconnect.bot.context import Context
from copconnect.bot.conversation.keys import HeldKey
from copconnect.bot.conversation.place import HeadRefused, Newest, Place
from copconnect.bot.conversation.recipients import plan_for
from copconnect.bot.failures import NotPosted
from copconnect.bot.state.rows import OutgoingRow
from copconnect.ids import AttachmentId
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.message import LAST_ATTEMPT, LOG_START, MessageHeader
from copconnect.records.conversation.seals import join_seals
from copconnect.records.primitives.fields import Refused
from copconnect.sealing.keys import make_conversation_key, new_secret, seal_secret
from copconnect.sealing.messages import seal_message

_WAIT_S = 3.0  # S2: for a usable key that somebody else has made.
_LOOK_S = 0.15
_CELLS_S, _CELLS_LOOK_S = 10.0, 1.0  # S2: for the keys of cells.


@dataclass(slots=True)
class Doubts:
    """The server's refusals in one conversation, for the next try to heed."""

    stale_head: bool = False
    stale_keys: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new conversation key that is neither stored nor posted yet."""

    record: ConversationKey
    secret: bytes
    body: wire.PostKey


@dataclass(frozen=True, slots=True)
class _Using:
    key_id: bytes
    secret: bytes
    made: MadeKey | None


class Signing:
    """Signs messages. ``ask``: asks for a share of a conversation's key."""

    def __init__(self, context: Context, ask: Callable[[Place, bytes], None]) -> None:
        self._context = context
        self._ask = ask

    async def sign(self, place: Place, row: OutgoingRow, doubts: Doubts) -> OutgoingRow:
        """Return the message signed and stored. Raises HeadRefused, NotPosted
        (``too_many_attempts``), and what the API raises."""
        newest = await self.newest(place, doubts)
        using = await self._key(place, newest, doubts)
        async with place.lock:
            return self._store(place, row, newest, using)

    async def newest(self, place: Place, doubts: Doubts) -> Newest:
        """Return the newest head, asked anew where the server has said that it is another."""
        async with place.lock:
            newest = await place.newest(force=doubts.stale_head)
        doubts.stale_head = False
        return newest

    # --- S2 -------------------------------------------------------------------------------------

    async def _key(self, place: Place, newest: Newest, doubts: Doubts) -> _Using:
        held = await self._usable(place, newest, doubts)
        if held is not None:
            return held
        if await self._learn_newest(place, doubts):
            for _ in range(int(_WAIT_S / _LOOK_S)):
                held = await self._usable(place, newest, doubts)
                if held is not None:
                    return held
                await asyncio.sleep(_LOOK_S)
        waited = 0.0
        while True:
            made = await self.make_key(place, newest, patient=waited < _CELLS_S)
            if made is not None:
                return _Using(made.record.hash(), made.secret, made)
            await asyncio.sleep(_CELLS_LOOK_S)
            waited += _CELLS_LOOK_S
            held = await self._usable(place, newest, doubts)
            if held is not None:
                return held

    async def _usable(self, place: Place, newest: Newest, doubts: Doubts) -> _Using | None:
        """Return the newest usable key that the bot can open (S2)."""
        async with place.lock:
            log = place.row.log
            held = [
                one
                for one in place.keys.newest()
                if one.secret
                and one.key_id not in doubts.stale_keys
                and one.record.epoch >= newest.head.rekey_epoch
            ]
            for key in sorted(held, key=lambda one: one.record.order(), reverse=True):
                first = key.row.first_seq
                used = max(0, log.cursor - first + 1) if log is not None and first else 0
                try:
                    await self._prove_author(place, key)
                    now = self._context.time.require_now()
                    place.knowledge.view.check_usable_key(key.record, newest.head.epoch, now, used)
                except Refused:
                    continue
                return _Using(key.key_id, key.secret, None)
        return None

    async def _prove_author(self, place: Place, key: HeldKey) -> None:
        """Have the author's leaf under the record's head, and the author's records. Raises
        Refused (S2)."""
        knowledge, record = place.knowledge, key.record
        await knowledge.head(record.epoch)
        try:
            leaf, _ = knowledge.view.leaf(record.author, record.epoch, "S2")
        except Refused:
            proof = key.row.author_proof or None
            if proof is None:
                answer = await self._context.api.key(place.id, key.key_id)
                proof = answer.proof
            if proof is None:
                raise Refused("S2", "the author is not listed") from None
            leaf, _ = await knowledge.prove(record.epoch, record.author, proof, "S2")
            place.keys.author_proven(key, proof)
        now = self._context.time.require_now()
        await self._context.people.confirmed(leaf.person_id, record.author, now, "S2")

    async def _learn_newest(self, place: Place, doubts: Doubts) -> bool:
        """Ask for the newest usable key. Returns whether there is one, which may be on its way to
        the bot."""
        answer = await self._context.api.key(place.id, None)
        if answer.key is None:
            return False
        async with place.lock:
            try:
                held = place.keys.learn(answer.key.record, answer.key.seal)
            except Refused:
                return False
        if held.key_id in doubts.stale_keys:
            return False
        if not held.secret:
            self._ask(place, held.key_id)
        return True

    # --- S3 -------------------------------------------------------------------------------------

    async def make_key(self, place: Place, newest: Newest, *, patient: bool) -> MadeKey | None:
        """Return a new key, sealed to every listed confirmed device. Raises HeadRefused where the
        server's answers do not fit together."""
        context, head = self._context, newest.head
        try:
            head.check_sealing(context.people.trust.department)
            plan = await plan_for(context, place, head, patient=patient)
            if plan is None:
                return None
            identity = context.identity
            secret = new_secret()
            now = context.time.require_now()
            record = make_conversation_key(
                secret, identity.signer, head=head, author=identity.device, now=now
            )
            seals = []
            for key in plan.keys:
                seals.append(seal_secret(record, secret, key))
                await asyncio.sleep(0)  # A thousand seals take a second: others go on meanwhile.
        except Refused as error:
            raise HeadRefused(str(error)) from error
        body = wire.PostKey(record=record.encode(), seals=join_seals(seals), left_out=plan.left_out)
        return MadeKey(record, secret, body)

    # --- S5 -------------------------------------------------------------------------------------

    def _store(self, place: Place, row: OutgoingRow, newest: Newest, using: _Using) -> OutgoingRow:
        context, head, known = self._context, newest.head, place.row
        if row.attempt >= LAST_ATTEMPT:
            raise NotPosted("too_many_attempts")
        # Keys were looked for meanwhile: the stamp must still count (S1).
        if not context.time.is_still_newest(head, known.head_epoch):
            raise HeadRefused("the stamp of the newest head has expired")
        log = known.log
        draft = MessageHeader(
            conversation_id=bytes.fromhex(place.id),
            message_id=bytes.fromhex(row.message_id),
            sender=context.identity.device,
            seq=known.chain_seq + 1,
            attempt=row.attempt + 1,
            previous=known.chain_hash,
            key_id=using.key_id,
            epoch=head.epoch,
            head=head.hash(),
            log_position=0 if log is None else log.cursor,
            log_hash=LOG_START if log is None else log.hash,
            sent=context.time.require_now(),
        )
        message = seal_message(draft, using.secret, row.content, context.identity.signer)
        body = wire.PostMessage(
            message=message,
            attachment_ids=[AttachmentId(one) for one in row.attachment_ids],
            wakes=[],
            state=row.state,
            order=found.terms if isinstance(found := decode(row.content), Order) else None,
        )
        key = b"" if using.made is None else msgspec.msgpack.encode(using.made.body)
        signed = replace(row, attempt=draft.attempt, signed=msgspec.msgpack.encode(body), key=key)
        with context.stores.transaction():
            if using.made is not None:
                place.keys.made(using.made.record, using.made.secret)
            context.stores.outgoing.put(row.message_id, signed, place.id, place=row.order)
        return signed
