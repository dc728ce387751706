"""HTTP routes of the Delivery Service (docs/protocol.md).

Every route needs a confirmed device (E2): one that is not yet uses the trust routes alone.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import get, post, put
from litestar.params import FromPath

from copconnect import errors, wire
from copconnect.delivery.log.reading import LOG_PAGE
from copconnect.delivery.service import DeliveryService
from copconnect.http.gate import Gate, HttpRequest, Incoming, answer, nothing, read
from copconnect.http.parameters import hex_id, number
from copconnect.ids import CellId, ConversationId, PostId, Seq, UnitId
from copconnect.principals import Caller

_MESSAGE_BODY = wire.MAX_MESSAGE_BYTES + 65536
_SMALL_BODY = 512 * 1024  # Thousands of ids.
_KEY_BODY = wire.MAX_SEALS_BYTES + wire.MAX_RECORD_BYTES + 128 * 1024
_MOST_TEXT = 100  # Characters of a search.
_MESSAGES = "/v1/conversations/{c}/messages"

Hot = Callable[[Incoming, str], Awaitable[wire.Accepted]]  # The request, its conversation.


def hot_routes(service: DeliveryService, gate: Gate) -> dict[str, Hot]:
    """Return what every message goes through, by the path that it is posted to."""

    async def post_message(request: Incoming, c: str) -> wire.Accepted:
        caller = await _caller(gate, request)
        body = await read(request, wire.PostMessage, _MESSAGE_BODY)
        return await service.posting.post(caller, _conversation(c), body)

    return {_MESSAGES: post_message}


def routes(service: DeliveryService, gate: Gate) -> list[Any]:
    """Return the handlers."""
    return [
        *_conversation_routes(service, gate),
        *_member_routes(service, gate),
        *_roster_routes(service, gate),
        *_log_routes(service, gate),
        *_key_routes(service, gate),
        *_cell_key_routes(service, gate),
        *_share_routes(service, gate),
    ]


async def _caller(gate: Gate, request: HttpRequest | Incoming) -> Caller:
    caller = await gate.caller(request)
    if not caller.confirmed:
        raise errors.DeviceUnconfirmed
    return caller


def _conversation(text: str) -> ConversationId:
    return ConversationId(hex_id(text))


def _number(request: HttpRequest, name: str) -> int | None:
    return number(name, request.query_params.get(name))


def _conversation_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    conversations = service.conversations

    @post("/v1/conversations")
    async def create(request: HttpRequest) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.CreateConversation, _SMALL_BODY)
        made = conversations.create if body.audience is None else service.audiences.create
        return answer(request, await made(caller, body))

    @get("/v1/conversations")
    async def all_conversations(request: HttpRequest) -> Any:
        return answer(request, await conversations.conversations(await _caller(gate, request)))

    @get("/v1/conversations/{c:str}")
    async def conversation(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        return answer(request, await conversations.conversation(caller, _conversation(c)))

    @put("/v1/conversations/{c:str}/policy")
    async def change_policy(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.ChangePolicy, _SMALL_BODY)
        found = await conversations.change_policy(caller, _conversation(c), body)
        return answer(request, found)

    @put("/v1/conversations/{c:str}/preferences")
    async def set_preferences(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.SetPreferences, _SMALL_BODY)
        found = await conversations.set_preferences(caller, _conversation(c), body)
        return answer(request, found)

    @put("/v1/posts/{post_id:str}/conversation")
    async def with_post(request: HttpRequest, post_id: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        post = PostId(hex_id(post_id))
        return answer(request, await service.posts.open(caller, post))

    @put("/v1/units/{unit_id:str}/orders")
    async def orders_to(request: HttpRequest, unit_id: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        if "\0" in unit_id or len(unit_id) > _MOST_TEXT:
            raise errors.NotFound
        return answer(request, await service.unit_orders.open(caller, UnitId(unit_id)))

    return [
        *(create, all_conversations, conversation, change_policy, set_preferences),
        *(with_post, orders_to),
    ]


def _member_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    @get("/v1/conversations/{c:str}/members")
    async def members(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        after = request.query_params.get("after", "")
        if after:
            after = hex_id(after)
        found = await service.conversations.members(caller, _conversation(c), after, "")
        return answer(request, found, packed=True)

    @post("/v1/conversations/{c:str}/members/searches", status_code=200)
    async def search_members(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        asked = (await read(request, wire.Search, _SMALL_BODY)).asked
        after, text = asked.get("after", ""), asked.get("text", "")
        if after:
            after = hex_id(after)
        if "\0" in text or len(text) > _MOST_TEXT:
            raise errors.BadRequest(reason="text")
        found = await service.conversations.members(caller, _conversation(c), after, text)
        return answer(request, found)

    @post("/v1/conversations/{c:str}/members")
    async def change_members(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.ChangeMembers, _SMALL_BODY)
        found = await service.membership.change(caller, _conversation(c), body)
        return answer(request, found)

    @get("/v1/conversations/{c:str}/receipts")
    async def receipts(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        seq = Seq(_number(request, "seq") or 0) or None
        found = await service.receipt_counts.of(caller, _conversation(c), seq)
        return answer(request, found)

    return [members, search_members, change_members, receipts]


def _roster_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    rosters = service.rosters

    @get("/v1/conversations/{c:str}/head")
    async def state(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        return answer(request, await rosters.state(caller, _conversation(c)))

    @get("/v1/conversations/{c:str}/heads/{epoch:str}")
    async def head(request: HttpRequest, c: FromPath[str], epoch: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        if not (epoch.isascii() and epoch.isdigit() and len(epoch) <= 15):
            raise errors.NotFound
        return answer(request, await rosters.head(caller, _conversation(c), int(epoch)))

    @post("/v1/conversations/{c:str}/proofs", status_code=200)
    async def proofs(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.AskProofs, _SMALL_BODY)
        return answer(request, await rosters.proofs(caller, _conversation(c), body))

    @get("/v1/conversations/{c:str}/cells/own")
    async def own_cell(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        found = await rosters.cell(caller, _conversation(c), None)
        return answer(request, found, packed=True)

    @get("/v1/conversations/{c:str}/cells/{k:str}")
    async def cell(request: HttpRequest, c: FromPath[str], k: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        cell_id = CellId(hex_id(k))
        found = await rosters.cell(caller, _conversation(c), cell_id)
        return answer(request, found, packed=True)

    return [state, head, proofs, own_cell, cell]


def _log_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    accept = hot_routes(service, gate)[_MESSAGES]

    @post("/v1/conversations/{c:str}/messages")
    async def post_message(request: HttpRequest, c: FromPath[str]) -> Any:
        return answer(request, await accept(request, c))

    @post("/v1/conversations/{c:str}/start", status_code=200)
    async def start(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.StartConversation, _SMALL_BODY)
        return answer(request, await service.starting.start(caller, _conversation(c), body))

    @get("/v1/conversations/{c:str}/log")
    async def log(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        limit = _number(request, "limit")
        page = await service.log.page(
            caller,
            _conversation(c),
            after=_number(request, "after"),
            before=_number(request, "before"),
            limit=LOG_PAGE if limit is None else limit,
        )
        return answer(request, page, packed=True)

    @get("/v1/conversations/{c:str}/chain")
    async def chain(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        return answer(request, await service.log.chain(caller, _conversation(c)))

    return [post_message, start, log, chain]


def _key_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    keys = service.keys

    @post("/v1/conversations/{c:str}/keys")
    async def post_key(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.PostKey, _KEY_BODY)
        return answer(request, await keys.post(caller, _conversation(c), body))

    @get("/v1/conversations/{c:str}/keys")
    async def read_keys(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        asked = request.query_params.get("id")
        key_id = None if asked is None else bytes.fromhex(hex_id(asked, wire.Hex32))
        return answer(request, await keys.read(caller, _conversation(c), key_id))

    @post("/v1/conversations/{c:str}/keys/seals", status_code=200)
    async def post_seals(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.PostLateSeals, _KEY_BODY)
        await service.late_seals.post(caller, _conversation(c), body)
        return nothing()

    return [post_key, read_keys, post_seals]


def _cell_key_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    cell_keys = service.cell_keys

    @get("/v1/conversations/{c:str}/cells/own/keys")
    async def own(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        return answer(request, await cell_keys.own(caller, _conversation(c)))

    @post("/v1/conversations/{c:str}/cells/own/keys", status_code=200)
    async def post_cell_key(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.PostCellKey, _KEY_BODY)
        await cell_keys.post(caller, _conversation(c), body)
        return nothing()

    @post("/v1/conversations/{c:str}/cells/own/marks", status_code=200)
    async def mark(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.MarkCellKey, _SMALL_BODY)
        await cell_keys.mark(caller, _conversation(c), body)
        return nothing()

    @get("/v1/conversations/{c:str}/cells")
    async def all_cell_keys(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        since = _number(request, "since") or 0
        return answer(request, await cell_keys.all(caller, _conversation(c), since))

    return [own, post_cell_key, mark, all_cell_keys]


def _share_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    shares = service.shares

    @post("/v1/conversations/{c:str}/share-requests", status_code=200)
    async def ask(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.ShareRequest, _SMALL_BODY)
        await shares.ask(caller, _conversation(c), body)
        return nothing()

    @post("/v1/conversations/{c:str}/share-requests/done", status_code=200)
    async def done(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.ShareRequest, _SMALL_BODY)
        await shares.done(caller, _conversation(c), body)
        return nothing()

    @post("/v1/conversations/{c:str}/shares", status_code=200)
    async def post_share(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        body = await read(request, wire.PostShares, _SMALL_BODY)
        await shares.post(caller, _conversation(c), body)
        return nothing()

    @get("/v1/conversations/{c:str}/shares")
    async def waiting(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await _caller(gate, request)
        return answer(request, await shares.waiting(caller, _conversation(c)))

    return [ask, done, post_share, waiting]
