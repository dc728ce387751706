"""Compares the attachments that a database names with the objects that a blob store holds.

The rows are read first: a blob is written before its row. An attachment that is deleted meanwhile
loses its rows after its blobs, so only one that the database still names afterwards is missing.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from copconnect.attachments import rules
from copconnect.attachments.store import Expected
from copconnect.ids import AttachmentId

Rows = Callable[[], Awaitable[Sequence[Expected]]]
"""Reads what the database expects now."""


@dataclass(slots=True)
class _Chunks:
    count: int = 0
    size: int = 0


class StoredChunks:
    """The chunks that a store holds of each attachment."""

    def __init__(self) -> None:
        self._found: dict[AttachmentId, _Chunks] = {}

    def add(self, path: str, size: int) -> None:
        """Count an object; one that is no attachment's does not matter."""
        attachment_id = rules.attachment_of(path)
        if attachment_id is not None:
            chunks = self._found.setdefault(attachment_id, _Chunks())
            chunks.count += 1
            chunks.size += size

    def lacking(self, expected: Iterable[Expected]) -> set[AttachmentId]:
        """Return the attachments that lack chunks, or bytes."""
        return {one.attachment_id for one in expected if not self._is_whole(one)}

    def _is_whole(self, wanted: Expected) -> bool:
        found = self._found.get(wanted.attachment_id, _Chunks())
        # A chunk of an upload under way may be there before its row.
        return found.count >= wanted.chunks and wanted.size in (None, found.size)


async def missing(
    expected: Sequence[Expected], held: StoredChunks, now: Rows
) -> list[AttachmentId]:
    """Return the attachments of which the store lacks something, and that the database still
    names."""
    lacking = held.lacking(expected)
    if not lacking:
        return []
    return sorted(lacking & {one.attachment_id for one in await now()})
