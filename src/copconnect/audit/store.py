"""Tables and statements of the audit log. Entries are inserted and read, never changed."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Text,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit.filters import AuditFilter
from copconnect.audit.rules import ZEROS, Entry, EntryContent
from copconnect.database.engine import METADATA, upsert_for
from copconnect.database.rows import of_row
from copconnect.records.primitives.fields import HASH_BYTES
from copconnect.records.primitives.merkle import Node, appended, leaf_hash

ENTRIES = Table(
    "audit_entries",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("by", String(200), nullable=False),
    Column("path", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("signed_as", String(16), nullable=False),
    Column("signed", LargeBinary, nullable=False),
    Column("presence", LargeBinary, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    # For finding entries; not covered by the hash, because act and signed say the same.
    Column("kind", String(64), nullable=False),
    Column("act_id", String(32), nullable=True),
    Column("device", LargeBinary(32), nullable=True),  # Signed.
    Index(None, "kind"),
    Index(None, "act_id"),
)
HEAD = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    # The right edge of the tree over all entries' hashes (RFC 6962): hashes, the largest subtree's
    # first.
    Column("edge", LargeBinary, nullable=False),
)
NODES = Table(  # Complete subtrees, from which proofs of consistency are made.
    "audit_nodes",
    METADATA,
    Column("place", BigInteger, primary_key=True, autoincrement=False),  # Level and index.
    Column("hash", LargeBinary(32), nullable=False),
)
_E, _H, _N = ENTRIES.c, HEAD.c, NODES.c


async def next_place(connection: AsyncConnection) -> tuple[int, bytes, list[bytes]]:
    """Return the next entry's number, and the hash and the tree's edge before it; the head's row is
    locked from then on."""
    grow = update(HEAD).values(number=_H.number + 1).returning(_H.number, _H.hash, _H.edge)
    row = (await connection.execute(grow)).first()
    if row is None:
        first = upsert_for(connection.dialect.name, HEAD).values(
            id=1, number=0, hash=ZEROS, edge=b""
        )
        await connection.execute(first.on_conflict_do_nothing())
        row = (await connection.execute(grow)).one()
    return row.number, row.hash, _hashes(row.edge)


async def add(
    connection: AsyncConnection,
    entry: Entry,
    edge: Sequence[bytes],
    *,
    kind: str,
    act_id: str | None,
    device: bytes | None,
) -> None:
    """Append an entry at the place that :func:`next_place` gave. ``edge``: the tree's before it."""
    content = entry.content
    await connection.execute(
        ENTRIES.insert().values(
            number=entry.number,
            made_ms=entry.made_ms,
            salt=content.salt,
            by=content.by,
            path=content.path,
            act=content.act,
            signed_as=content.signed_as,
            signed=content.signed,
            presence=content.presence,
            hash=entry.hash,
            kind=kind,
            act_id=act_id,
            device=device,
        )
    )
    grown, added = appended(edge, entry.number - 1, leaf_hash(entry.hash))
    await connection.execute(
        NODES.insert(), [{"place": _place(one), "hash": added[one]} for one in added]
    )
    await connection.execute(update(HEAD).values(hash=entry.hash, edge=b"".join(grown)))


def signers() -> Select[tuple[bytes]]:
    """Return a statement of the devices that signed entries."""
    return select(_E.device).where(_E.device.is_not(None))


async def head(connection: AsyncConnection) -> tuple[int, bytes]:
    """Return the newest entry's number and hash; zeros before the first."""
    row = (await connection.execute(select(_H.number, _H.hash))).first()
    return (0, ZEROS) if row is None else (row.number, row.hash)


async def tree(connection: AsyncConnection) -> tuple[int, list[bytes]]:
    """Return how many entries there are, and the edge of the tree over them: one row."""
    row = (await connection.execute(select(_H.number, _H.edge))).first()
    return (0, []) if row is None else (row.number, _hashes(row.edge))


async def nodes(connection: AsyncConnection, wanted: Collection[Node]) -> dict[Node, bytes]:
    """Return the hashes of complete subtrees. Raises KeyError for one that is not there."""
    rows = await connection.execute(
        select(NODES).where(_N.place.in_([_place(one) for one in wanted]))
    )
    found = {row.place: row.hash for row in rows}
    return {one: found[_place(one)] for one in wanted}


def _place(node: Node) -> int:
    level, index = node
    return level << 48 | index


def _hashes(edge: bytes) -> list[bytes]:
    return [edge[at : at + HASH_BYTES] for at in range(0, len(edge), HASH_BYTES)]


async def after(connection: AsyncConnection, number: int, limit: int) -> list[Entry]:
    """Return the entries after a number, the oldest first."""
    rows = await connection.execute(
        select(ENTRIES).where(_E.number > number).order_by(_E.number).limit(limit)
    )
    return [_entry(row) for row in rows]


async def found(
    connection: AsyncConnection, wanted: AuditFilter, before: int | None, limit: int
) -> list[Entry]:
    """Return the newest entries before a number that a filter finds, the newest first."""
    query = select(ENTRIES).where(*_conditions(wanted))
    if before is not None:
        query = query.where(_E.number < before)
    rows = await connection.execute(query.order_by(_E.number.desc()).limit(limit))
    return [_entry(row) for row in rows]


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.paths is not None:
        conditions.append(_within(wanted.paths))
    if wanted.kinds:
        conditions.append(_E.kind.in_(wanted.kinds))
    if wanted.by:
        conditions.append(_E.by.contains(wanted.by, autoescape=True))
    if wanted.about:
        conditions.append(_E.act.contains(wanted.about, autoescape=True))
    if wanted.act_id:
        conditions.append(_E.act_id == wanted.act_id)
    if wanted.from_ms is not None:
        conditions.append(_E.made_ms >= wanted.from_ms)
    if wanted.until_ms is not None:
        conditions.append(_E.made_ms < wanted.until_ms)
    return conditions


def _within(paths: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that an entry touches nothing outside these units."""
    return or_(
        _E.path.in_(paths), *(_E.path.startswith(f"{path}/", autoescape=True) for path in paths)
    )


def _entry(row: Row[Any]) -> Entry:
    content = of_row(EntryContent, row)
    return Entry(row.number, row.made_ms, content, row.hash)
