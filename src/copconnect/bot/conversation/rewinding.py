"""Going back in the log of a conversation, under a new Incarnation alone (S8)."""

from msgspec.structs import replace

from copconnect import wire
from copconnect.bot.context import LOG, Context
from copconnect.bot.conversation.judging import LOST, lost_name
from copconnect.bot.conversation.place import Place
from copconnect.bot.state.rows import LogPlace
from copconnect.records.primitives.fields import ZEROS


def is_another_log(log: LogPlace, page: wire.LogPage) -> bool:
    """Return whether a page after the bot's place continues another log (R4)."""
    if page.last_seq < log.cursor:
        return True
    first = page.entries[0].seq if page.entries else None
    if first is not None and first != log.cursor + 1:
        return False
    if first is None and page.last_seq != log.cursor:
        return False
    return page.log_hash != log.hash


async def rewind(context: Context, place: Place) -> None:
    """S8: go back to the last position where the server's log is the one that was followed,
    once under each Incarnation. A bot posts nothing again."""
    log = place.row.log
    if log is None:
        return
    number = context.people.incarnation
    chain = await place.served_chain()
    found = await _common(context, place, log)
    with context.stores.transaction():
        _go_back(context, place, found)
        taken_up = (chain.seq, chain.hash()) if chain else (0, ZEROS)
        place.set(chain=taken_up, incarnation=number, standstill=False)
    if found.cursor < log.cursor:
        LOG.warning("conversation %s: the department restored a backup", place.id)


async def _common(context: Context, place: Place, log: LogPlace) -> LogPlace:
    """Return the last position where the server's log shows the bot's own hash."""
    newest = await context.api.log_after(place.id, log.cursor, 1)
    if not is_another_log(log, newest):
        return log
    rows = context.stores.log.all(place.id)
    usable = [one for one in rows if one.position <= newest.last_seq]
    low, high = 0, len(usable)
    while low < high:
        middle = (low + high) // 2
        row = usable[middle]
        page = await context.api.log_after(place.id, row.position, 1)
        low, high = (middle + 1, high) if page.log_hash == row.hash else (low, middle)
    if low:
        common = usable[low - 1]
        return replace(log, cursor=common.position, hash=common.hash)
    page = await context.api.log_after(place.id, 0, 1)
    first = page.entries[0].seq if page.entries else page.last_seq + 1
    return replace(log, cursor=first - 1, hash=page.log_hash)


def _go_back(context: Context, place: Place, log: LogPlace) -> None:
    """Follow the log from there, inside a transaction. Messages of lost positions leave their
    senders' chains, which go on from what the log still has; by their ids they are known when
    they come again."""
    accepted = context.stores.accepted
    for row in accepted.all(place.id):
        if row.position > log.cursor and not row.name.startswith(LOST):
            lost = replace(row, name=lost_name(row.message_id))
            accepted.delete(row.name, place.id)
            accepted.put(lost.name, lost, place.id, place=row.position)
    context.stores.log.delete_above(log.cursor, place.id)
    place.set(log=log)
