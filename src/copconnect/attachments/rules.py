"""Sizes, days and paths of attachments. Pure.

A chunk is ATTACHMENT_CHUNK_BYTES of plaintext and a 16-byte tag; only the last one may be shorter,
and only the single chunk of an empty file may hold no plaintext.
"""

from copconnect import errors, wire
from copconnect.ids import AttachmentId

TAG_BYTES = 16
CHUNK_BYTES = wire.ATTACHMENT_CHUNK_BYTES + TAG_BYTES
DAY_MS = 24 * 3600 * 1000
_IST_MS = (5 * 60 + 30) * 60 * 1000
ABANDONED_MS = DAY_MS
FOLDER = "attachments"  # In the blob store.


def chunk_count(size: int) -> int:
    """Return how many chunks a ciphertext of ``size`` bytes has. Raises BadRequest if none does."""
    count, rest = divmod(size, CHUNK_BYTES)
    if rest:
        count += 1
    if size < TAG_BYTES or 0 < rest < TAG_BYTES or (rest == TAG_BYTES and count > 1):
        raise errors.BadRequest(reason="no chunks have this size")
    return count


def chunk_size(size: int, index: int) -> int:
    """Return the bytes of chunk ``index``. Raises ChunkInvalid for an index there is not."""
    count = chunk_count(size)
    if not 0 <= index < count:
        raise errors.ChunkInvalid(expected=count, received=index)
    return CHUNK_BYTES if index < count - 1 else size - CHUNK_BYTES * (count - 1)


def check_chunk(size: int, index: int, received: int) -> None:
    """Raise ChunkInvalid unless a chunk of ``received`` bytes fits at ``index``."""
    expected = chunk_size(size, index)
    if received != expected:
        raise errors.ChunkInvalid(expected=expected, received=received)


def day_of(now_ms: int) -> int:
    """Return the number of the day in India (UTC+5:30, no daylight saving): quotas start at its
    midnight."""
    return (now_ms + _IST_MS) // DAY_MS


def blob_path(attachment_id: AttachmentId, index: int) -> str:
    """Return where a chunk lies in the blob store; spread over folders by the id."""
    return f"{FOLDER}/{attachment_id[:2]}/{attachment_id}/{index:05d}"


def attachment_of(path: str) -> AttachmentId | None:
    """Return whose chunk an object of the blob store is; None: no attachment's."""
    parts = path.split("/")
    return AttachmentId(parts[2]) if len(parts) == 4 and parts[0] == FOLDER else None
