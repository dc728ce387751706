"""Tables and statements of uploads: their chunks, and their previews by pages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA, chunks
from copconnect.database.upserts import add_once

uploads = Table(
    "directory_uploads",
    METADATA,
    Column("upload_id", String(32), primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # As in wire.UploadStage.
    Column("part", String(16), nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    # When the node that examines the file was last alive.
    Column("beat_ms", BigInteger, nullable=False),
    Column("problem", String(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("choices", Text, nullable=False),  # JSON of wire.ImportChoices.
    Column("preview", Text),  # JSON of wire.ImportPreview.
    Column("number", Integer),  # The import, once applied.
)
chunk_table = Table(
    "directory_upload_chunks",
    METADATA,
    Column("upload_id", String(32), primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
# Rows of a preview: MessagePack of wire.ImportRow, compressed, by wire.ImportShow.
pages = Table(
    "directory_upload_pages",
    METADATA,
    Column("upload_id", String(32), primary_key=True),
    Column("shown", String(16), primary_key=True),
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
_U, _C, _P = uploads.c, chunk_table.c, pages.c


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Store a new upload."""
    await connection.execute(insert(uploads), dict(row))


async def one(connection: AsyncConnection, upload_id: str) -> Any | None:
    """Return an upload."""
    return (await connection.execute(select(uploads).where(_U.upload_id == upload_id))).first()


async def newest(connection: AsyncConnection, limit: int) -> list[Any]:
    """Return the newest uploads that are not applied, the newest first."""
    query = select(uploads).where(_U.state != "applied").order_by(_U.made_ms.desc()).limit(limit)
    return list(await connection.execute(query))


async def write(connection: AsyncConnection, upload_id: str, **values: Any) -> None:
    """Write columns of an upload."""
    await connection.execute(update(uploads).where(_U.upload_id == upload_id).values(**values))


async def add_chunk(
    connection: AsyncConnection, upload_id: str, chunk: int, content: bytes
) -> None:
    """Store a chunk; one that is there stays."""
    row = {"upload_id": upload_id, "chunk": chunk, "content": content}
    await add_once(connection, chunk_table, row)


async def count_chunks(connection: AsyncConnection, upload_id: str) -> int:
    """Return how many chunks have come."""
    query = select(func.count()).select_from(chunk_table).where(_C.upload_id == upload_id)
    found: int = (await connection.execute(query)).scalar_one()
    return found


async def content(connection: AsyncConnection, upload_id: str) -> list[bytes]:
    """Return the chunks, in order."""
    query = select(_C.content).where(_C.upload_id == upload_id).order_by(_C.chunk)
    return list(await connection.scalars(query))


async def replace_pages(
    connection: AsyncConnection, upload_id: str, found: Iterable[tuple[str, int, bytes]]
) -> None:
    """Write the pages of a preview in place of those before."""
    await connection.execute(delete(pages).where(_P.upload_id == upload_id))
    for some in chunks(found):
        await connection.execute(
            insert(pages),
            [
                {"upload_id": upload_id, "shown": shown, "page": page, "content": content}
                for shown, page, content in some
            ],
        )


async def page(
    connection: AsyncConnection, upload_id: str, shown: str, number: int
) -> bytes | None:
    """Return a page of a preview."""
    query = select(_P.content).where(
        _P.upload_id == upload_id, _P.shown == shown, _P.page == number
    )
    found: bytes | None = await connection.scalar(query)
    return found


async def forget_content(connection: AsyncConnection, upload_ids: Sequence[str]) -> None:
    """Drop the chunks and pages of uploads: they are personal data."""
    await connection.execute(delete(chunk_table).where(among(_C.upload_id, upload_ids)))
    await connection.execute(delete(pages).where(among(_P.upload_id, upload_ids)))


async def forget(connection: AsyncConnection, upload_ids: Sequence[str]) -> None:
    """Drop uploads with all of their content."""
    await forget_content(connection, upload_ids)
    await connection.execute(delete(uploads).where(among(_U.upload_id, upload_ids)))


async def made_before(connection: AsyncConnection, before_ms: int) -> list[str]:
    """Return the uploads that were made before a time."""
    return list(await connection.scalars(select(_U.upload_id).where(_U.made_ms < before_ms)))


async def superfluous(
    connection: AsyncConnection, person_id: str, before_ms: int, kept: int
) -> list[str]:
    """Return the uploads that were made before a time, and of a person all but the newest."""
    old = await made_before(connection, before_ms)
    mine = (
        select(_U.upload_id)
        .where(_U.person_id == person_id)
        .order_by(_U.made_ms.desc(), _U.upload_id)
        .offset(kept)
    )
    return [*old, *await connection.scalars(mine)]
