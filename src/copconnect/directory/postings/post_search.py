"""The words by which posts are found, kept in step with posts, units and roles."""

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from typing import Any

from sqlalchemy import Column, Integer, String, Table, Text, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA, chunks
from copconnect.database.word_index import WordIndex
from copconnect.directory import names
from copconnect.directory.finding import words
from copconnect.directory.finding.words import Word
from copconnect.directory.store import posts, roles, units
from copconnect.ids import PostId, UnitId

BATCH = 5_000
_INDEXED_ANEW = 5_000  # Posts; for fewer the words of each are indexed one by one.
POST_SEARCH = Table(
    "directory_post_search",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("post_id", String(32), nullable=False, unique=True),
    Column("words", Text, nullable=False),
)
WORDS = WordIndex(POST_SEARCH.c.words)
_S, _P = POST_SEARCH.c, posts.c


async def write(connection: AsyncConnection, post_ids: Collection[PostId] | None) -> None:
    """Write the words of these posts again; None: of all, after another name or place of units.
    Posts that were abolished or have no title are not found."""
    role_names = {row.code: names.of(row) for row in await connection.execute(select(roles))}
    query = select(posts, units.c.path, *(units.c[name] for name in names.columns("name")))
    query = query.join_from(posts, units, units.c.unit_id == _P.unit_id)
    gone = delete(POST_SEARCH)
    if post_ids is not None:
        query = query.where(among(_P.post_id, post_ids))
        gone = gone.where(among(_S.post_id, post_ids))
    found = [row for row in await connection.execute(query) if _is_there(row)]
    whole = post_ids is None or len(post_ids) > _INDEXED_ANEW
    async with WORDS.made_anew(connection) if whole else nullcontext():
        await connection.execute(gone)
        for part in chunks([_row(one, role_names) for one in found], BATCH):
            await connection.execute(insert(POST_SEARCH), part)


def _is_there(row: Any) -> bool:
    return row.abolished_ms is None and bool(row.post_en)


def _row(row: Any, role_names: dict[str, Any]) -> dict[str, str]:
    codes = row.roles.split()
    named = [role_names[code] for code in codes if code in role_names]
    others = [names.of(row, "post"), names.of(row), *named]
    return {"post_id": row.post_id, "words": words.post_words(others, codes, row.path)}


async def find(
    connection: AsyncConnection, text: str, within: UnitId | None, limit: int
) -> Sequence[PostId]:
    """Return the posts that a text finds, at or below a unit if one is given: those spelled so
    first, heads of units first in each."""
    wanted = words.search(text)
    narrow = words.filters(within, deep=True)
    if wanted is None or not wanted.heard or narrow is None:
        return []
    found: dict[PostId, None] = {}
    for groups in (wanted.spelled, wanted.heard):
        if len(found) < limit:
            asked: list[Sequence[Word]] = [*groups, *narrow]
            query = select(_S.post_id).join(posts, _P.post_id == _S.post_id)
            query = query.where(WORDS.has(connection.dialect.name, asked))
            ordered = query.order_by(_P.head.desc(), _P.post_en, _P.unit_id).limit(limit)
            found |= dict.fromkeys(await connection.scalars(ordered))
    return list(found)[:limit]
