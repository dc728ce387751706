"""The shape of a database: its tables, columns, keys and indexes, as it has them and as the code
describes them in ``METADATA``.

A database that an edited migration made has the right migration's mark and the wrong tables, so
the mark is not enough. Each shape is a set of lines in words; the code has no foreign keys and no
checks. An index that the code does not know, and that refuses no row, is the operator's own.
``METADATA`` is complete once the roles are imported.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Dialect, Index, MetaData, Table, text

from copconnect.database import word_index

_SQLITE = """
SELECT m.name AS "table", c.name AS "column", c.type AS kind, c."notnull" AS needed, c.pk AS place
FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
"""
_SQLITE_INDEXES = """
SELECT m.name AS "table", i.name AS name, i."unique" AS refuses, n.name AS "column"
FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS i JOIN pragma_index_info(i.name) AS n
WHERE m.type = 'table' AND i.origin <> 'pk' ORDER BY i.name, n.seqno
"""
_POSTGRESQL = """
SELECT r.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS kind,
  a.attnotnull AS needed, coalesce(array_position(p.indkey::smallint[], a.attnum), -1) + 1 AS place
FROM pg_class AS r JOIN pg_attribute AS a ON a.attrelid = r.oid
LEFT JOIN pg_index AS p ON p.indrelid = r.oid AND p.indisprimary
WHERE r.relnamespace = current_schema()::regnamespace AND r.relkind IN ('r', 'p')
  AND a.attnum > 0 AND NOT a.attisdropped
"""
_POSTGRESQL_INDEXES = """
SELECT r.relname AS "table", n.relname AS name, i.indisunique AS refuses, a.attname AS "column"
FROM pg_index AS i JOIN pg_class AS r ON r.oid = i.indrelid
JOIN pg_class AS n ON n.oid = i.indexrelid
LEFT JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, place) ON true
LEFT JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = k.number AND k.number > 0
WHERE r.relnamespace = current_schema()::regnamespace AND NOT i.indisprimary
ORDER BY n.relname, k.place
"""
_TYPES = {"varchar": "character varying", "float": "double precision"}  # PostgreSQL's own words.
_MARK = "alembic_version"


@dataclass(frozen=True, slots=True)
class Difference:
    """How a database differs from the code's description: lines of each alone, sorted."""

    lacks: tuple[str, ...]
    unknown: tuple[str, ...]
    found: str
    wanted: str

    def __bool__(self) -> bool:
        return bool(self.lacks or self.unknown)


def difference(connection: Connection, metadata: MetaData) -> Difference:
    """Compare a database with the tables of the code."""
    wanted = set(_wanted(connection.dialect, metadata))
    found = set(_found(connection, metadata))
    unknown = {one for one in found - wanted if not one.startswith("index ")}
    return Difference(
        tuple(sorted(wanted - found)),
        tuple(sorted(unknown)),
        fingerprint(found & wanted | unknown),
        fingerprint(wanted),
    )


def fingerprint(lines: Collection[str]) -> str:
    """Return a short name of a shape."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]


def _wanted(dialect: Dialect, metadata: MetaData) -> Iterator[str]:
    for table in metadata.sorted_tables:
        keys = [column.name for column in table.primary_key]
        for column in table.columns:
            kind = str(column.type.compile(dialect)).lower().partition(" collate ")[0]
            if dialect.name == "postgresql":
                word, bracket, rest = kind.partition("(")
                kind = _TYPES.get(word, word) + bracket + rest
            place = keys.index(column.name) + 1 if column.name in keys else 0
            yield _column(table.name, column.name, kind, needed=not column.nullable, place=place)
        for index in table.indexes:
            yield _index(
                table.name, _name(dialect, index), [one.name for one in index.columns], index.unique
            )
        for unique in table.constraints - {table.primary_key}:
            columns = [str(one.name) for one in getattr(unique, "columns", ())]
            yield _index(table.name, "", columns, refuses=True)
        if (words := _word_index(table)) is not None:
            yield _index(table.name, words, [], refuses=False)


def _name(dialect: Dialect, index: Index) -> str:
    return str(dialect.identifier_preparer.format_index(index)).strip('"')


def _word_index(table: Table) -> str | None:
    column = table.info.get("word_index")
    return None if column is None else word_index.name_of(table.name, column)


def _found(connection: Connection, metadata: MetaData) -> Iterator[str]:
    sqlite = connection.dialect.name == "sqlite"
    # SQLite keeps an index of words in tables, whose names begin with the index's.
    words = {name: table.name for table in metadata.sorted_tables if (name := _word_index(table))}
    for row in connection.execute(text(_SQLITE if sqlite else _POSTGRESQL)):
        if row.table in words:
            yield _index(words[row.table], row.table, [], refuses=False)
        elif row.table != _MARK and not (sqlite and row.table.startswith(tuple(words))):
            yield _column(row.table, row.column, row.kind.lower(), bool(row.needed), row.place)
    indexes: dict[tuple[str, str, bool], list[str]] = {}
    for row in connection.execute(text(_SQLITE_INDEXES if sqlite else _POSTGRESQL_INDEXES)):
        columns = indexes.setdefault((row.table, row.name, bool(row.refuses)), [])
        if row.column is not None:
            columns.append(row.column)
    for (table, name, refuses), columns in indexes.items():
        yield _index(table, name, columns, refuses)


def _column(table: str, column: str, kind: str, needed: bool, place: int) -> str:
    key = f", key {place}" if place else ""
    return f"column {table}.{column} ({kind}{', not null' if needed else ''}{key})"


def _index(table: str, name: str, columns: Iterable[str], refuses: bool) -> str:
    """A unique index and a unique constraint are the same; SQLite has no name for the latter."""
    listed = ", ".join(columns)
    return f"unique {table} ({listed})" if refuses else f"index {name} of {table} ({listed})"
