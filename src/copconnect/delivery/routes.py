"""HTTP routes of the Delivery Service (docs/protocol.md)."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath

from copconnect import errors, wire
from copconnect.delivery.log_reading import LOG_PAGE
from copconnect.delivery.rosters import MOST_HEADS
from copconnect.delivery.service import DeliveryService
from copconnect.http import Gate, HttpRequest, Incoming, answer, nothing, read
from copconnect.ids import CellId, ConversationId, Seq

_MESSAGE_BODY = wire.MAX_MESSAGE_BYTES + 65536
_SEALED_BODY = wire.MAX_SEALS_BYTES + wire.MAX_MESSAGE_BYTES + 65536
_SMALL_BODY = 512 * 1024  # Thousands of ids.
_RECORD_BODY = wire.MAX_RECORD_BYTES + wire.MAX_PROOF_BYTES + 1024
_MOST_TEXT = 100  # Of a search.
_MESSAGES = "/v1/conversations/{c}/messages"
_SEALED = "/v1/conversations/{c}/sealed"
_KEY_PACKAGES_BODY = 101 * (16384 + 16) + 1024


Hot = Callable[[Incoming, str], Awaitable[wire.Accepted]]  # The request, its conversation.


def hot_routes(service: DeliveryService, gate: Gate) -> dict[str, Hot]:
    """Return what every message goes through, by the path that it is posted to."""
    posting, sealed = service.posting, service.sealed

    async def post_message(request: Incoming, c: str) -> wire.Accepted:
        caller = await gate.caller(request)
        body = await read(request, wire.PostMessage, _MESSAGE_BODY)
        return await posting.post(caller, ConversationId(_id(c)), body)

    async def post_sealed(request: Incoming, c: str) -> wire.Accepted:
        caller = await gate.caller(request)
        body = await read(request, wire.PostSealed, _SEALED_BODY)
        return await sealed.post(caller, ConversationId(_id(c)), body)

    return {_MESSAGES: post_message, _SEALED: post_sealed}


def routes(service: DeliveryService, gate: Gate) -> list[Any]:
    """Return the handlers."""
    return [
        *_conversation_routes(service, gate),
        *_message_routes(hot_routes(service, gate)),
        *_log_routes(service, gate),
        *_sealed_routes(service, gate),
        *_key_routes(service, gate),
        *_key_package_routes(service, gate),
    ]


def _id(text: str) -> str:
    try:
        return msgspec.convert(text, wire.Hex16)
    except msgspec.ValidationError as error:
        raise errors.NotFound from error


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not _is_number(text):
        raise errors.BadRequest(reason=f"{name} is not a number")
    return int(text)


def _seq(text: str) -> Seq:
    if not _is_number(text):
        raise errors.NotFound
    return Seq(int(text))


def _is_number(text: str) -> bool:
    # Fifteen digits: a seq never comes near, and no database refuses the number.
    return text.isascii() and text.isdigit() and len(text) <= 15


def _conversation_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    membership, rosters = service.membership, service.rosters

    @post("/v1/conversations")
    async def create(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.CreateConversation, _SMALL_BODY)
        made = membership.create if body.audience is None else service.audiences.create
        return answer(request, await made(caller, body))

    @get("/v1/conversations")
    async def conversations(request: HttpRequest) -> Any:
        return answer(request, await membership.conversations(await gate.caller(request)))

    @get("/v1/conversations/{c:str}")
    async def conversation(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await membership.conversation(caller, ConversationId(_id(c))))

    @get("/v1/conversations/{c:str}/members")
    async def members(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        after = request.query_params.get("after", "")
        if after:
            after = _id(after)
        text = request.query_params.get("text", "")
        if "\0" in text or len(text) > _MOST_TEXT:
            raise errors.BadRequest(reason="text")
        found = await membership.members(caller, ConversationId(_id(c)), after, text)
        return answer(request, found)

    @get("/v1/conversations/{c:str}/receipts")
    async def receipts(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        seq = Seq(_number(request, "seq", 0)) or None
        found = await service.receipt_counts.of(caller, ConversationId(_id(c)), seq)
        return answer(request, found)

    @post("/v1/conversations/{c:str}/members")
    async def change_members(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.ChangeMembers, _SMALL_BODY)
        found = await membership.change_members(caller, ConversationId(_id(c)), body)
        return answer(request, found)

    @put("/v1/conversations/{c:str}/policy")
    async def change_policy(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.ChangePolicy, _SMALL_BODY)
        found = await membership.change_policy(caller, ConversationId(_id(c)), body)
        return answer(request, found)

    @put("/v1/conversations/{c:str}/preferences")
    async def set_preferences(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.SetPreferences, _SMALL_BODY)
        found = await membership.set_preferences(caller, ConversationId(_id(c)), body)
        return answer(request, found)

    @get("/v1/conversations/{c:str}/roster")
    async def roster(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await rosters.whole(caller, ConversationId(_id(c))))

    @get("/v1/conversations/{c:str}/roster/heads")
    async def roster_heads(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        first = _number(request, "from", 1)
        last = _number(request, "to", first + MOST_HEADS - 1)
        return answer(request, await rosters.heads(caller, ConversationId(_id(c)), first, last))

    @get("/v1/conversations/{c:str}/roster/cells")
    async def roster_cells(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await rosters.cells(caller, ConversationId(_id(c))))

    @get("/v1/conversations/{c:str}/cells/{k:str}/roster")
    async def cell_roster(request: HttpRequest, c: FromPath[str], k: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        found = await rosters.of_cell(caller, ConversationId(_id(c)), CellId(_id(k)))
        return answer(request, found)

    return [
        create,
        conversations,
        conversation,
        members,
        receipts,
        change_members,
        change_policy,
        set_preferences,
        roster,
        roster_heads,
        roster_cells,
        cell_roster,
    ]


def _message_routes(hot: dict[str, Hot]) -> list[Any]:
    accept, accept_sealed = hot[_MESSAGES], hot[_SEALED]

    @post("/v1/conversations/{c:str}/messages")
    async def post_message(request: HttpRequest, c: FromPath[str]) -> Any:
        return answer(request, await accept(request, c))

    @post("/v1/conversations/{c:str}/sealed")
    async def post_sealed(request: HttpRequest, c: FromPath[str]) -> Any:
        return answer(request, await accept_sealed(request, c))

    return [post_message, post_sealed]


def _log_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    commits, reading = service.commits, service.log

    @get("/v1/conversations/{c:str}/log")
    async def log(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        after = _number(request, "after", 0)
        limit = _number(request, "limit", LOG_PAGE)
        page = await reading.page(caller, ConversationId(_id(c)), after, limit)
        return answer(request, page)

    @post("/v1/conversations/{c:str}/cells/{k:str}/commits")
    async def upload_commit(request: HttpRequest, c: FromPath[str], k: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.UploadCommit)
        accepted = await commits.upload(caller, ConversationId(_id(c)), CellId(_id(k)), body)
        return answer(request, accepted)

    @post("/v1/conversations/{c:str}/cells/{k:str}/leases")
    async def lease(request: HttpRequest, c: FromPath[str], k: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        granted = await commits.lease(caller, ConversationId(_id(c)), CellId(_id(k)))
        return answer(request, granted)

    @get("/v1/conversations/{c:str}/cells/{k:str}/welcome")
    async def welcome(request: HttpRequest, c: FromPath[str], k: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        found = await commits.welcome(caller, ConversationId(_id(c)), CellId(_id(k)))
        return answer(request, found)

    @delete("/v1/conversations/{c:str}/cells/{k:str}/welcome", status_code=200)
    async def joined(request: HttpRequest, c: FromPath[str], k: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        await commits.forget_welcome(caller, ConversationId(_id(c)), CellId(_id(k)))
        return nothing()

    return [log, upload_commit, lease, welcome, joined]


def _sealed_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    sealed, reading = service.sealed, service.log

    @get("/v1/conversations/{c:str}/sealed/chain")
    async def chain(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await sealed.chain(caller, ConversationId(_id(c))))

    @get("/v1/conversations/{c:str}/sealed/wanted")
    async def wanted(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await sealed.wanted(caller, ConversationId(_id(c))))

    @get("/v1/conversations/{c:str}/sealed/{seq:str}")
    async def entry(request: HttpRequest, c: FromPath[str], seq: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        found = await reading.sealed(caller, ConversationId(_id(c)), _seq(seq))
        return answer(request, found)

    @post("/v1/conversations/{c:str}/sealed/{seq:str}/seals", status_code=200)
    async def late(request: HttpRequest, c: FromPath[str], seq: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.LateSeals, _SEALED_BODY)
        await sealed.late(caller, ConversationId(_id(c)), _seq(seq), body)
        return nothing()

    return [chain, wanted, entry, late]


def _key_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    keys = service.keys

    @get("/v1/conversations/{c:str}/keys")
    async def newest(request: HttpRequest, c: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        since = _number(request, "since", 0)
        return answer(request, await keys.newest(caller, ConversationId(_id(c)), since))

    @put("/v1/conversations/{c:str}/cells/{k:str}/key-record", status_code=200)
    async def upload(request: HttpRequest, c: FromPath[str], k: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.UploadKeyRecord, _RECORD_BODY)
        await keys.put(caller, ConversationId(_id(c)), CellId(_id(k)), body)
        return nothing()

    return [newest, upload]


def _key_package_routes(service: DeliveryService, gate: Gate) -> list[Any]:
    key_packages = service.key_packages

    # Clients upload before the code of conduct is accepted, so that others can add them at once.
    @post("/v1/key-packages")
    async def upload(request: HttpRequest) -> Any:
        caller = await gate.caller(request, conduct=False)
        body = await read(request, wire.UploadKeyPackages, _KEY_PACKAGES_BODY)
        return answer(request, await key_packages.upload(caller, body))

    @get("/v1/key-packages")
    async def count(request: HttpRequest) -> Any:
        caller = await gate.caller(request, conduct=False)
        return answer(request, await key_packages.count(caller))

    @post("/v1/key-packages/claims")
    async def claim(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.ClaimKeyPackages, _SMALL_BODY)
        return answer(request, await key_packages.claim(caller, body))

    return [upload, count, claim]
