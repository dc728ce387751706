"""Statements on the policy of standing groups, and its form as a file."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Integer, LargeBinary, String, Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.engine import METADATA

GROUP_POLICY = Table(
    "directory_group_policy",
    METADATA,
    Column("code", String(32), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("line", LargeBinary, nullable=False),  # JSON of wire.GroupPolicy.
)
_LINE = msgspec.json.Decoder(wire.GroupPolicy)
_LINES = msgspec.json.Decoder(list[wire.GroupPolicy])


def parse(content: bytes) -> list[wire.GroupPolicy]:
    """Return the lines of a policy's file, a JSON list of wire.GroupPolicy.

    Raises ActInvalid.
    """
    try:
        lines = _LINES.decode(content)
    except msgspec.DecodeError as error:
        raise errors.ActInvalid(reason=str(error)) from error
    _check_codes(lines)
    return lines


def _check_codes(lines: Sequence[wire.GroupPolicy]) -> None:
    codes = [line.code for line in lines]
    for code in codes:
        if codes.count(code) > 1:
            raise errors.ActInvalid(reason=f"two lines have the code {code}")


def check(lines: Sequence[wire.GroupPolicy], organisation: Mapping[str, Sequence[Any]]) -> None:
    """Raise ActInvalid for a level, role or rank that the data bank does not have, and for two
    lines of one code."""
    _check_codes(lines)
    known = {
        name: {row.code for row in organisation[name]} for name in ("levels", "roles", "ranks")
    }
    for line in lines:
        for name, codes in (("levels", line.levels), ("roles", line.roles), ("ranks", line.ranks)):
            for code in codes:
                if code not in known[name]:
                    reason = f"{line.code}: the data bank has no {code} in its {name}"
                    raise errors.ActInvalid(reason=reason)


async def read(connection: AsyncConnection) -> list[wire.GroupPolicy]:
    """Return the policy, in order."""
    query = select(GROUP_POLICY.c.line).order_by(GROUP_POLICY.c.position)
    return [_LINE.decode(line) for line in await connection.scalars(query)]


async def replace(connection: AsyncConnection, lines: Sequence[wire.GroupPolicy]) -> None:
    """Write a policy in place of the one that is stored."""
    await connection.execute(delete(GROUP_POLICY))
    rows = [
        {"code": line.code, "position": position, "line": msgspec.json.encode(line)}
        for position, line in enumerate(lines)
    ]
    if rows:
        await connection.execute(insert(GROUP_POLICY), rows)
