"""HTTP routes of attachments (docs/protocol.md)."""

from typing import Any

from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.response import Stream

from copconnect import errors, wire
from copconnect.attachments.service import AttachmentService
from copconnect.http.gate import Gate, HttpRequest, answer, nothing, read, read_bytes
from copconnect.http.parameters import hex_id, index
from copconnect.ids import AttachmentId

_BODY = 4096


def routes(service: AttachmentService, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @post("/v1/attachments")
    async def begin(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.BeginAttachment, _BODY)
        return answer(request, await service.begin(caller, body))

    @get("/v1/attachments/usage")
    async def usage(request: HttpRequest) -> Any:
        return answer(request, await service.usage(await gate.caller(request)))

    @get("/v1/attachments/{a:str}")
    async def status(request: HttpRequest, a: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.status(caller, _id(a)))

    @put("/v1/attachments/{a:str}/chunks/{i:str}")
    async def put_chunk(request: HttpRequest, a: FromPath[str], i: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        attachment_id, chunk = _id(a), index(i)
        limit = await service.chunk_limit(caller, attachment_id, chunk)
        try:
            data = await read_bytes(request, limit)
        except errors.TooLarge as error:
            raise errors.ChunkInvalid(expected=limit, received=limit + 1) from error
        return answer(request, await service.put_chunk(caller, attachment_id, chunk, data))

    @get("/v1/attachments/{a:str}/chunks/{i:str}")
    async def get_chunk(request: HttpRequest, a: FromPath[str], i: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        size, pieces = await service.read_chunk(caller, _id(a), index(i))
        return Stream(
            pieces,
            media_type="application/octet-stream",
            # Ciphertext never changes; only this client may keep it.
            headers={"content-length": str(size), "cache-control": "private, immutable"},
        )

    @post("/v1/attachments/{a:str}/shares")
    async def share(request: HttpRequest, a: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.ShareAttachment, _BODY)
        return answer(request, await service.share(caller, _id(a), body))

    @delete("/v1/attachments/{a:str}", status_code=200)
    async def forget(request: HttpRequest, a: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        await service.delete(caller, _id(a))
        return nothing()

    return [begin, usage, status, put_chunk, get_chunk, share, forget]


def _id(text: str) -> AttachmentId:
    return AttachmentId(hex_id(text))
