"""T1: the time carries the audit log's size and root; a device asks that it continues (A5)."""

from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import update

from copconnect import wire
from copconnect.audit import store
from copconnect.audit.acts import DirectoryExported
from copconnect.audit.rules import ZEROS, Broken, Entry, entry_hash
from copconnect.ids import new_id
from copconnect.records.primitives.merkle import MerkleTree, leaf_hash, node_hash
from copconnect.records.trust.time_record import TimeRecord
from tests.harness.operator import OPERATOR
from tests.identity.acting import verified
from tests.identity.running import SHO, Device, Running
from tests.identity.signing import refusal


async def head(running: Running, device: Device) -> TimeRecord:
    """Return the time that the roster authority signs for a device."""
    answer = await running.post("/v1/time", device, wire.AskTime(nonce=new_id()))
    record = TimeRecord.parse(msgspec.json.decode(answer.content, type=wire.TimeAnswer).time)
    record.verify(running.container.authority.roster.public_key)
    return record


async def root_over(running: Running) -> bytes:
    """Return the root over the stored entries, read again."""
    return MerkleTree([leaf_hash(one.hash) async for one in running.container.audit.entries()]).root


async def write(running: Running, entries: int) -> None:
    """Let an operator write entries, which nobody signs."""
    for number in range(entries):
        async with running.container.database.transaction() as connection:
            done = DirectoryExported(number)
            await running.container.audit.record(connection, OPERATOR, done)


async def goes_on(running: Running, device: Device, first: TimeRecord, second: TimeRecord) -> bool:
    """Ask for the proof and check it as RFC 9162, 2.1.4.2 says."""
    asked = f"/v1/audit/consistency?first={first.log_size}&second={second.log_size}"
    answer = await running.get(asked, device)
    proof = msgspec.json.decode(answer.content, type=wire.LogConsistency).proof
    one, other = first.log_size - 1, second.log_size - 1
    while one & 1:
        one, other = one >> 1, other >> 1
    start, *rest = [first.log_root, *proof] if one == 0 else proof
    old = new = start
    for beside in rest:
        if other == 0:
            return False
        if one & 1 or one == other:
            old, new = node_hash(beside, old), node_hash(beside, new)
            while one and not one & 1:
                one, other = one >> 1, other >> 1
        else:
            new = node_hash(new, beside)
        one, other = one >> 1, other >> 1
    return other == 0 and (old, new) == (first.log_root, second.log_root)


@pytest.mark.databases("sqlite")
async def test_the_time_names_the_log_and_each_log_goes_on_from_those_before(
    running: Running,
) -> None:
    sho = await running.device(SHO)
    heads = []
    for entries in (1, 1, 3, 4, 8):
        await write(running, entries)
        heads.append(await head(running, sho))
        assert heads[-1].log_root == await root_over(running)
    assert heads[-1].log_size == heads[0].log_size + 16
    for at, second in enumerate(heads):
        for first in heads[:at]:
            assert await goes_on(running, sho, first, second)
    newest = heads[-1].log_size
    for low, high in ((0, 1), (2, 1), (1, newest + 1)):
        answer = await running.get(f"/v1/audit/consistency?first={low}&second={high}", sho)
        assert refusal(answer)[0] == "bad_request"


async def test_an_operators_entry_that_a_superuser_rewrites_no_longer_goes_on(
    running: Running,
) -> None:
    """Somebody with the database changes an unsigned entry and computes chain and tree again."""
    sho = await running.device(SHO)
    await write(running, 5)
    seen = await head(running, sho)
    await rewrite(running, 3, '{"act":"directory_exported","people":0,"what":"","form":""}')
    await write(running, 3)
    assert (await verified(running)).number == seen.log_size + 3  # The server's own check holds.
    assert not await goes_on(running, sho, seen, await head(running, sho))


async def test_a_log_that_was_changed_below_its_tree_does_not_verify(running: Running) -> None:
    await write(running, 3)
    async with running.container.database.transaction() as connection:
        await connection.execute(update(store.HEAD).values(edge=bytes(64)))
    with pytest.raises(Broken, match="root"):
        await verified(running)


@pytest.mark.databases("sqlite")
async def test_a_time_reads_one_row_of_the_log_however_long_it_is(running: Running) -> None:
    sho = await running.device(SHO)

    async def statements() -> int:
        before = running.container.database.statements
        await head(running, sho)
        return running.container.database.statements - before

    few = await statements()
    await write(running, 40)
    assert await statements() <= few


async def rewrite(running: Running, number: int, act: str) -> None:
    """Change what an entry says, and make everything after it fit again."""
    entries = [one async for one in running.container.audit.entries()]
    async with running.container.database.transaction() as connection:
        await connection.execute(store.ENTRIES.delete())
        await connection.execute(store.NODES.delete())
        await connection.execute(update(store.HEAD).values(number=0, hash=ZEROS, edge=b""))
        for one in entries:
            content = replace(one.content, act=act) if one.number == number else one.content
            _, previous, edge = await store.next_place(connection)
            hashed = entry_hash(previous, one.number, one.made_ms, content.digest())
            again = Entry(one.number, one.made_ms, content, hashed)
            await store.add(connection, again, edge, kind="x", act_id=None, device=None)
