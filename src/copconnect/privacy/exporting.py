"""Reads what the server keeps about a person, for a copy that the person can read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service.tables import clients
from copconnect.database.among import among
from copconnect.directory import names, store
from copconnect.ids import PersonId
from copconnect.privacy.kinds import KINDS, PersonalTable
from copconnect.records.trust.person_card import PersonCard

ExportedRow = dict[str, Any]


async def read(connection: AsyncConnection, person_id: PersonId) -> dict[str, Any]:
    """Return a section for each kind that has rows of this person."""
    found: dict[str, Any] = {}
    devices = list(
        await connection.scalars(
            select(clients.c.client_id).where(clients.c.person_id == person_id)
        )
    )
    for kind in KINDS:
        rows = await _rows(connection, kind, person_id, devices)
        if rows:
            stays = "" if kind.erased else kind.fate
            found[kind.section] = {"stays_after_erasure_because": stays, "rows": rows}
    await _name_posts(connection, found)
    return found


async def _rows(
    connection: AsyncConnection, kind: PersonalTable, person_id: PersonId, devices: Sequence[str]
) -> list[ExportedRow]:
    columns = kind.table.c
    query = select(*(columns[name] for name in kind.shown))
    found: list[Any] = []
    for condition in _conditions(kind, person_id, devices):
        found += (await connection.execute(query.where(condition))).mappings()
    return [_readable(kind, row, person_id) for row in found]


def _conditions(
    kind: PersonalTable, person_id: PersonId, devices: Sequence[str]
) -> Sequence[ColumnElement[bool]]:
    columns = kind.table.c
    match kind.section:
        case "audit_log":
            # The copy tells its person nothing of a legal hold.
            about = columns.act.contains(person_id, autoescape=True)
            about &= columns.kind.not_in(("messages_held", "hold_lifted"))
            return [or_(about, columns.by.startswith(f"person {person_id} "))]
        case "reports_about_the_person":
            return [(columns.reported_id == person_id) & columns.decided_ms.is_not(None)]
    if kind.by == ("client_id",):
        return [among(columns.client_id, devices)]
    return [or_(*(columns[name] == person_id for name in kind.by))]


def _readable(kind: PersonalTable, row: Mapping[Any, Any], person_id: PersonId) -> ExportedRow:
    found: ExportedRow = {}
    for name, value in row.items():
        match value:
            case bytes() if name == "record":
                found |= _card(PersonCard.parse(value))
            case bytes():
                found[name] = value.hex()
            case int() if name.endswith("_ms") and not isinstance(value, bool):
                found[name.removesuffix("_ms")] = _time(value)
            case None if name.endswith("_ms"):
                found[name.removesuffix("_ms")] = None
            case str() if kind.section == "audit_log" and name == "act":
                found |= _own(msgspec.json.decode(value, type=ExportedRow), person_id)
            case _:
                found[name] = value
    return found


def _card(card: PersonCard) -> ExportedRow:
    said = {name: dict(getattr(card, name)) for name in ("names", "rank", "post", "unit")}
    return said | {"path": card.path, "created": _time(card.created)}


def _own(act: ExportedRow, person_id: PersonId) -> ExportedRow:
    """Return an act without the other people whom it names beside this one."""
    return {
        name: [person_id] if isinstance(value, list) and person_id in value else value
        for name, value in act.items()
    }


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


async def _name_posts(connection: AsyncConnection, found: Mapping[str, Any]) -> None:
    """Write the title and the unit of each post beside its id."""
    rows = [
        row
        for section in ("data_bank", "posts")
        for row in found.get(section, {"rows": []})["rows"]
    ]
    query = select(store.posts).where(
        among(store.posts.c.post_id, {row["post_id"] for row in rows})
    )
    titles = {post.post_id: post for post in await connection.execute(query)}
    for row in rows:
        title = titles.get(row["post_id"])
        if title is not None:
            row |= {"unit_id": title.unit_id}
            row |= {name: getattr(title, name) for name in names.columns("post")}
