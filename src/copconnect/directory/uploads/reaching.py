"""The reach of imports that were read, and of undoing those of the past."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.directory import rules, store
from copconnect.directory.imports import allowing, import_store, keeping, refusals
from copconnect.directory.imports.judging import Prepared
from copconnect.directory.postings import posting_store
from copconnect.directory.uploads import rows
from copconnect.ids import PersonId
from copconnect.rights import PersonChange

Granted = Mapping[PersonId, Collection[str]]


@dataclass(frozen=True, slots=True)
class ImportReach:
    """The units and people that an import, or undoing it, touches. ``leaving``: how many it
    suspends or removes."""

    paths: frozenset[str]
    changes: Sequence[PersonChange]
    leaving: int


def of_import(prepared: Prepared, granted: Granted) -> ImportReach:
    """Return what an import touches. ``granted``: unit paths of the grants in force, by who holds
    them."""
    changes = rows.person_changes(prepared, granted)
    paths = allowing.touched(changes, whole=prepared.reorganises)
    return ImportReach(frozenset(paths), changes, prepared.preview.leaving)


async def of_undo(connection: AsyncConnection, number: int, granted: Granted) -> ImportReach:
    """Return what undoing an import touches. Raises NotUndoable."""
    contents = await import_store.contents(connection, number)
    if not contents:
        raise refusals.NotUndoable(str(number))
    kept = await asyncio.to_thread(keeping.decode, contents)
    before = {rules.person_id(row["code"]): row["unit"] for row in kept.people}
    now = {
        row.person_id: row.path.strip("/")
        for row in await store.rights_bases(connection, before.keys())
    }
    stored = await store.unit_paths(connection)
    charged: dict[PersonId, set[str]] = {}
    for row in await posting_store.charges(connection, before.keys()):
        charged.setdefault(PersonId(row.person_id), set()).add(row.unit_id)
    changes = [
        allowing.person_change(
            person_id,
            allowing.paths_of([unit] if unit else [], stored)
            | ({now[person_id]} if person_id in now else set()),
            granted.get(person_id, ()),
            allowing.paths_of(charged.get(person_id, ()), stored),
            made=True,
        )
        for person_id, unit in before.items()
    ]
    leaving = sum(row["status"] in ("removed", "suspended") for row in kept.people)
    whole = bool(kept.organisation is not None or kept.posts or kept.opened)
    paths = allowing.touched(changes, whole=whole)
    return ImportReach(frozenset(paths), changes, leaving)
