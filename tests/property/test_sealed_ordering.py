"""Sealed messages among the commits and Removes of all cells, in any order, on SQLite.

A model of one conversation of two or three cells. Whatever comes between, a message is accepted
exactly when it is sealed for the cells and keys of that moment and follows its sender's last one;
the log has no gaps; everybody who belongs can find every message with the seal of their cell or a
promise of one; and no seal is ever taken under a key that somebody who was removed could hold.
"""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from copconnect import errors, wire
from copconnect.ids import CellId, ConversationId
from tests.contract.sealed_world import Device, SealedWorld, went
from tests.property.machine import DatabaseMachine

PAYLOAD = msgspec.msgpack.Decoder(wire.SealedPayload)
GRACE_MS = 30_000


class SealedMachine(DatabaseMachine):
    """One conversation, what its senders know of its keys, and what the rules make of it."""

    async def set_up(self) -> None:
        self.world = SealedWorld(self.database)
        self.c: ConversationId
        self.c, self.devices = await self.world.large(10)
        self.cells = await self.world.cells(self.c, self.devices)
        self.members = {cell_id: list(those) for cell_id, those in self.cells.items()}
        # Each cell's keys: current, the one before, until when that is good.
        self.keys: dict[CellId, tuple[bytes | None, bytes | None, int]] = dict.fromkeys(
            self.cells, (None, None, 0)
        )
        self.removing: dict[CellId, list[Device]] = {cell_id: [] for cell_id in self.cells}
        self.burnt: dict[CellId, set[bytes]] = {cell_id: set() for cell_id in self.cells}
        self.known: list[wire.CellKeys] = [wire.CellKeys(version=0, head=b"", cells=[], keys=[])]
        self.accepted: list[tuple[Device, wire.PostSealed, wire.Accepted]] = []
        self.last_seq = 1

    def cell(self, pick: int) -> CellId:
        return sorted(self.cells)[pick % len(self.cells)]

    def ready(self) -> set[CellId]:
        return {k for k, (key, _, _) in self.keys.items() if key and not self.removing[k]}

    @initialize(founded=st.sets(st.integers(0, 2), min_size=1))
    def begin(self, founded: set[int]) -> None:
        for pick in sorted(founded):
            self.commit(pick)

    @rule(pick=st.integers(0, 2))
    def commit(self, pick: int) -> None:
        """A member commits: founding, or a new epoch that carries out all Removes."""
        k = self.cell(pick)
        those, gone = self.members[k], self.removing[k]
        if k in self.world.trees:
            self.run(self.world.rotate(self.c, those[0], without=gone))
        else:
            self.run(self.world.found(self.c, k, those))
        found = self.run(self.world.service.keys.newest(those[0].caller, self.c, 0))
        key = next(one.key_id for one in found.keys if one.cell_id == k)
        before = self.keys[k][0]
        assert key != before
        if gone:
            self.burnt[k] |= {one for one in self.keys[k][:2] if one}
            self.keys[k] = key, None, 0
        else:
            self.keys[k] = key, before, self.world.clock.at + GRACE_MS
        self.removing[k] = []
        self.last_seq += 1

    @rule(pick=st.integers(0, 2))
    def remove(self, pick: int) -> None:
        """The department takes somebody out, so that the rest of the cell can still commit."""
        k = self.cell(pick)
        if k not in self.world.trees or len(self.members[k]) < 2:
            return
        if sum(len(those) for those in self.members.values()) <= 6:
            return  # Fewer would merge; test_several_cells has that.
        gone = self.members[k].pop()
        self.removing[k].append(gone)
        wakeups = self.run(self.revoke(gone))
        assert wakeups
        self.last_seq += 2  # The roster entry and the Remove.

    async def revoke(self, gone: Device) -> Any:
        async with self.database.transaction() as connection:
            return await self.world.service.clients_removed(
                connection, [gone.caller.client_id], "department"
            )

    @rule()
    def look_up_keys(self) -> None:
        some = next(those[0] for those in self.members.values())
        self.known.append(self.run(self.world.service.keys.newest(some.caller, self.c, 0)))

    @rule(by=st.sampled_from([1_000, 29_000, 31_000]))
    def wait(self, by: int) -> None:
        self.world.clock.at += by

    @rule(pick=st.integers(0, 2), which=st.integers(0, 5), fresh=st.booleans())
    def send(self, pick: int, which: int, fresh: bool) -> None:
        """Somebody sends with the newest keys, or with some that they looked up earlier."""
        sender = self.members[self.cell(pick)][0]
        if fresh:
            self.look_up_keys()
        keys = self.known[-1] if fresh else self.known[-1 - which % len(self.known)]
        good = set(keys.cells) == self.ready() and all(
            self.takes(one.cell_id, one.key_id) for one in keys.keys if one.cell_id in keys.cells
        )
        assert good or not fresh
        post = self.run(self.world.sealed(self.c, sender, keys=keys))
        answer = self.attempt(self.world.service.sealed.post(sender.caller, self.c, post))
        if not good:
            assert isinstance(answer, errors.StaleEpoch), answer
            assert answer.details == {"cells": len(self.ready()), "last_seq": self.last_seq}
            return
        assert isinstance(answer, wire.Accepted), getattr(answer, "details", answer)
        self.last_seq += 1
        assert answer.seq == self.last_seq
        went(sender, post)
        self.accepted.append((sender, post, answer))

    def takes(self, cell_id: CellId, key_id: bytes) -> bool:
        current, before, until_ms = self.keys[cell_id]
        return key_id == current or (key_id == before and self.world.clock.at <= until_ms)

    @precondition(lambda self: self.accepted)
    @rule(which=st.integers(0, 5))
    def repeat(self, which: int) -> None:
        sender, post, first = self.accepted[which % len(self.accepted)]
        again = self.attempt(self.world.service.sealed.post(sender.caller, self.c, post))
        assert again == first

    @precondition(lambda self: self.accepted)
    @rule(which=st.integers(0, 5))
    def send_late_seals(self, which: int) -> None:
        sender, post, first = self.accepted[which % len(self.accepted)]
        if all(sender not in those for those in self.members.values()):
            return
        wanted = self.run(self.world.service.sealed.wanted(sender.caller, self.c)).wanted
        for one in wanted:
            assert set(one.cell_ids) <= self.ready()
            if one.seq == first.seq:
                key_of = {k: self.keys[k][0] or b"" for k in one.cell_ids}
                seals = b"".join(bytes.fromhex(k) + key_of[k] + bytes(80) for k in sorted(key_of))
                body = wire.LateSeals(seals=seals)
                self.run(self.world.service.sealed.late(sender.caller, self.c, one.seq, body))
                after = self.run(self.world.service.sealed.wanted(sender.caller, self.c)).wanted
                assert first.seq not in {later.seq for later in after}
        assert post.sealed

    @invariant()
    def everybody_finds_every_message(self) -> None:
        for k, those in self.members.items():
            page = self.run(self.world.service.log.page(those[0].caller, self.c, 0, 500))
            assert page.last_seq == self.last_seq
            sealed = [one for one in page.entries if one.kind == "sealed"]
            assert [one.seq for one in sealed] == [answer.seq for _, _, answer in self.accepted]
            for entry, (_, post, _) in zip(sealed, self.accepted, strict=True):
                payload = PAYLOAD.decode(entry.payload)
                assert (entry.cell_id, payload.sealed) == (k, post.sealed)
                assert payload.seal is None or payload.seal[:16].hex() == k
            others = [one for one in page.entries if one.cell_id not in (None, k)]
            assert others == []

    @invariant()
    def no_new_seal_is_under_a_key_of_the_removed(self) -> None:
        for k, burnt in self.burnt.items():
            assert self.keys[k][0] not in burnt
            assert self.keys[k][1] not in burnt


TestD7SealedOrdering = SealedMachine.TestCase
TestD7SealedOrdering.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
