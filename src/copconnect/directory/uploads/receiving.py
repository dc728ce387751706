"""Receives the files that admins send, in chunks, within the budget of a day."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import budgets, errors, wire
from copconnect.budgets import DAY_MS, Budget
from copconnect.database.engine import Transaction
from copconnect.directory.uploads import upload_store
from copconnect.ids import PersonId, UploadId, new_id
from copconnect.limits import MAX_IMPORT_BYTES

KEPT_MS = 8 * 86_400_000
KEPT = 20  # Uploads of one person.
SENT = Budget("import_bytes_per_day", 16 * MAX_IMPORT_BYTES, DAY_MS)  # By one person.


async def begin(
    connection: Transaction, by: PersonId, body: wire.BeginUpload, now_ms: int
) -> UploadId:
    """Expect a file, and forget the person's old ones; return its id. Raises RateLimited."""
    upload_id = UploadId(new_id())
    await budgets.spend(connection, SENT, by, body.size, now_ms)
    old = await upload_store.superfluous(connection, by, now_ms - KEPT_MS, KEPT - 1)
    await upload_store.forget(connection, old)
    await upload_store.add(
        connection,
        {
            "upload_id": upload_id,
            "person_id": by,
            "name": body.name,
            "size": body.size,
            "sha256": body.sha256,
            "made_ms": now_ms,
            "state": "receiving",
            "part": "",
            "done": 0,
            "total": _chunks(body.size),
            "beat_ms": 0,
            "problem": "",
            "value": "",
            "choices": "{}",
        },
    )
    return upload_id


async def put_chunk(
    connection: Transaction, by: PersonId, upload_id: UploadId, index: int, data: bytes
) -> None:
    """Store a chunk; the same one again changes nothing. Raises NotFound, ChunkInvalid."""
    row = await own(connection, by, upload_id)
    left = row.size - index * wire.IMPORT_CHUNK_BYTES
    wanted = max(0, min(wire.IMPORT_CHUNK_BYTES, left))
    if left <= 0 or len(data) != wanted:
        raise errors.ChunkInvalid(expected=wanted, received=len(data))
    if row.state != "receiving":
        return
    await upload_store.add_chunk(connection, upload_id, index, data)
    there = await upload_store.count_chunks(connection, upload_id)
    await upload_store.write(connection, upload_id, done=there)


async def own(connection: AsyncConnection, by: PersonId, upload_id: UploadId) -> Any:
    """Return a person's own upload. Raises NotFound."""
    row = await upload_store.one(connection, upload_id)
    if row is None or row.person_id != by:
        raise errors.NotFound
    return row


async def complete(connection: AsyncConnection, row: Any) -> bool:
    """Return whether every chunk of an upload has come."""
    there = await upload_store.count_chunks(connection, row.upload_id)
    return there >= _chunks(row.size)


def _chunks(size: int) -> int:
    return -(-size // wire.IMPORT_CHUNK_BYTES)
