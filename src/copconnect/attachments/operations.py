"""Operations of attachments (docs/protocol.md)."""

from copconnect import errors, wire
from copconnect.attachments.service import AttachmentService
from copconnect.http.operations import Body, FileAnswer, Operation, delete, get, post, put
from copconnect.ids import AttachmentId
from copconnect.principals import Caller

_BODY = 4096
_A = "/v1/attachments/{attachment_id}"


def operations(service: AttachmentService) -> list[Operation]:
    """Return the rows."""

    async def put_chunk(
        caller: Caller, attachment_id: AttachmentId, index: int, body: Body
    ) -> wire.AttachmentStatus:
        limit = await service.chunk_limit(caller, attachment_id, index)
        try:
            data = await body.read(limit)
        except errors.TooLarge as error:
            raise errors.ChunkInvalid(expected=limit, received=limit + 1) from error
        return await service.put_chunk(caller, attachment_id, index, data)

    async def get_chunk(caller: Caller, attachment_id: AttachmentId, index: int) -> FileAnswer:
        size, pieces = await service.read_chunk(caller, attachment_id, index)
        # Ciphertext never changes; only this client may keep it.
        return FileAnswer(pieces, size=size, headers={"cache-control": "private, immutable"})

    return [
        post("/v1/attachments", service.begin, "begin_attachment", most=_BODY),
        put(f"{_A}/chunks/{{index}}", put_chunk, wait_s=120),
        get(f"{_A}/chunks/{{index}}", get_chunk, wait_s=120),
        post(f"{_A}/shares", service.share, "share_attachment", most=_BODY),
        delete(_A, service.delete, "delete_attachment"),
    ]
