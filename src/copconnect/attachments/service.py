"""Uploads, downloads, shares and cleaning of attachments.

A blob is always written before the row that says so, and deleted before the rows that name it: a
crash at any line leaves at most a blob that is written again or cleaned later, never a row without
its blob.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Protocol

from sqlalchemy import CompoundSelect
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.attachments import rules, store
from copconnect.attachments.blobs import Blobs
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import AttachmentId, ConversationId, MessageId, PersonId, Seq
from copconnect.leases import Leases
from copconnect.principals import Caller

_CLEAN_PERIOD_S = 3600.0
_BATCH = 100
_QUOTA_DAYS = 7


class ConversationMembers(Protocol):
    """The members of conversations; the Delivery Service knows them."""

    async def belongs_to_any(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
    ) -> bool:
        """Return whether a person is a member of any of these conversations."""

    def held(self, now_ms: int) -> CompoundSelect[tuple[ConversationId]]:
        """Return a statement of the conversations of which a legal hold keeps everything."""


class CaseReaders(Protocol):
    """The readers of cases; the role of reports knows them."""

    async def reads_case_in(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
        uploaded_ms: int,
    ) -> bool:
        """Return whether a person moderates now what a report from any of these conversations is
        about, and the report is sealed to the person and not older than a file: the keys of files
        in it are in the proof."""


class PhotoOrders(Protocol):
    """Orders that ask for photos; the role of orders knows them."""

    async def asks_photo(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_id: ConversationId,
        order_id: MessageId,
    ) -> bool:
        """Return whether an order of this conversation asks this person for a photo."""

    async def sees_photo(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        order_id: MessageId,
        sender_id: PersonId,
    ) -> bool:
        """Return whether somebody sees what another person has answered to an order."""


class AttachmentService:
    """Everything about attachments. ``ready`` is what the Delivery Service asks."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        blobs: Blobs,
        conversations: Callable[[], ConversationMembers],
        cases: Callable[[], CaseReaders],
        orders: Callable[[], PhotoOrders],
        leases: Leases,
        quota_bytes_per_day: int,
        retention_days: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._blobs = blobs
        self._conversations = conversations
        self._cases = cases
        self._orders = orders
        self._quota = quota_bytes_per_day
        self._retention_ms = retention_days * rules.DAY_MS
        self.cleaning = leases.periodic("attachments", self.clean, _CLEAN_PERIOD_S, soon=True)

    # --- Uploading --------------------------------------------------------------------------

    async def begin(self, caller: Caller, body: wire.BeginAttachment) -> wire.AttachmentStatus:
        """Reserve an attachment in today's quota. Repeating it changes nothing."""
        chunks = rules.chunk_count(body.size)
        attachment_id = AttachmentId(body.attachment_id)
        conversation_id = ConversationId(body.conversation_id)
        order_id = None if body.order_id is None else MessageId(body.order_id)
        now_ms = self._clock.now_ms()
        day = rules.day_of(now_ms)
        async with self._database.transaction() as connection:
            await self._check_member(connection, caller, conversation_id)
            if order_id is not None and not await self._orders().asks_photo(
                connection, caller.person_id, conversation_id, order_id
            ):
                raise errors.NotFound
            new = await store.add(
                connection,
                attachment_id,
                caller.person_id,
                body.size,
                chunks,
                now_ms,
                day,
                order_id,
            )
            if not new:
                stored = await self._own(connection, caller, attachment_id)
                if stored.size != body.size or stored.order_id != order_id:
                    raise errors.BadRequest(reason="attachment_id is taken")
                return await self._status(connection, stored)
            if not await store.use_quota(connection, caller.person_id, day, body.size, self._quota):
                used = await store.used_quota(connection, caller.person_id, day)
                raise errors.QuotaExceeded(used=used, limit=self._quota)
            if order_id is None:
                await store.share(connection, attachment_id, conversation_id)
            return await self._status(
                connection, await self._own(connection, caller, attachment_id)
            )

    async def chunk_limit(self, caller: Caller, attachment_id: AttachmentId, index: int) -> int:
        """Return how many bytes chunk ``index`` must have."""
        async with self._database.reading() as connection:
            stored = await self._own(connection, caller, attachment_id)
        return rules.chunk_size(stored.size, index)

    async def put_chunk(
        self, caller: Caller, attachment_id: AttachmentId, index: int, data: bytes
    ) -> wire.AttachmentStatus:
        """Store one chunk. The first bytes stored for an index stay; repeating them changes
        nothing. Raises ChunkDiffers for others."""
        async with self._database.reading() as connection:
            stored = await self._own(connection, caller, attachment_id)
        rules.check_chunk(stored.size, index, len(data))
        path = rules.blob_path(attachment_id, index)
        if not await self._blobs.create(path, data) and not await self._blobs.holds(path, data):
            raise errors.ChunkDiffers(chunk=index)
        async with self._database.transaction() as connection:
            held = await store.find(connection, attachment_id, hold=True)
            if held is not None:
                await store.add_chunk(connection, held, index)
        if held is None:  # Deleted meanwhile; nobody else would delete this blob.
            await self._blobs.delete([path])
            raise errors.NotFound
        async with self._database.reading() as connection:
            return await self._status(
                connection, await self._own(connection, caller, attachment_id)
            )

    async def delete(self, caller: Caller, attachment_id: AttachmentId) -> None:
        """Delete an upload that was not sent; its quota returns on the same day."""
        async with self._database.transaction() as connection:
            stored = await self._own(connection, caller, attachment_id, hold=True)
            if stored.sent:
                raise errors.BadRequest(reason="the attachment was sent")
            await store.doom(connection, attachment_id)
            await store.return_quota(connection, caller.person_id, stored.day, stored.size)
        await self._remove(attachment_id, stored.chunks)

    # --- Downloading and sharing ------------------------------------------------------------

    async def read_chunk(
        self, caller: Caller, attachment_id: AttachmentId, index: int
    ) -> tuple[int, AsyncIterator[bytes]]:
        """Return a stored chunk's size and its bytes in pieces."""
        async with self._database.reading() as connection:
            stored = await self._visible(connection, caller, attachment_id)
            size = rules.chunk_size(stored.size, index)
            if not stored.complete and index not in await store.received(connection, attachment_id):
                raise errors.NotFound
        return size, await self._blobs.read(rules.blob_path(attachment_id, index))

    async def share(
        self, caller: Caller, attachment_id: AttachmentId, body: wire.ShareAttachment
    ) -> wire.AttachmentStatus:
        """Let another conversation's members fetch it; the caller must belong to both.
        A moderator who reads it with a case alone passes nothing on; nobody does a photo that an
        order asked for."""
        conversation_id = ConversationId(body.conversation_id)
        async with self._database.transaction() as connection:
            stored = await self._visible(connection, caller, attachment_id, cases=False)
            if stored.order_id is not None:
                raise errors.NotFound
            await self._check_member(connection, caller, conversation_id)
            await store.share(connection, attachment_id, conversation_id)
            return await self._status(connection, stored)

    async def ready(
        self,
        connection: AsyncConnection,
        attachment_ids: Collection[AttachmentId],
        conversation_id: ConversationId,
        seq: Seq,
    ) -> None:
        """Mark attachments as sent, in the transaction of the message that names them.

        Raises AttachmentIncomplete unless each is complete and shared to the conversation.
        """
        asked = set(attachment_ids)
        now_ms = self._clock.now_ms()
        marked = await store.mark_named(connection, asked, conversation_id, seq, now_ms)
        if marked != len(asked):
            raise errors.AttachmentIncomplete

    async def drop(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        seq: Seq,
        *,
        held: bool = False,
    ) -> None:
        """Delete the attachments of a message, in the transaction that deletes it, except what
        another message names or another conversation shares. Nobody reads them from then on; their
        blobs go with the next cleaning; where the conversation is ``held``, with the first one
        after its holds."""
        await store.drop(connection, conversation_id, seq, held=held)

    # --- Photos that orders ask for: see orders.ports.OrderPhotos ----------------------------

    async def complete(
        self, connection: AsyncConnection, attachment_ids: Collection[AttachmentId]
    ) -> Mapping[AttachmentId, tuple[PersonId, MessageId]]:
        """Return the complete ones, each with its uploader and the order that it is for."""
        return await store.complete(connection, attachment_ids)

    async def keep_photos(
        self,
        connection: AsyncConnection,
        sent: Collection[AttachmentId],
        replaced: Mapping[AttachmentId, ConversationId],
    ) -> None:
        """Keep photos that count now, and delete the photos that they replaced."""
        now_ms = self._clock.now_ms()
        if sent:
            await store.mark_sent(connection, sent, now_ms)
        if replaced:
            held = self._conversations().held(now_ms)
            await store.drop_replaced(connection, replaced, held)

    async def forget_orders(
        self, connection: AsyncConnection, order_ids: Collection[MessageId]
    ) -> None:
        """Delete the photos of orders that are forgotten."""
        if order_ids:
            await store.drop_of_orders(connection, order_ids)

    # --- Cleaning ---------------------------------------------------------------------------

    async def clean(self) -> None:
        """Delete uploads abandoned for a day and attachments past their retention, except those of
        held conversations."""
        now_ms = self._clock.now_ms()
        held = self._conversations().held(now_ms)
        async with self._database.transaction() as connection:
            await store.release(connection, held)
            await store.doom_old(
                connection, now_ms - rules.ABANDONED_MS, now_ms - self._retention_ms, held
            )
            await store.forget_quotas(connection, rules.day_of(now_ms) - _QUOTA_DAYS)
        while True:
            async with self._database.reading() as connection:
                found = await store.doomed(connection, _BATCH)
            for attachment_id, chunks in found:
                await self._remove(attachment_id, chunks)
            if len(found) < _BATCH:
                return

    async def _remove(self, attachment_id: AttachmentId, chunks: int) -> None:
        await self._blobs.delete(rules.blob_path(attachment_id, index) for index in range(chunks))
        async with self._database.transaction() as connection:
            await store.forget(connection, attachment_id)

    # --- Inside -----------------------------------------------------------------------------

    async def _check_member(
        self, connection: AsyncConnection, caller: Caller, conversation_id: ConversationId
    ) -> None:
        if not await self._conversations().belongs_to_any(
            connection, caller.person_id, [conversation_id]
        ):
            raise errors.NotMember

    async def _own(
        self,
        connection: AsyncConnection,
        caller: Caller,
        attachment_id: AttachmentId,
        *,
        hold: bool = False,
    ) -> store.StoredAttachment:
        stored = await store.find(connection, attachment_id, hold=hold)
        if stored is None or stored.uploader != caller.person_id:
            raise errors.NotFound
        return stored

    async def _visible(
        self,
        connection: AsyncConnection,
        caller: Caller,
        attachment_id: AttachmentId,
        *,
        cases: bool = True,
    ) -> store.StoredAttachment:
        """``cases``: a reader of a case sees sent files that were uploaded before the report."""
        stored = await store.find(connection, attachment_id)
        if stored is None:
            raise errors.NotFound
        person_id = caller.person_id
        if stored.uploader == person_id:
            return stored
        if stored.order_id is not None:
            sees = self._orders().sees_photo
            if not await sees(connection, person_id, stored.order_id, stored.uploader):
                raise errors.NotFound
            return stored
        shared = await store.shared_to(connection, attachment_id)
        if await self._conversations().belongs_to_any(connection, person_id, shared):
            return stored
        # The time of the upload: another message with the file moves the time of its message.
        if not (cases and stored.sent) or not await self._cases().reads_case_in(
            connection, person_id, shared, stored.created_ms
        ):
            raise errors.NotFound
        return stored

    async def _status(
        self, connection: AsyncConnection, stored: store.StoredAttachment
    ) -> wire.AttachmentStatus:
        received = await store.received(connection, stored.attachment_id)
        return wire.AttachmentStatus(
            attachment_id=stored.attachment_id,
            size=stored.size,
            chunks=stored.chunks,
            received=received,
            complete=stored.complete,
        )
