"""Rows that are bound as parameters of a statement, which joins them as it joins a table.

They are arrays on PostgreSQL, whose planner then expects few rows, and JSON on SQLite. The text of
the statement is the same for any number of rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, JSON, FromClause, bindparam, func, select
from sqlalchemy.sql import column
from sqlalchemy.types import TypeEngine


class GivenRows:
    """The rows of a parameter ``name`` with these columns."""

    def __init__(self, name: str, columns: Mapping[str, type[TypeEngine[Any]]]) -> None:
        self._name = name
        self._columns = columns

    def clause(self, dialect: str) -> FromClause:
        """Return the rows as something that a statement of this dialect can join."""
        if dialect == "sqlite":
            each = func.json_each(bindparam(self._name, type_=JSON())).table_valued("value")
            values = (
                func.json_extract(each.c.value, f"$[{place}]", type_=kind()).label(name)
                for place, (name, kind) in enumerate(self._columns.items())
            )
            return select(*values).subquery(self._name)
        arrays = (
            bindparam(f"{self._name}_{name}", type_=ARRAY(kind))
            for name, kind in self._columns.items()
        )
        found = func.unnest(*arrays).table_valued(
            *(column(name, kind) for name, kind in self._columns.items()), name=self._name
        )
        return found.render_derived()

    def values(self, dialect: str, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """Return the parameters of a statement for these rows, one at least."""
        if dialect == "sqlite":
            return {self._name: [[*row] for row in rows]}
        arrays = zip(*rows, strict=True)
        return {
            f"{self._name}_{name}": [*one] for name, one in zip(self._columns, arrays, strict=True)
        }
