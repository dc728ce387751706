"""Operations of the Delivery Service (docs/protocol.md), for confirmed devices alone (E2)."""

from copconnect import wire
from copconnect.delivery.service import DeliveryService
from copconnect.http.operations import Operation, delete, get, post, put, search
from copconnect.ids import ConversationId, KeyId, PersonId
from copconnect.principals import Caller

_MESSAGE_BODY = wire.MAX_MESSAGE_BYTES + 65536
_SMALL_BODY = 512 * 1024  # Thousands of ids.
_KEY_BODY = wire.MAX_SEALS_BYTES + wire.MAX_RECORD_BYTES + 128 * 1024
_C = "/v1/conversations/{conversation_id}"


def operations(service: DeliveryService) -> list[Operation]:
    """Return the rows."""
    conversations, rosters = service.conversations, service.rosters
    cell_keys, shares = service.cell_keys, service.shares

    async def create(caller: Caller, body: wire.CreateConversation) -> wire.Conversation:
        made = conversations.create if body.audience is None else service.audiences.create
        return await made(caller, body)

    async def members(
        caller: Caller, conversation_id: ConversationId, after: PersonId | None
    ) -> wire.Members:
        return await conversations.members(caller, conversation_id, after or "")

    async def own_cell(caller: Caller, conversation_id: ConversationId) -> wire.CellLeaves:
        return await rosters.cell(caller, conversation_id, None)

    async def keys(
        caller: Caller, conversation_id: ConversationId, key_id: KeyId | None
    ) -> wire.Keys:
        asked = None if key_id is None else bytes.fromhex(key_id)
        return await service.keys.read(caller, conversation_id, asked)

    return [
        post("/v1/conversations", create, "create_conversation", most=_SMALL_BODY),
        get("/v1/conversations", conversations.conversations),
        get(_C, conversations.conversation),
        put(f"{_C}/who-may-send", conversations.change_who_may_send, most=_SMALL_BODY),
        put(f"{_C}/preferences", conversations.set_preferences, most=_SMALL_BODY),
        put("/v1/posts/{post_id}/conversation", service.posts.open, "open_post"),
        put("/v1/units/{unit_id}/orders", service.unit_orders.open, "open_unit_orders"),
        get(f"{_C}/members", members, packed=True),
        search(f"{_C}/members/searches", conversations.members, "find_members", most=_SMALL_BODY),
        post(f"{_C}/members", service.membership.change, "change_members", most=_SMALL_BODY),
        get("/v1/joining", service.joining.joining),
        put(f"{_C}/listing", service.joining.set_listing, most=_SMALL_BODY),
        put(f"{_C}/join-request", service.joining.ask, "ask_to_join", most=_SMALL_BODY),
        delete(f"{_C}/join-request", service.joining.withdraw, "withdraw_request"),
        post(f"{_C}/join-refusals", service.joining.refuse, "refuse_to_join", most=_SMALL_BODY),
        get(f"{_C}/receipts", service.receipt_counts.of, "receipts"),
        get(f"{_C}/head", rosters.state, "roster_state"),
        get(f"{_C}/heads/{{epoch}}", rosters.head),
        post(f"{_C}/proofs", rosters.proofs, most=_SMALL_BODY),
        get(f"{_C}/cells/own", own_cell, packed=True),
        get(f"{_C}/cells/{{cell_id}}", rosters.cell, packed=True),
        post(
            f"{_C}/messages",
            service.intake.accept,
            "send_message",
            most=_MESSAGE_BODY,
            once=True,  # The outbox repeats it, as long as its person has not taken it back.
            wait_s=30,
        ),
        post(
            f"{_C}/start",
            service.starting.start,
            "start_conversation",
            most=_SMALL_BODY,
            packed=True,
        ),
        get(f"{_C}/log", service.log.page, "log", packed=True, wait_s=30),
        get(f"{_C}/chain", service.log.chain, "sender_chain"),
        post(f"{_C}/keys", service.keys.submit, "submit_key", most=_KEY_BODY, wait_s=60),
        get(f"{_C}/keys", keys),
        post(
            f"{_C}/keys/seals",
            service.late_seals.submit,
            "submit_late_seals",
            most=_KEY_BODY,
            wait_s=60,
        ),
        get(f"{_C}/cells/own/keys", cell_keys.own, "own_cell_keys"),
        post(
            f"{_C}/cells/own/keys",
            cell_keys.submit,
            "submit_cell_key",
            most=_KEY_BODY,
            wait_s=60,
        ),
        post(f"{_C}/cells/own/flags", cell_keys.flag, "flag_cell_key", most=_SMALL_BODY),
        get(f"{_C}/cells", cell_keys.all, "cell_keys", wait_s=60),
        post(f"{_C}/share-requests", shares.ask, "request_shares", most=_SMALL_BODY),
        post(f"{_C}/share-requests/done", shares.done, "shares_done", most=_SMALL_BODY),
        post(f"{_C}/shares", shares.submit, "submit_shares", most=_SMALL_BODY),
        get(f"{_C}/shares", shares.waiting, "shares"),
    ]
