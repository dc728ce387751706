"""Tables and statements of imports: what each changed, mappings and names that were confirmed, and
whose turn it is to import.

Mappings and names serve a part of the tree: the one over which the person imports who confirmed
them, and every part within it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
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
from copconnect.database.engine import METADATA, upsert_for
from copconnect.database.upserts import put
from copconnect.directory.files.mapping import ColumnMapping
from copconnect.rights import Permit, covers, require_part

imports = Table(
    "directory_imports",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("by", Text, nullable=False),
    Column("source", Text, nullable=False),  # The name of the file.
    Column("digest", String(64), nullable=False),  # SHA-256 of the file.
    Column("at_ms", BigInteger, nullable=False),
    Column("counts", Text, nullable=False),  # JSON.
    # The version of units, levels, ranks and roles that it left; "" where it changed none.
    Column("organisation", String(64), nullable=False),
    Column("undoes", Integer, nullable=True),  # The import that this one undid.
    Column("undone_ms", BigInteger, nullable=True),
    Column("paths", Text, nullable=False),  # Unit paths that it touched.
)
# The rows as they were before an import, of what it changed: MessagePack, compressed.
parts = Table(
    "directory_import_parts",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
mappings = Table(
    "directory_import_mappings",
    METADATA,
    Column("part", String(32), primary_key=True),  # A hash of the paths.
    Column("fingerprint", String(32), primary_key=True),
    Column("paths", Text, nullable=False),  # Unit paths of the part, separated by line feeds.
    Column("mapping", Text, nullable=False),  # JSON.
)
aliases = Table(
    "directory_import_aliases",
    METADATA,
    Column("part", String(32), primary_key=True),
    Column("field", String(16), primary_key=True),  # unit, rank, roles, level
    Column("typed", String(200), primary_key=True),
    Column("paths", Text, nullable=False),
    Column("code", String(64), nullable=False),
)
turn = Table(
    "directory_import_turn",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("by", Text, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)


async def acquire_turn(
    connection: AsyncConnection, dialect: str, by: str, now_ms: int, until_ms: int
) -> bool:
    """Take the one place of the process that imports; return whether nobody else has it."""
    statement = upsert_for(dialect, turn).values(id=1, by=by, until_ms=until_ms)
    taken = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[turn.c.id],
            set_={"by": by, "until_ms": until_ms},
            where=turn.c.until_ms <= now_ms,
        )
    )
    return taken.rowcount == 1


async def whose_turn(connection: AsyncConnection) -> Any | None:
    """Return who imports, and until when their place is held."""
    return (await connection.execute(select(turn))).first()


async def release_turn(connection: AsyncConnection, by: str) -> None:
    """Give the place back."""
    await connection.execute(update(turn).where(turn.c.by == by).values(until_ms=0))


async def next_number(connection: AsyncConnection) -> int:
    """Return the number of the next import; the Directory's lock keeps it from anybody else."""
    newest: int | None = await connection.scalar(select(func.max(imports.c.number)))
    return (newest or 0) + 1


async def add(
    connection: AsyncConnection, row: Mapping[str, Any], contents: Iterable[bytes]
) -> None:
    """Store an import and the rows that it changed, as they were before."""
    await connection.execute(insert(imports), dict(row))
    number = row["number"]
    for part, content in enumerate(contents):
        await connection.execute(
            insert(parts), {"number": number, "part": part, "content": content}
        )


async def forget_parts(connection: AsyncConnection, kept: int, newest: int) -> None:
    """Drop what imports changed, but for the newest: it is personal data of the past."""
    await connection.execute(delete(parts).where(parts.c.number <= newest - kept))


async def mark_undone(connection: AsyncConnection, number: int, now_ms: int) -> None:
    """Write that an import was undone."""
    await connection.execute(
        update(imports).where(imports.c.number == number).values(undone_ms=now_ms)
    )


async def newest(connection: AsyncConnection, limit: int) -> list[Any]:
    """Return the newest imports, the newest first, each with ``kept``: whether it can be undone as
    far as what is kept goes."""
    kept = select(parts.c.number).where(parts.c.number == imports.c.number).exists()
    query = select(imports, kept.label("kept")).order_by(imports.c.number.desc()).limit(limit)
    return list(await connection.execute(query))


async def by_number(connection: AsyncConnection, number: int) -> Any | None:
    """Return an import."""
    return (await connection.execute(select(imports).where(imports.c.number == number))).first()


async def contents(connection: AsyncConnection, number: int) -> list[bytes]:
    """Return the parts of an import, in order."""
    query = select(parts.c.content).where(parts.c.number == number).order_by(parts.c.part)
    return list(await connection.scalars(query))


async def all_parts(connection: AsyncConnection) -> list[tuple[int, int, bytes]]:
    """Return everything that is kept of imports: number, part, content."""
    rows = await connection.execute(select(parts).order_by(parts.c.number, parts.c.part))
    return [(row.number, row.part, row.content) for row in rows]


async def replace_part(connection: AsyncConnection, number: int, part: int, content: bytes) -> None:
    """Write a part of an import again."""
    await connection.execute(
        update(parts).where(parts.c.number == number, parts.c.part == part).values(content=content)
    )


def _hash(part: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(part).encode()).hexdigest()[:32]


def _serves(paths: str, part: Sequence[str]) -> bool:
    """Return whether what is remembered for a part serves another one."""
    above = paths.split("\n")
    return all(any(covers(one, path) for one in above) for path in part)


async def known_mappings(
    connection: AsyncConnection, part: Sequence[str], fingerprints: Sequence[str]
) -> dict[str, ColumnMapping]:
    """Return the mappings that are remembered for these fingerprints and serve a part; of several
    the narrowest."""
    query = select(mappings).where(among(mappings.c.fingerprint, fingerprints))
    rows = [row for row in await connection.execute(query) if _serves(row.paths, part)]
    rows.sort(key=lambda row: (len(row.paths), row.part))
    return {row.fingerprint: msgspec.json.decode(row.mapping, type=ColumnMapping) for row in rows}


async def remember_mappings(
    connection: AsyncConnection,
    permit: Permit,
    part: Sequence[str],
    found: Mapping[str, ColumnMapping],
) -> None:
    """Remember mappings by fingerprint."""
    require_part(permit, part)
    for fingerprint, mapping in found.items():
        row = {
            "part": _hash(part),
            "fingerprint": fingerprint,
            "paths": "\n".join(part),
            "mapping": msgspec.json.encode(mapping).decode(),
        }
        await put(connection, mappings, row, "mapping")


async def known_aliases(
    connection: AsyncConnection, part: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the codes of what people type, by field, as far as they serve a part; of several the
    narrowest."""
    found: dict[str, dict[str, str]] = {}
    rows = [row for row in await connection.execute(select(aliases)) if _serves(row.paths, part)]
    for row in sorted(rows, key=lambda row: (len(row.paths), row.part)):
        found.setdefault(row.field, {})[row.typed] = row.code
    return found


async def remember_aliases(
    connection: AsyncConnection,
    permit: Permit,
    part: Sequence[str],
    found: Mapping[str, Mapping[str, str]],
) -> None:
    """Remember what people type for a code."""
    require_part(permit, part)
    key, paths = _hash(part), "\n".join(part)
    for field, codes in found.items():
        for typed, code in codes.items():
            row = {"part": key, "field": field, "typed": typed, "paths": paths, "code": code}
            await put(connection, aliases, row, "code")
