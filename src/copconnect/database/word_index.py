"""An index of the words in a text column: FTS5 on SQLite, GIN on PostgreSQL.

The column holds words between single spaces. A word has letters, marks, digits and ASCII symbols
that Unicode 3.2 knows, because a SQLite that is older than a letter would split the word there;
quotes and backslashes it has none. The database keeps the index in step with the table
automatically (triggers on SQLite), so what writes rows knows nothing of it. ``METADATA`` creates
the index with its table.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    Table,
    and_,
    column,
    event,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

# Everything that separates no words, for SQLite's tokenizer; the column has no other characters.
_TOKENS = "unicode61 remove_diacritics 0 categories 'L* M* N* P* S*'"


PENDING = "gin_pending_list_limit"
PENDING_MOST = "64kB"
"""The list of words that PostgreSQL has not taken into an index yet is at most so long: each search
reads through it, which takes 2 ms for each 8 kB."""
PENDING_AT_ONCE = "4MB"  # The same while most rows change.


Word = tuple[str, bool]  # The beginning of a word to find; True: the whole word.


class WordIndex:
    """The index over ``text`` of a table with the integer primary key ``id``."""

    def __init__(self, text: Column[str]) -> None:
        self._text = text
        self._table: Table = text.table
        self._name = name_of(self._table.name, text.name)
        self._table.info["word_index"] = text.name
        event.listen(self._table, "after_create", self._created)

    def _created(self, _: Table, connection: Connection, **__: Any) -> None:
        for statement in _statements(connection.dialect.name, self._table.name, self._text.name):
            connection.exec_driver_sql(statement)

    @asynccontextmanager
    async def made_anew(self, connection: AsyncConnection) -> AsyncIterator[None]:
        """Let SQLite index the whole table at the end, in the caller's transaction: a third of the
        time where most rows change. PostgreSQL, where others search meanwhile, takes new words into
        the index many at a time."""
        if connection.dialect.name != "sqlite":
            await connection.exec_driver_sql(f"SET LOCAL {PENDING} = '{PENDING_AT_ONCE}'")
            yield
            await connection.execute(select(func.gin_clean_pending_list(self._name)))
            await connection.exec_driver_sql(f"SET LOCAL {PENDING} = '{PENDING_MOST}'")
            return
        for name in ("put", "drop", "change"):
            await connection.exec_driver_sql(f"DROP TRIGGER {self._name}_{name}")
        yield
        rebuild = f"INSERT INTO {self._name}({self._name}) VALUES ('rebuild')"  # noqa: S608
        for statement in (rebuild, *_triggers(self._table.name, self._text.name)):
            await connection.exec_driver_sql(statement)

    def has(
        self,
        dialect: str,
        wanted: Sequence[Sequence[Word]],
        *,
        most: int | None = None,
        many: bool = False,
    ) -> ColumnElement[bool]:
        """Return a condition: the row has, of each group, one of its words. ``most``: that many
        rows are enough, whichever. ``many``: so many rows have that SQLite finds the first ones
        sooner by going through all in their order."""
        if dialect == "sqlite":
            identifier = self._table.c.id + 0 if many else self._table.c.id
            return identifier.in_(self._ids(dialect, wanted).limit(most))
        return self._vector_has(wanted)

    def count(self, dialect: str, wanted: Sequence[Sequence[Word]]) -> Select[Any]:
        """Return a statement of how many rows have, of each group, one of its words; on SQLite it
        reads the index alone."""
        return select(func.count()).select_from(self._ids(dialect, wanted).subquery())

    def says(
        self, column: ColumnElement[str], wanted: Sequence[Sequence[Word]]
    ) -> ColumnElement[bool]:
        """Return the same condition of the words in a column, for rows that :meth:`has` found: it
        reads every row's words."""
        padded = literal(" ").concat(column).concat(" ")

        def said(word: Word) -> ColumnElement[bool]:
            text, whole = word
            return padded.contains(f" {text} " if whole else f" {text}", autoescape=True)

        return and_(*(or_(*map(said, group)) for group in wanted))

    def among(self, dialect: str, wanted: Sequence[Sequence[Word]]) -> ColumnElement[bool]:
        """Return the same condition for rows that another one found."""
        return self._table.c.id.in_(self._ids(dialect, wanted))

    def _ids(self, dialect: str, wanted: Sequence[Sequence[Word]]) -> Select[tuple[int]]:
        if dialect == "sqlite":
            index = table(self._name, column("rowid", Integer), column(self._name, String))
            match = index.c[self._name].op("MATCH")(literal(_fts5(wanted), String))
            return select(index.c.rowid).where(match)
        # PostgreSQL makes a row's words again where it compares rows one by one.
        other = self._table.alias("other")
        return select(other.c.id).where(self._vector_has(wanted, other.name))

    def _vector_has(
        self, wanted: Sequence[Sequence[Word]], named: str | None = None
    ) -> ColumnElement[bool]:
        text = f"{named or self._table.name}.{self._text.name}"
        words: ColumnElement[str] = literal_column(_vector(text))
        return words.op("@@")(literal(_tsquery(wanted), String).cast(TSQUERY))


def name_of(table_name: str, column_name: str) -> str:
    """Return the name of an index."""
    return f"{table_name}_{column_name}_index"


def _statements(dialect: str, table_name: str, column_name: str) -> list[str]:
    """Return the statements that create the index of an empty table."""
    index = name_of(table_name, column_name)
    if dialect != "sqlite":
        return [f"CREATE INDEX {index} ON {table_name} USING gin ({_vector(column_name)})"]
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5({column_name}, content='{table_name}',"
        f" content_rowid='id', tokenize=\"{_TOKENS}\", prefix='2 3', detail=none, columnsize=0)",
        *_triggers(table_name, column_name),
    ]


def _triggers(table_name: str, column_name: str) -> list[str]:
    index = name_of(table_name, column_name)
    # The names are the program's own.
    put = f"INSERT INTO {index}(rowid, {column_name}) VALUES (new.id, new.{column_name})"  # noqa: S608
    gone = f"'delete', old.id, old.{column_name}"
    drop = f"INSERT INTO {index}({index}, rowid, {column_name}) VALUES ({gone})"  # noqa: S608
    return [
        f"CREATE TRIGGER {index}_put AFTER INSERT ON {table_name} BEGIN {put}; END",
        f"CREATE TRIGGER {index}_drop AFTER DELETE ON {table_name} BEGIN {drop}; END",
        f"CREATE TRIGGER {index}_change AFTER UPDATE ON {table_name} BEGIN {drop}; {put}; END",
    ]


def _vector(text: str) -> str:
    # A constant, not a parameter: PostgreSQL must see the index's own expression.
    return f"array_to_tsvector(string_to_array({text}, ' '))"


def _fts5(wanted: Sequence[Sequence[Word]]) -> str:
    def one(word: Word) -> str:
        text, whole = word
        return f'"{text}"' + ("" if whole else "*")

    return " AND ".join(f"({' OR '.join(map(one, group))})" for group in wanted)


def _tsquery(wanted: Sequence[Sequence[Word]]) -> str:
    def one(word: Word) -> str:
        text, whole = word
        return f"'{text}'" + ("" if whole else ":*")

    return " & ".join(f"({' | '.join(map(one, group))})" for group in wanted)
