"""Writes a planned reorganisation, in the caller's transaction."""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import Transaction, chunks
from copconnect.directory import changes, edit_store, store
from copconnect.directory.edit_store import BATCH
from copconnect.directory.postings import post_search, post_store, posting_store
from copconnect.directory.reorganising import reorganising_store, tree
from copconnect.directory.reorganising.looking import Planned
from copconnect.directory.reorganising.placing import Placing


async def write(connection: Transaction, found: Planned, now_ms: int) -> dict[int, int]:
    """Write units, posts, who holds which, and the words that find people and posts. The former
    post of a person stays in their history. Returns the new numbers of charges by those that they
    had."""
    before, plan, placing = found.before, found.plan, found.placing
    await reorganising_store.write_units(connection, before, plan.units)
    ended = [one for unit_id, one in before.items() if unit_id not in plan.units]
    back = [one for one in plan.units if one not in before]
    await reorganising_store.write_former(connection, ended, back, plan.into, now_ms)
    await post_store.add(connection, placing.made)
    await reorganising_store.open_posts(connection, placing.opened)
    await posting_store.keep_regular(connection, sorted(placing.people), now_ms)
    held = {person: posts[1] for person, posts in placing.people.items()}
    await reorganising_store.give_posts(connection, held, now_ms)
    numbers = await _move_charges(connection, placing, now_ms)
    await post_store.abolish(connection, placing.ended, now_ms)
    await post_store.abolish_without_unit(connection, now_ms)
    await _write_words(connection, found)
    await post_search.write(connection, None)
    return numbers


async def _move_charges(
    connection: AsyncConnection, placing: Placing, now_ms: int
) -> dict[int, int]:
    """End charges, and begin each again in its new post."""
    numbers: dict[int, int] = {}
    for one in placing.charges:
        await posting_store.end(connection, one.posting_id, now_ms)
        numbers[one.posting_id] = await posting_store.add(
            connection,
            {
                "person_id": one.person_id,
                "post_id": one.posts[1],
                "charge": one.charge,
                "from_ms": now_ms,
                "until_ms": None,
            },
        )
    return numbers


async def _write_words(connection: AsyncConnection, found: Planned) -> None:
    """Write anew the words of people whose unit has another name or path, or is another."""
    before, after = found.before, found.plan.units
    old, new = tree.paths(before), tree.paths(after)
    differing = {
        one
        for one in after
        if one not in before or (before[one].names, old.get(one)) != (after[one].names, new[one])
    }
    differing |= {target for _, target in found.plan.people.values()}
    organisation = await store.organisation(connection)
    words = changes.stored_words(organisation["units"], organisation["ranks"])
    rows = await reorganising_store.rows_for_words(connection, differing)
    for part in chunks(rows, BATCH):
        found_by = [{"person_id": row["person_id"]} | changes.derive(row, words) for row in part]
        await edit_store.write_words(connection, found_by)
