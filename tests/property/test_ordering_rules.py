"""The Delivery Service under random work: posts, commits, duplicates, removals, lost wake-ups.

A model of one group with real statements on SQLite. What clients are told and what the log holds
must keep the invariants of docs/protocol.md whatever the order: seqs without gaps, one commit for
each epoch, nothing accepted for another epoch or while a Remove is pending, a retry answered as the
first time, and every connection shown every entry once and in order, crash or not.
"""

import asyncio
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from copconnect import errors, wire
from copconnect.ids import EntryId, Epoch, new_id
from copconnect.principals import Caller
from copconnect.sockets.connection import Connection
from copconnect.sockets.fanout import Fanout
from tests.contract.delivery_world import World, message
from tests.contract.mls_bytes import commit, group_info
from tests.property.machine import DatabaseMachine

PEOPLE = 4
FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)


class Watcher(Connection):
    """A connection that keeps what it is sent."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(owner=None, limit_bytes=1)  # type: ignore[arg-type]  # Nobody is told.
        self.caller = caller
        self.sent: list[bytes] = []

    def push(self, frame: bytes) -> None:
        """Keep the payload."""
        self.sent.append(frame[{126: 4, 127: 10}.get(frame[1], 2) :])


class DeliveryMachine(DatabaseMachine):
    """One group, its members, and what an honest client of each would know."""

    async def set_up(self) -> None:
        self.world = World(self.database)
        self.people = [self.world.registry.register() for _ in range(PEOPLE)]
        self.made = await self.world.group(self.people[0], self.people[1:])
        self.place = self.made.conversation_id, self.made.cells[0].cell_id
        self.group = bytes.fromhex("".join(self.place))
        self.epoch: int | None = None
        self.leaves: dict[int, tuple[Caller, bytes]] = {}
        self.pending: set[int] = set()
        self.members = set(range(PEOPLE))
        self.log: list[tuple[str, str | None, int | None]] = [("roster", None, None)]
        self.accepted: dict[str, tuple[Caller, Any, wire.Accepted]] = {}
        self.fanout = Fanout(
            self.world.service.feed, self.world.bus, self.world.leases, self.world.clock
        )
        self.crashed = False

        async def receive(wakeup: Any) -> None:
            if not self.crashed:
                await self.fanout.receive(wakeup)

        self.world.bus.subscribe(receive)
        self.watcher = Watcher(self.people[0])
        await self.fanout.enter([self.watcher])

    def certificate(self, caller: Caller) -> bytes:
        return next(
            one.certificate
            for one in self.world.registry.clients
            if one.client_id == caller.client_id
        )

    def infos(self, leaves: dict[int, tuple[Caller, bytes]], epoch: int) -> bytes:
        return group_info(
            self.group, epoch, {i: (self.certificate(c), key) for i, (c, key) in leaves.items()}
        )

    def note(self, kind: str, body: Any, caller: Caller, accepted: wire.Accepted) -> None:
        self.log.append((kind, body.entry_id, body.epoch))
        assert accepted.seq == len(self.log)
        self.accepted[body.entry_id] = (caller, body, accepted)

    def index_of(self, caller: Caller) -> int | None:
        return next((i for i, (c, _) in self.leaves.items() if c == caller), None)

    @initialize(joined=st.sets(st.integers(1, PEOPLE - 1)))
    def found_and_fill(self, joined: set[int]) -> None:
        """Mostly begin where it is interesting: a founded cell with some members in it."""
        if joined:
            self.commit_as_member(0)
            for who in sorted(joined):
                self.join(who, ask=True)
            assert set(self.leaves) == set(range(len(joined) + 1))

    # --- Work -------------------------------------------------------------------------------

    @rule(who=st.integers(0, PEOPLE - 1), drift=st.sampled_from([0, 0, 0, -1, 1]))
    def post(self, who: int, drift: int) -> None:
        caller, epoch = self.people[who], max(0, (self.epoch or 0) + drift)
        body = message(*self.place, epoch)
        expected: type[Exception] | None = None
        if who not in self.members:
            expected = errors.NotMember
        elif self.pending:
            expected = errors.RemovalPending
        elif self.epoch is None:
            expected = errors.CellUnfounded
        elif self.epoch != epoch:
            expected = errors.StaleEpoch
        answer = self.attempt(self.world.service.posting.post(caller, self.place[0], body))
        self.judge(answer, expected, "message", body, caller)

    @rule(who=st.integers(0, PEOPLE - 1))
    def commit_as_member(self, who: int) -> None:
        caller = self.people[who]
        index = self.index_of(caller)
        founding = self.epoch is None
        if founding:
            index, before, epoch = 0, {}, 0
        else:
            before = {i: v for i, v in self.leaves.items() if i not in self.pending}
            epoch = self.epoch or 0
        if index is None:
            return
        after = before | {index: (caller, new_id().encode())}
        body = wire.UploadCommit(
            entry_id=new_id(),
            epoch=Epoch(epoch),
            founding=founding,
            commit=commit(self.group, epoch, index),
            group_info=self.infos(after, epoch + 1),
            welcome=None,
            welcome_clients=[],
            key_record=None,
            signer_proof=None,
        )
        expected: type[Exception] | None = None
        if who not in self.members:
            expected = errors.NotMember
        elif index in self.pending:
            expected = errors.CommitInvalid  # Removed and added again: it must join anew.
        answer = self.attempt(self.world.service.commits.upload(caller, *self.place, body))
        if self.judge(answer, expected, "commit", body, caller):
            self.epoch, self.leaves, self.pending = epoch + 1, after, set()

    @rule(who=st.integers(0, PEOPLE - 1), ask=st.booleans())
    def join(self, who: int, ask: bool) -> None:
        caller = self.people[who]
        if self.epoch is None:
            return
        commits = self.world.service.commits
        # Whoever held the lease has lost it. A cell with Removes has none, and would be given up if
        # they waited for a minute, which this model does not know.
        self.world.clock.at += 0 if self.pending else 10_000
        leased = False
        if ask:
            got = self.attempt(commits.lease(caller, *self.place))
            leased = isinstance(got, wire.GroupInfoLease)
            assert leased == (who in self.members and not self.pending)
        old = self.index_of(caller)
        after = {i: v for i, v in self.leaves.items() if i != old}
        free = next(i for i in range(PEOPLE + 1) if i not in after)
        after[free] = (caller, new_id().encode())
        body = wire.UploadCommit(
            entry_id=new_id(),
            epoch=Epoch(self.epoch),
            founding=False,
            commit=commit(self.group, self.epoch, None),
            group_info=self.infos(after, self.epoch + 1),
            welcome=None,
            welcome_clients=[],
            key_record=None,
            signer_proof=None,
        )
        expected: type[Exception] | None = None
        if who not in self.members:
            expected = errors.NotMember
        elif self.pending:
            expected = errors.RemovalPending
        elif not leased:
            expected = errors.JoinBusy
        answer = self.attempt(commits.upload(caller, *self.place, body))
        if self.judge(answer, expected, "commit", body, caller):
            self.epoch, self.leaves = self.epoch + 1, after

    @rule(who=st.integers(1, PEOPLE - 1))
    def change(self, who: int) -> None:
        """The admin removes a member, or adds them back."""
        person = self.people[who].person_id
        present = who in self.members
        body = wire.ChangeMembers(
            change_id=new_id(),
            add=[] if present else [person],
            remove=[person] if present else [],
            make_admin=[],
            revoke_admin=[],
        )
        index = self.index_of(self.people[who])
        remaining = set(self.leaves) - self.pending - {index}
        if present and index is not None and index not in self.pending and not remaining:
            return  # The cell would be given up; test_delivery_flow covers that.
        self.run(self.world.service.membership.change_members(self.people[0], self.place[0], body))
        self.log.append(("roster", body.change_id, None))
        self.members ^= {who}
        if present and index is not None and index not in self.pending:
            self.pending.add(index)
            self.log.append(("proposal", None, self.epoch))

    @precondition(lambda self: self.accepted)
    @rule(pick=st.randoms(use_true_random=False))
    def repeat(self, pick: Any) -> None:
        caller, body, first = self.accepted[pick.choice(sorted(self.accepted))]
        service = self.world.service
        if isinstance(body, wire.PostMessage):
            answer = self.run(service.posting.post(caller, self.place[0], body))
        else:
            answer = self.run(service.commits.upload(caller, *self.place, body))
        assert answer == first

    @precondition(lambda self: self.accepted)
    @rule()
    def take_anothers_entry_id(self) -> None:
        entry_id, (caller, _, _) = next(iter(self.accepted.items()))
        other = next(one for one in self.people if one != caller)
        body = message(*self.place, self.epoch or 0, entry_id=entry_id)
        answer = self.attempt(self.world.service.posting.post(other, self.place[0], body))
        assert isinstance(answer, errors.BadRequest)

    @rule()
    def crash(self) -> None:
        """From here wake-ups are lost, as if the node died after each commit."""
        self.crashed = True

    @rule()
    def recover(self) -> None:
        self.crashed = False

    # --- Judging ----------------------------------------------------------------------------

    def judge(
        self, answer: Any, expected: type[Exception] | None, kind: str, body: Any, caller: Caller
    ) -> bool:
        if expected is not None:
            assert isinstance(answer, expected), (answer, expected)
            if isinstance(answer, errors.StaleEpoch | errors.RemovalPending):
                assert answer.details["last_seq"] == len(self.log)
            return False
        assert isinstance(answer, wire.Accepted), getattr(answer, "details", answer)
        self.note(kind, body, caller, answer)
        return True

    @invariant()
    def the_log_is_what_was_accepted(self) -> None:
        page = self.run(self.world.service.log.page(self.people[0], self.place[0], 0, 500))
        assert [one.seq for one in page.entries] == list(range(1, len(self.log) + 1))
        assert page.last_seq == len(self.log)
        for entry, (kind, entry_id, epoch) in zip(page.entries, self.log, strict=True):
            assert (entry.kind, entry.epoch) == (kind, epoch)
            assert entry_id in (None, EntryId(entry.entry_id))
        commits = [one.epoch for one in page.entries if one.kind == "commit"]
        assert commits == list(range(len(commits)))

    async def finish(self) -> None:
        """A connection was shown every entry once and in order, whatever was lost on the way."""
        self.crashed = False
        await self.fanout.heal()
        while self.fanout._tasks:
            await asyncio.gather(*self.fanout._tasks)
        frames = [FRAME.decode(one) for one in self.watcher.sent]
        seqs = [one.entry.seq for one in frames if isinstance(one, wire.EntryFrame)]
        assert seqs == list(range(2, len(self.log) + 1))
        await self.fanout.close()


TestDelivery = DeliveryMachine.TestCase
TestDelivery.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
