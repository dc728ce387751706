"""Sending. A message is stored before anything else; each step is stored before the next begins, so
that a crash at any line repeats a step and never loses or doubles a message.

stored → attachments uploaded → signed (with its new key, if any) → posted. One conversation sends
one message at a time, in order; conversations never wait for each other. No answer: the identical
bytes again, at any age (S5). A refusal that means "certainly not accepted": signed anew, same
message id and content, attempt + 1 (S6). A refusal that nothing mends gives the message up.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from msgspec.structs import replace

from copconnect import wire
from copconnect.bot.context import LOG, Context
from copconnect.bot.conversation.place import HeadRefused, Place, is_gone
from copconnect.bot.conversation.signing import Doubts, Signing
from copconnect.bot.conversation.uploads import Uploads
from copconnect.bot.failures import NotPosted, ServerRefused, Unreachable, has_code
from copconnect.bot.net.http import pause_s
from copconnect.bot.state.rows import OnceRow, OutgoingRow
from copconnect.ids import ConversationId, MessageId
from copconnect.records.conversation.message import SIGNED_HEADER_BYTES, MessageHeader
from copconnect.records.primitives.fields import Refused, sha256

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_EAGER_ATTEMPTS = 4  # So often a message is signed anew at once.
_WAITING_CODES = ("unauthenticated", "signed_out", "conduct_not_accepted", "device_unconfirmed")
_SIGN_ANEW = ("stale_head", "stale_record", "stale_key", "have_key", "seals_invalid", "not_next")


class Outbox:
    """Sends what is stored. ``catch_up`` takes the log of a conversation to its end, inside its
    lock; ``on_lost``: the server says that the bot is not listed."""

    def __init__(
        self,
        context: Context,
        signing: Signing,
        uploads: Uploads,
        *,
        catch_up: Callable[[Place], Awaitable[None]],
        on_lost: Callable[[Place], None],
    ) -> None:
        self._context = context
        self._stores = context.stores
        self._signing = signing
        self._uploads = uploads
        self._catch_up = catch_up
        self._on_lost = on_lost
        self._doubts: dict[ConversationId, Doubts] = {}
        self._wanted: set[ConversationId] = set()
        self._pumps: dict[ConversationId, asyncio.Task[None]] = {}
        self._again: set[ConversationId] = set()
        self._online = asyncio.Event()
        self._settled: dict[MessageId, asyncio.Event] = {}

    # --- What others ask ------------------------------------------------------------------------

    def store(self, place: Place, row: OutgoingRow) -> bool:
        """Store a message to be sent; False: its id was used before, and nothing is stored."""
        if self._stores.once.get(row.message_id) is not None:
            return False
        with self._stores.transaction():
            self._stores.once.put(row.message_id, OnceRow(message_id=row.message_id))
            self._stores.outgoing.put(row.message_id, row, place.id, place=row.order)
        return True

    def kick(self, place: Place) -> None:
        """Look whether something can be sent, in the background."""
        self._again.add(place.id)
        pump = self._pumps.get(place.id)
        if pump is None or pump.done():
            self._pumps[place.id] = asyncio.create_task(self._pump(place))

    def key_wanted(self, place: Place) -> None:
        """D7: the server asks for the next conversation key."""
        self._wanted.add(place.id)
        self.kick(place)

    def online(self) -> None:
        """A connection is up: waits end at once."""
        self._online.set()
        self._online = asyncio.Event()

    async def close(self) -> None:
        """End all sending; what is on its way goes on at the next start."""
        for pump in self._pumps.values():
            pump.cancel()
        await asyncio.gather(*self._pumps.values(), return_exceptions=True)

    async def settled(self, message_id: MessageId) -> OnceRow:
        """Wait until the server has accepted a message, or it was given up."""
        event = self._settled.setdefault(message_id, asyncio.Event())
        while True:
            row = self._stores.once.get(message_id)
            if row is None or row.seq or row.code:
                self._settled.pop(message_id, None)
                return row or OnceRow(message_id=message_id)
            await event.wait()

    def accepted(self, place: Place, message_id: MessageId, seq: int) -> None:
        """The server has a message of the bot's. Inside or outside a transaction."""
        row = self._stores.outgoing.get(message_id, place.id)
        with self._stores.transaction():
            if row is not None:
                self._stores.outgoing.delete(message_id, place.id)
                self._uploads.forget(row.attachment_ids)
            # The server's answer and the log both say so: the second finds no row.
            known = self._stores.once.get(message_id)
            hashed = b"" if known is None else known.header_hash
            if row is not None and row.signed:
                hashed = _header_hash(row.signed)
            done = OnceRow(message_id=message_id, seq=seq, header_hash=hashed)
            self._stores.once.put(message_id, done)
        self._settle(message_id)

    def _settle(self, message_id: MessageId) -> None:
        event = self._settled.get(message_id)
        if event is not None:
            event.set()

    # --- The pump -------------------------------------------------------------------------------

    async def _pump(self, place: Place) -> None:
        failures = 0
        while place.id in self._again:
            self._again.discard(place.id)
            try:
                while await self._send_next(place):
                    failures = 0
            except (Unreachable, ServerRefused, Refused) as error:
                if isinstance(error, HeadRefused):
                    self._doubts_of(place).stale_head = True
                if is_gone(error):
                    self._on_lost(place)
                LOG.info("conversation %s: sending waits: %s", place.id, error)
                asked = error.retry_after_s if isinstance(error, ServerRefused) else None
                wait = asked or pause_s(failures, _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
                failures += 1
                await self._pause(wait)
                self._again.add(place.id)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._online.wait()
        except TimeoutError:
            return

    def _doubts_of(self, place: Place) -> Doubts:
        return self._doubts.setdefault(place.id, Doubts())

    async def _send_next(self, place: Place) -> bool:
        """Send the first message. False: there is none that can go."""
        if not place.row.listed or place.row.standstill:
            return False  # S8: nothing is posted while the log has lost what the bot followed.
        doubts = self._doubts_of(place)
        if place.id in self._wanted:
            self._wanted.discard(place.id)
            await self._make_wanted(place, doubts)
        waiting = self._stores.outgoing.all(place.id, limit=1)
        if not waiting:
            return False
        row = waiting[0]
        try:
            if not row.signed:
                await self._uploads.upload(place, row.attachment_ids)
                row = await self._signing.sign(place, row, doubts)
            row = await self._post_key(place, row)
            accepted = await self._context.api.post(place.id, row.signed)
        except NotPosted as error:
            self._give_up(place, row, error.code)
            return True
        except ServerRefused as error:
            await self._refused(place, row, error, doubts)
            return True
        async with place.lock:
            self._took(place, row, accepted.seq)
        return True

    async def _post_key(self, place: Place, row: OutgoingRow) -> OutgoingRow:
        """Post the key that the message begins, if any. Identical bytes each time."""
        if not row.key:
            return row
        body = msgspec.msgpack.decode(row.key, type=wire.PostKey)
        await self._context.api.post_key(place.id, body)
        posted = replace(row, key=b"")
        self._stores.outgoing.put(row.message_id, posted, place.id, place=row.order)
        return posted

    def _took(self, place: Place, row: OutgoingRow, seq: int) -> None:
        header = header_of(row)
        with self._stores.transaction():
            if header.seq > place.row.chain_seq:
                place.set(chain=(header.seq, header.hash()))
            self.accepted(place, row.message_id, seq)

    # --- Refusals -------------------------------------------------------------------------------

    async def _refused(
        self, place: Place, row: OutgoingRow, error: ServerRefused, doubts: Doubts
    ) -> None:
        if row.signed and has_code(error, *_SIGN_ANEW):
            if not await self._sign_anew(place, row, error, doubts):
                return
            # The first is a race that a new signature settles; many are the server's trouble.
            if row.attempt > _EAGER_ATTEMPTS:
                raise error
            return
        if error.retry or has_code(error, *_WAITING_CODES):
            raise error
        self._give_up(place, row, error.code)
        if is_gone(error):
            self._on_lost(place)

    async def _sign_anew(
        self, place: Place, row: OutgoingRow, error: ServerRefused, doubts: Doubts
    ) -> bool:
        """Prepare the next attempt (S6). False: the message was accepted after all."""
        if error.code == "have_key":
            doubts.stale_keys.clear()  # It is usable after all, whatever was said before.
        elif error.code == "not_next":
            async with place.lock:
                if not await self._take_up_chain(place, row):
                    await self._catch_up(place)
                    if self._stores.outgoing.get(row.message_id, place.id) is not None:
                        raise error  # The log does not show it yet.
                    return False
        else:
            doubts.stale_head = True
        if error.code == "stale_key":
            doubts.stale_keys.add(header_of(row).key_id)
        again = replace(row, signed=b"", key=b"")
        self._stores.outgoing.put(row.message_id, again, place.id, place=row.order)
        return True

    async def _take_up_chain(self, place: Place, row: OutgoingRow) -> bool:
        """S7: go on from the last header that the server has of the bot, if it is higher than
        here. False: that is this very message's, or it is lower; the log tells why (S8)."""
        header = await place.served_chain()
        if header == header_of(row) or (header.seq if header else 0) < place.row.chain_seq:
            return False
        if header is not None:
            place.set(chain=(header.seq, header.hash()))
        return True

    def _give_up(self, place: Place, row: OutgoingRow, code: str) -> None:
        LOG.error("conversation %s: a message was given up: %s", place.id, code)
        with self._stores.transaction():
            self._stores.outgoing.delete(row.message_id, place.id)
            self._uploads.forget(row.attachment_ids)
            self._stores.once.put(row.message_id, OnceRow(message_id=row.message_id, code=code))
        self._settle(row.message_id)

    async def _make_wanted(self, place: Place, doubts: Doubts) -> None:
        """D7: make the next key without a message; what the server refuses somebody else made."""
        newest = await self._signing.newest(place, doubts)
        made = await self._signing.make_key(place, newest, patient=False)
        if made is None:
            return
        async with place.lock:
            place.keys.made(made.record, made.secret)
        try:
            await self._context.api.post_key(place.id, made.body)
        except ServerRefused as error:
            if not has_code(error, "have_key", "stale_record", "not_asked"):
                raise
            doubts.stale_head = True


def header_of(row: OutgoingRow) -> MessageHeader:
    """Return the header of a signed message."""
    body = msgspec.msgpack.decode(row.signed, type=wire.PostMessage)
    return MessageHeader.parse(body.message[:SIGNED_HEADER_BYTES])


def _header_hash(signed: bytes) -> bytes:
    """Return H(header ‖ signature) of the message in an encoded PostMessage."""
    body = msgspec.msgpack.decode(signed, type=wire.PostMessage)
    return sha256(body.message[:SIGNED_HEADER_BYTES])
