"""A list of any length as one parameter of a statement.

``IN`` with a parameter for each value makes the database read a long statement, of which there is
one for each length; and when PostgreSQL keeps a plan for it, it compares every row with every value
(120 s in place of 12 for a conversation of 63,000). These values are rows, which both databases
join as they join a table.
"""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, String, TypeDecorator, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class _TextArray(TypeDecorator[list[str]]):
    """A list of texts: an array on PostgreSQL, JSON on SQLite."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that the driver knows."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.ARRAY(String()))
        return dialect.type_descriptor(String())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> Any:
        """Return the parameter as the driver takes it."""
        return value if dialect.name == "postgresql" else json.dumps(value)


class _ParameterRows(FunctionElement[str]):
    """The values of a parameter, each a row."""

    inherit_cache = True
    name = "rows"


@compiles(_ParameterRows)
def _on_sqlite(element: _ParameterRows, compiler: SQLCompiler, **options: Any) -> str:
    parameter = compiler.process(element.clauses, **options)
    return f"(SELECT value FROM json_each({parameter}))"  # noqa: S608 - bound, not spliced.


@compiles(_ParameterRows, "postgresql")
def _on_postgresql(element: _ParameterRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **options)}))"


def among(column: ColumnElement[Any], values: Collection[str] | str) -> ColumnElement[bool]:
    """Return whether a column of texts has one of these values, however many they are. A text in
    place of the values names a parameter: a list that each execution binds."""
    if isinstance(values, str):
        given = bindparam(values, type_=_TextArray())
    else:
        given = bindparam(None, list(values), type_=_TextArray(), unique=True)
    return column.op("IN", is_comparison=True)(_ParameterRows(given))
