"""The model's senders: what the server answers, making keys, sealing, sending (rules S, D1, D2)."""

from collections.abc import Iterable
from random import Random
from typing import TypeVar

from tests.model.department import Department
from tests.model.terms import (
    DAY,
    Atom,
    CellKey,
    Device,
    DeviceKey,
    Head,
    Message,
    Record,
    Seal,
    Violation,
    at,
)

_T = TypeVar("_T")


class Sending(Department):
    """Devices that send. The reading side is in ``receiving``."""

    def choose(self, rng: Random, items: Iterable[_T]) -> _T | None:
        """Return the newest from an honest server, anything from the attacker."""
        found = list(items)
        return None if not found else found[-1] if self.honest else rng.choice(found)

    def learn_head(self, me: Device, conv: int, head: Head | None) -> bool:
        """Take a head that follows the own one."""
        before = me.heads.get(conv)
        if not head or (before and at(head, before.epoch) is not before):
            return False
        me.heads[conv] = head
        return True

    def look(self, me: Device, conv: int, rng: Random) -> Head | None:
        """S1: the newest head, as its stamp of this hour says."""
        for name, one in self.revoked.items():
            if self.honest or rng.random() < 0.7:
                me.revoked[name] = one
        known, heads = me.heads.get(conv), self.heads[conv]
        if not self.honest:
            heads = [
                h
                for h in heads
                if (not known or at(h, known.epoch) is known)
                and (
                    self.takeover
                    or not self.on("S1")
                    or self.superseded.get(h, self.now) >= self.now
                )
            ]
        head = self.choose(rng, heads)
        if self.learn_head(me, conv, head):
            me.stamped[conv] = self.now
            return head
        return None

    def device_key(self, me: Device, name: str, rng: Random) -> DeviceKey | None:
        """H2 and S3: a DeviceKey of this device that may be sealed to."""
        key = self.choose(rng, [k for k in self.device_keys if k.device == name])
        seen = me.generations.get(name, 0)
        if (
            not key
            or (key.by != self.issued[name] and self.on("H2"))
            or (key.generation < seen and self.on("S3-generation"))
            or (self.now - key.created > 14 * DAY and self.on("S3-age"))
        ):
            return None
        if key.generation < seen and not me.evil:
            raise Violation(f"I8 {me.name} seals to generation {key.generation} after {seen}")
        me.generations[name] = max(seen, key.generation)
        return key

    def usable(self, me: Device, ck: CellKey, head: Head) -> bool:
        """S4."""
        leaf = head.leaves.get(ck.author)
        return bool(
            (ck.head.epoch >= head.cells[ck.cell] or not self.on("S4-epoch"))
            and (self.now - ck.created <= 7 * DAY or not self.on("S4-age"))
            and (ck.by == self.issued[ck.author] or not self.on("S4-signature"))
            and (ck.pk != "invalid" or not self.on("S4-valid"))
            and ((leaf and leaf.cell == ck.cell) or not self.on("S4-author"))
            and (self.confirmed(me, ck.author) or not self.on("S4-confirmed"))
            and at(head, ck.head.epoch) is ck.head
            and ck not in me.bad
        )

    def seal_all(
        self, me: Device, of: Record | CellKey, secret: Atom, head: Head, rng: Random
    ) -> bool:
        """S3: to each confirmed device, or through its cell. False: an invalid key stops it."""
        covered, seals = set[str](), list[Seal]()
        for cell in head.cells if of.conv == 0 and isinstance(of, Record) else ():
            known = [k for k in self.cell_keys if (k.conv, k.cell) == (of.conv, cell)]
            ck = self.choose(rng, known)
            if ck and self.usable(me, ck, head):
                seals.append(Seal(ck.pk, of, secret))
                covered |= {c for c in head.leaves if _in(head, c) == _in(ck.head, c) == cell}
        for name, leaf in head.leaves.items():
            inside = isinstance(of, Record) or leaf.cell == of.cell
            if inside and name not in covered and self.confirmed(me, name):
                key = self.device_key(me, name, rng)
                seals += [Seal(key.pk, of, secret)] if key else []
        if any(seal.pk == "invalid" for seal in seals):
            return False
        self.seals += seals
        return True

    def may_use(self, me: Device, r: Record, head: Head) -> bool:
        """S2."""
        listed = self.confirmed(me, r.author) and r.author in r.head.leaves
        return (
            r in me.secrets
            and (r.head.epoch >= head.rekey or not self.on("S2-rekey"))
            and r.head.epoch <= head.epoch
            and (self.now - r.created < DAY or not self.on("S2-age"))
            and (listed or not self.on("S2-confirmed"))
        )

    def fetch_keys(self, me: Device, conv: int, rng: Random) -> None:
        """Take records that R6 accepts, and open every seal and share that is there."""
        raise NotImplementedError

    def send(self, me: Device, conv: int, rng: Random) -> Message | None:
        """Send a fresh text."""
        text, message_id, attempt = self.new("text"), self.new("id"), 0
        for _ in range(4):  # S6: a refused message is signed anew.
            head = me.heads.get(conv)
            fresh = me.stamped.get(conv) == self.now or not self.on("S1")
            stale = attempt or not head or me.name not in head.leaves or not fresh
            if stale or rng.random() < 0.5:
                head = self.look(me, conv, rng)
            self.fetch_keys(me, conv, rng)
            head = me.heads.get(conv) if head else None
            if head and me.name not in head.leaves and not attempt:
                attempt += 1  # A named head may lack it: it looks again.
                continue
            if not head or me.name not in head.leaves:
                return None
            record = self._key_to_use(me, conv, head, rng)
            if record is not None:
                message = self._sealed(me, record, head, text, message_id, attempt)
                if not self.honest or self.accept(message):
                    self.truth[text] = (me.name, conv)
                    self.post(message)
                    me.chain[conv] = (message.seq, message)
                    return message
            if not self.on("S6"):
                return None
            attempt += 1
        return None

    def _key_to_use(self, me: Device, conv: int, head: Head, rng: Random) -> Record | None:
        records = self.records[conv]
        if not self.on("S2-lost") and any(r not in me.secrets for r in records[-1:]):
            return None
        usable = [r for r in records if r.conv == conv and self.may_use(me, r, head)]
        return usable[-1] if usable else self.make_key(me, conv, head, rng)

    def _sealed(
        self, me: Device, record: Record, head: Head, text: Atom, message_id: Atom, attempt: int
    ) -> Message:
        conv = head.conv
        seq, prev = me.chain.get(conv, (0, None))
        last = self.out.get((me.name, conv), (0, None))
        if self.honest and last[0] > seq and self.on("S7"):
            seq, prev = last
        key = (me.secrets[record], message_id, conv, me.name, seq + 1)
        return Message(conv, message_id, me.name, seq + 1, attempt, prev, record, head, key, text,
                       me.signing, self.step)  # fmt: skip

    def make_key(self, me: Device, conv: int, head: Head, rng: Random) -> Record | None:
        """Make a conversation key and seal it."""
        secret = self.new("S")
        record = Record(conv, me.name, head, self.now, ("commit", secret, conv), me.signing)
        if self.honest and not self.accept_record(record):
            return None
        if not self.seal_all(me, record, secret, head, rng):
            return None
        self.records[conv].append(record)
        me.records.add(record)
        me.secrets[record] = secret
        return record

    # --- what an honest server takes --------------------------------------------------------------

    def accept_record(self, r: Record) -> bool:
        """D2: the first for each rekey_epoch is free; beside these three a day."""
        head, earlier = self.heads[r.conv][-1], self._by_author(r)
        now = [o for o in earlier if o.head.rekey == head.rekey]
        spare = [
            o
            for n, o in enumerate(earlier)
            if self.now - o.created < DAY and any(e.head.rekey == o.head.rekey for e in earlier[:n])
        ]
        within = not now or len(spare) < 3
        return (
            r.author in head.leaves
            and (r.head.epoch >= head.rekey or not self.on("D2-rekey"))
            and abs(r.created - self.now) <= 1
            and (within or not self.on("D2-limit"))
        )

    def _by_author(self, r: Record) -> list[Record]:
        return [o for o in self.records[r.conv] if o.author == r.author]

    def accept(self, m: Message) -> bool:
        """D1."""
        head, last = self.heads[m.conv][-1], self.out.get((m.sender, m.conv), (0, None))
        return (
            m.sender in head.leaves
            and m.by == self.issued[m.sender]
            and m.record in self.records[m.conv]
            and (m.record.head.epoch >= head.rekey or not self.on("D1"))
            and (self.now - m.record.created <= DAY + 1 or not self.on("D1"))
            and ((m.seq - 1, m.prev) == last or not self.on("D1-seq"))
        )

    def post(self, message: Message) -> None:
        """Append a message to the log."""
        self.out[message.sender, message.conv] = (message.seq, message)
        self.messages.append(message)
        self.log[message.conv].append(message)
        self.accepted_at[message] = (self.now, self.heads[message.conv][-1])


def _in(head: Head, name: str) -> int | None:
    leaf = head.leaves.get(name)
    return leaf.cell if leaf else None
