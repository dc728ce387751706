"""POST …/messages: the checks before a message waits for its transaction.

Signature and hash are checked here, beside the database; a person's standing limits are counted in
memory, so that a message costs no statement for them.
"""

from copconnect import errors, wire
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.log.accepting import Accepting, Post
from copconnect.delivery.rosters.posting_rights import PostingRights
from copconnect.delivery.rules.posting import read_message
from copconnect.delivery.store import conversations
from copconnect.ids import AttachmentId, ConversationId
from copconnect.principals import Caller, Requirement


class MessageIntake:
    """Takes messages from devices."""

    def __init__(self, deps: DeliveryDependencies, rights: PostingRights) -> None:
        self._deps = deps
        self._rights = rights
        limits = deps.options.limits
        self._large_from = deps.options.large_from
        self._accepting = Accepting(deps)
        self._messages = deps.rates.limit(
            "messages_per_minute", limits.messages_per_minute, limits.messages_burst
        )
        self._bytes = deps.rates.limit(
            "bytes_per_minute", limits.bytes_per_minute, limits.bytes_per_minute
        )

    async def post(
        self, caller: Caller, conversation_id: ConversationId, body: wire.PostMessage
    ) -> wire.Accepted:
        """Append a message to the log (D1). A repeat of the same bytes answers what the first did.

        Raises MessageInvalid, NotMember, MayNotPost, Sanctioned, NotAdmin, TrainingRequired,
        StaleHead, StaleKey, NotNext, RateLimited, AttachmentIncomplete; with an order OrderInvalid,
        MayNotIssue, NotFound. A mark that edits or deletes a message (M2, M3):
        MessageInvalid, NotAdmin.
        """
        self._messages.spend(caller.person_id)
        self._bytes.spend(caller.person_id, len(body.message))
        message = read_message(
            body.message, bytes.fromhex(conversation_id), caller.device, caller.public_key
        )
        attachment_ids = [AttachmentId(one) for one in body.attachment_ids]
        post = Post(
            caller,
            conversation_id,
            message,
            body.state,
            attachment_ids,
            body.order,
            body.wakes,
            quiet=body.quiet,
            closed_from=self._closed_from(caller, body),
        )
        try:
            return await self._accepting.accept(post)
        except errors.MayNotPost:
            await self._explain(caller, conversation_id)
            raise
        except errors.MayNotIssue:
            if isinstance(body.order, wire.OrderTerms):
                await self._sign_issuing(caller, conversation_id, body.order.priority)
            raise

    async def _sign_issuing(
        self, caller: Caller, conversation_id: ConversationId, priority: wire.OrderPriority
    ) -> None:
        """Sign in the caller's leaf the orders that the caller may issue now. Raises StaleHead
        where this one is among them, so that the device signs it again, else MayNotIssue with
        details."""
        await self._rights.sign_issuing(caller.person_id, conversation_id)
        async with self._deps.database.reading() as connection:
            await self._deps.orders.require(connection, conversation_id, caller.person_id, priority)
            for one in await conversations.read(connection, [conversation_id]):
                raise errors.StaleHead(epoch=one.epoch)

    async def _explain(self, caller: Caller, conversation_id: ConversationId) -> None:
        """Raise Sanctioned where a sanction is why the leaf lacks the right to post; where the leaf
        lacks it without a reason, as after a sanction's end, sign the leaf again and raise
        StaleHead, so that the device signs its message again."""
        deps = self._deps
        async with deps.database.reading() as connection:
            bar = await self._rights.bar_in(connection, caller.person_id, conversation_id)
        if bar is not None:
            raise errors.Sanctioned(kind=bar.kind, until_ms=bar.until_ms)
        ended = await deps.sanctions.end_over(caller.person_id)
        if await self._rights.repair(caller.person_id, conversation_id) or ended:
            async with deps.database.reading() as connection:
                for one in await conversations.read(connection, [conversation_id]):
                    raise errors.StaleHead(epoch=one.epoch)

    def _closed_from(self, caller: Caller, body: wire.PostMessage) -> int | None:
        """Return from how many members conversations are closed to the caller, None for none. A
        flash order goes out whatever its issuer owes, and an order is always corrected and
        withdrawn."""
        if Requirement.TRAINING not in caller.outstanding or _is_pressing(body.order):
            return None
        return self._large_from()


def _is_pressing(order: wire.OrderTerms | wire.OrderChange | None) -> bool:
    """Return whether an order, or the change of one, goes out before the officer course."""
    match order:
        case None:
            return False
        case wire.OrderTerms():
            return order.priority == "flash"
        case wire.OrderChange():
            return True
