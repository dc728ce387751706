"""Writes a planned reorganisation, in the caller's transaction."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import Transaction, chunks
from copconnect.directory import changes, edit_store, store
from copconnect.directory.edit_store import BATCH
from copconnect.directory.postings import post_search, post_store, posting_store
from copconnect.directory.reorganising import reorganising_store, tree
from copconnect.directory.reorganising.looking import Planned
from copconnect.directory.reorganising.placing import Placing
from copconnect.ids import PostId, UnitId
from copconnect.rights import Permit


async def write(
    connection: Transaction, permit: Permit, found: Planned, now_ms: int
) -> tuple[dict[int, int], set[PostId]]:
    """Write units, posts, who holds which, and the words that find people and posts. The former
    post of a person stays in their history. Returns the new numbers of charges by their former
    numbers, and the posts that were abolished: the posts that nobody holds any more."""
    before, plan, placing = found.before, found.plan, found.placing
    await reorganising_store.write_units(connection, permit, before, plan.units)
    ended = [one for unit_id, one in before.items() if unit_id not in plan.units]
    back = [one for one in plan.units if one not in before]
    await reorganising_store.write_former(connection, ended, back, now_ms)
    await post_store.add(connection, permit, placing.made)
    await post_store.open_again(connection, permit, placing.opened)
    await posting_store.keep_regular(connection, permit, sorted(placing.people), now_ms)
    held = {person: posts[1] for person, posts in placing.people.items()}
    await reorganising_store.give_posts(connection, permit, held, now_ms)
    numbers = await _move_charges(connection, permit, placing, now_ms)
    gone = await post_store.abolish(connection, permit, placing.ended, now_ms)
    gone += await post_store.abolish_without_unit(connection, permit, now_ms)
    differing = _differing(found)
    await _write_words(connection, differing | {to for _, to in plan.people.values()})
    touched = {*placing.opened, *placing.ended, *(row["post_id"] for row in placing.made)}
    units = differing | {one.unit_id for one in ended}
    touched |= {row["post_id"] for row in await post_store.of_units(connection, units)}
    await post_search.write(connection, touched)
    return numbers, {row["post_id"] for row in gone}


async def _move_charges(
    connection: AsyncConnection, permit: Permit, placing: Placing, now_ms: int
) -> dict[int, int]:
    """End charges, and begin each again in its new post."""
    numbers: dict[int, int] = {}
    for one in placing.charges:
        await posting_store.end(connection, permit, one.person_id, one.posting_id, now_ms)
        numbers[one.posting_id] = await posting_store.add(
            connection,
            permit,
            {
                "person_id": one.person_id,
                "post_id": one.posts[1],
                "charge": one.charge,
                "from_ms": now_ms,
                "until_ms": None,
            },
        )
    return numbers


def _differing(found: Planned) -> set[UnitId]:
    """Return the units that are new, or have another name or path."""
    before, after = found.before, found.plan.units
    old, new = tree.paths(before), tree.paths(after)
    return {
        one
        for one in after
        if one not in before or (before[one].names, old.get(one)) != (after[one].names, new[one])
    }


async def _write_words(connection: AsyncConnection, unit_ids: Collection[UnitId]) -> None:
    """Write again the words of the people of these units."""
    organisation = await store.organisation(connection)
    words = changes.stored_words(organisation["units"], organisation["ranks"])
    rows = await reorganising_store.rows_for_words(connection, unit_ids)
    for part in chunks(rows, BATCH):
        found_by = [{"person_id": row["person_id"]} | changes.derive(row, words) for row in part]
        await edit_store.write_words(connection, found_by)
