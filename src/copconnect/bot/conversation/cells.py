"""C1 and C2: keys of the bot's own cell, made when the server asks for one, and taken in."""

from collections.abc import Sequence

from copconnect import wire
from copconnect.bot.context import LOG, Context
from copconnect.bot.conversation.place import Place
from copconnect.bot.conversation.recipients import check_cell, direct_plan
from copconnect.bot.failures import ServerRefused, has_code
from copconnect.records.conversation.seals import join_seals
from copconnect.records.primitives.fields import Refused, require
from copconnect.sealing import keys


async def make_cell_key(context: Context, place: Place, wanted: wire.CellKeyWanted) -> None:
    """Make the cell's next key, store it, post it. The first for an epoch and generation counts.
    Raises Refused, and what the API raises."""
    async with place.lock:
        head = (await place.newest(force=True)).head
    head.check_sealing(context.people.trust.department)
    cell = check_cell(head, await context.api.own_cell(place.id), "S4")
    require(cell.line.cell_id.hex() == wanted.cell_id, "C1", "another cell than this device's")
    plan = await direct_plan(context, place, cell.leaves, head)
    secret = keys.new_secret()
    record = keys.make_cell_key(
        secret,
        context.identity.signer,
        head=head,
        cell_id=cell.line.cell_id,
        generation=wanted.generation,
        author=context.identity.device,
        now=context.time.require_now(),
    )
    seals = join_seals([keys.seal_secret(record, secret, key) for key in plan.keys])
    async with place.lock:
        place.keys.made_cell_key(record, secret)
    body = wire.PostCellKey(record=record.encode(), seals=seals, left_out=plan.left_out)
    try:
        await context.api.post_cell_key(place.id, body)
    except ServerRefused as error:
        # Another device was faster, or the roster has changed: the server asks again if need be.
        if not has_code(error, "not_asked", "stale_record", "have_key"):
            raise


async def take_cell_keys(
    context: Context, place: Place, items: Sequence[tuple[bytes, bytes | None]]
) -> bool:
    """Take in keys of the bot's cell; return whether one opened. A key that does not open is
    marked (C2), and asked for as soon as a message needs it."""
    opened = False
    for record, seal in items:
        try:
            async with place.lock:
                key_id, held = place.keys.learn_cell_key(record, seal)
        except Refused as refused:
            LOG.warning("conversation %s: a cell key was refused: %s", place.id, refused)
            continue
        opened = opened or held
        if not held:
            try:
                await context.api.mark_cell_key(place.id, key_id)
            except ServerRefused as error:
                LOG.info("conversation %s: marking a cell key: %s", place.id, error)
    return opened
