"""Rows as values, and values made of rows."""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any, TypeVar

from sqlalchemy import Row, Select

from copconnect.ids import PersonId

_T = TypeVar("_T")
PeopleSelect = Select[tuple[PersonId]]


def of_row(kind: Callable[..., _T], row: Row[Any], **rest: Any) -> _T:
    """Return a struct or dataclass whose fields are the columns of a row of the same names, but
    for those in ``rest``."""
    columns = {name: getattr(row, name) for name in _fields(kind) if name not in rest}
    return kind(**columns, **rest)


@cache
def _fields(kind: Callable[..., object]) -> tuple[str, ...]:
    return tuple(signature(kind).parameters)
