"""The model's senders: what the server answers, making keys, sealing, sending (rules S, D1, D2)."""

from collections.abc import Iterable
from random import Random
from typing import TypeVar

from tests.model.department import Department
from tests.model.terms import (
    DAY,
    RANGE,
    Atom,
    CellKey,
    Device,
    DeviceKey,
    Head,
    Message,
    PublicKey,
    Record,
    Seal,
    Violation,
    at,
    follows,
)

_T = TypeVar("_T")


class Sending(Department):
    """Devices that send. The reading side is in ``receiving``."""

    def choose(self, rng: Random, items: Iterable[_T]) -> _T | None:
        """Return the newest from an honest server, anything from the attacker."""
        found = list(items)
        return None if not found else found[-1] if self.honest else rng.choice(found)

    def learn_head(self, me: Device, conv: int, head: Head | None) -> bool:
        """Take a head that follows the own one, and tell the person who joins (E1)."""
        before = me.heads.get(conv)
        if not head or (before and not follows(head, before)):
            return False
        if head.epoch // RANGE != head.by and self.on("authority-range"):
            return False
        me.heads[conv] = head
        if not before or self.honest or self.on("E1"):
            me.told.setdefault(conv, set()).update(self.devices[n].person for n in head.leaves)
        if head is not before:
            me.held.setdefault(conv, []).append(head)
        return True

    def look(self, me: Device, conv: int, rng: Random) -> Head | None:
        """S1: the newest head, as its stamp of this hour says."""
        for name, one in self.revoked.items():
            heard = self.devices[name].person not in me.deaf or self.on("E4-held")
            if heard and (self.honest or rng.random() < 0.7):
                me.revoked[name] = one
                me.learned.setdefault(name, self.step)
        known, heads = me.heads.get(conv), self.heads[conv]
        if not self.honest:
            heads = [
                h
                for h in (*heads, *self.lost[conv], *self.forged[conv])
                if (not known or follows(h, known))
                and (h.by == self.authority or not self.on("authority-stamp"))
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
            and self.party(ck.conv, ck.author)
            and at(head, ck.head.epoch) is ck.head
            and ck not in me.bad
        )

    def cell_key(self, me: Device, cell: int, head: Head, rng: Random) -> CellKey | None:
        """Return the key of a cell that the server shows, if S4 lets the device use it."""
        ck = self.choose(rng, [k for k in self.cell_keys if k.cell == cell])
        return ck if ck and self.usable(me, ck, head) else None

    def seal_all(
        self, me: Device, of: Record | CellKey, secret: Atom, head: Head, rng: Random
    ) -> bool:
        """S3: a conversation key of several cells to the cells' keys, the author's own among them;
        any other secret to each confirmed device. False: an invalid key or a missing one stops it.
        """
        seals = list[Seal]()
        cells = {leaf.cell for leaf in head.leaves.values()}
        if isinstance(of, Record) and len(cells) > 1:
            keys = {cell: self.cell_key(me, cell, head, rng) for cell in sorted(cells)}
            if not me.evil and not keys[head.leaves[me.name].cell]:
                return False
            seals = [Seal(ck.pk, of, secret) for ck in keys.values() if ck]
        else:
            for name, leaf in head.leaves.items():
                inside = isinstance(of, Record) or leaf.cell == of.cell
                if inside and self.confirmed(me, name) and self.party(of.conv, name):
                    key = self.device_key(me, name, rng)
                    seals += [Seal(key.pk, of, secret)] if key else []
                    self.check_seen(me, head, name)
        if any(seal.pk == "invalid" for seal in seals):
            return False
        self.seals += seals
        return True

    def check_seen(self, me: Device, head: Head, name: str) -> None:
        """I15: the person learns of everybody to whom the device seals, and sees from when each
        reads (H5)."""
        since = head.leaves[name].since
        shown = since if self.on("H5") else self.said.get((head.conv, name), since)
        told = self.devices[name].person in me.told.get(head.conv, ())
        if not me.evil and name != me.name and not (told and shown == since):
            raise Violation(f"I15 {me.name} seals to {name} in {head.conv}, not shown as it reads")

    def make_cell_key(
        self,
        me: Device,
        head: Head,
        rng: Random,
        how: str = "right",
        author: str = "",
        cell: int | None = None,
    ) -> None:
        """Make a cell key; ``how``: right, invalid, with another pk, or with rubbish in its
        seals."""
        author = author or me.name
        secret, cell = self.new("C"), head.leaves[author].cell if cell is None else cell
        pk: PublicKey = ("pk", ("cell", secret))
        if how == "invalid":
            if self.on("D3") and self.honest:
                return
            pk = "invalid"
        elif how in ("another pk", "rubbish"):
            private = self.new("sk")
            pk = ("pk", private)
            if how == "another pk":
                self.known.add(private)
        ck = CellKey(0, cell, head, author, self.now, ("commit", secret, 0, cell), pk, me.signing)
        sealed = self.new("rubbish") if how == "rubbish" else secret
        if self.seal_all(me, ck, sealed, head, rng):
            self.cell_keys.append(ck)
            me.cells[ck] = secret
            claimed = "" if author == me.name else f", as {author}"
            self.say(f"{me.name} makes a key of cell {cell}, epoch {head.epoch}{claimed}, {how}")

    def may_use(self, me: Device, r: Record, head: Head) -> bool:
        """S2."""
        listed = self.confirmed(me, r.author) and r.author in r.head.leaves
        return (
            r in me.secrets
            and self.party(r.conv, r.author)
            and (r.head.epoch >= head.rekey or not self.on("S2-rekey"))
            and r.head.epoch <= head.epoch
            and (self.now - r.created < DAY or not self.on("S2-age"))
            and (listed or not self.on("S2-confirmed"))
        )

    def fetch_keys(self, me: Device, conv: int, rng: Random) -> None:
        """Take records that R6 accepts, and open every seal and share that is there."""
        raise NotImplementedError

    def send(self, me: Device, conv: int, rng: Random, text: Atom | None = None) -> Message | None:
        """Send this text, or a fresh one."""
        self.catch_up(me, conv)
        return self.post_text(me, conv, rng, text or self.new("text"), self.new("id"))

    def catch_up(self, me: Device, conv: int) -> None:
        """S8: an honest server names the newest Incarnation."""
        if self.honest and self.restores and max(self.restores) > me.incarnation.get(conv, 0):
            at_least = [
                kept[conv]
                for number, kept in self.restores.items()
                if number > me.incarnation.get(conv, 0)
            ]
            position = min([me.cursor.get(conv, 0), *at_least])
            self.go_back(me, conv, max(self.restores), position, set(self.log[conv]))

    def go_back(
        self, me: Device, conv: int, number: int, position: int, there: set[Message]
    ) -> None:
        """S8: go back to a position of the log, of which the server shows these entries.
        ``number``: of the Incarnation that it shows; 0: none."""
        if number <= me.incarnation.get(conv, 0):
            if number == 0 and self.on("S8-number"):
                return
            if number and self.on("S8-once"):
                return
        me.former[conv] = me.incarnation.get(conv, 0)
        me.incarnation[conv] = max(number, me.former[conv])
        me.cursor[conv] = position
        for (place, _), seqs in me.accepted.items():
            for seq in [s for s, m in seqs.items() if place == conv and m not in there]:
                del seqs[seq]
        me.named[conv] = [(at, h) for at, h in me.named.get(conv, []) if h not in self.lost[conv]]
        if conv in me.caught_up and me.caught_up[conv][1] in self.lost[conv]:
            del me.caught_up[conv]
        me.waiting = [one for one in me.waiting if one[0] != conv or one[2] in there]
        me.passed = {(place, m) for place, m in me.passed if place != conv or m in there}
        mine = [m for m in me.sent.get(conv, []) if m in there]
        me.chain[conv] = (mine[-1].seq, mine[-1]) if mine else (0, None)
        me.again[conv] = [
            m
            for m in me.sent.get(conv, [])
            if m not in there and (self.on("S8-signing") or self._may_read_all(me.heads[conv], m))
        ]
        me.sent[conv] = mine

    def _may_read_all(self, head: Head, m: Message) -> bool:
        """S8: no leaf begins after the message was first signed."""
        return head.latest() <= self.first[m.text][0] or not self.on("S8-history")

    def _forgot(self, me: Device, head: Head, message: Message) -> bool:
        """S8: whether a removal from before a lost message may be forgotten."""
        one: Head | None = head
        while one and not one.incarnation:
            one = one.prev
        if not one or not one.prev or not self.on("S8-removal"):
            return False
        restored, held = one.prev, me.held.get(head.conv, [])
        former = me.former.get(head.conv, 0)
        same = any(h.epoch == former and h.prev is restored for h in held)
        spared = former if same or not self.on("S8-backup") else 0
        lost = [h for h in held if restored.epoch < h.epoch < one.epoch and h.rekey != spared]
        skipped = restored.epoch > message.head.epoch and self.on("S8-skipped")
        return restored not in held or skipped or any(h.rekey > restored.rekey for h in lost)

    def post_again(self, me: Device, conv: int, rng: Random) -> None:
        """S8: send again what was lost, unless its author must be asked first."""
        for m in me.again.pop(conv, []):
            self.post_text(me, conv, rng, m.text, m.id, m)

    def post_text(
        self,
        me: Device,
        conv: int,
        rng: Random,
        text: Atom,
        message_id: Atom,
        lost: Message | None = None,
    ) -> Message | None:
        """Send a text, or one that the log lost."""
        attempt = lost.attempt + 1 if lost else 0
        for _ in range(4):  # S6: a refused message is signed again.
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
            if lost and self._forgot(me, head, lost):
                return None
            if lost and self.on("S8-signing") and not self._may_read_all(head, lost):
                return None
            record = self._key_to_use(me, conv, head, rng)
            if record is not None:
                message = self._sealed(me, record, head, text, message_id, attempt)
                if not self.honest or self.accept(message):
                    self.truth[text] = (me.name, conv)
                    self.post(message)
                    me.chain[conv] = (message.seq, message)
                    me.sent.setdefault(conv, []).append(message)
                    place = (me.name, conv, message.seq, me.incarnation.get(conv, 0), me.lives)
                    if self.signed.setdefault(place, text) != text and not me.evil:
                        raise Violation(f"I11 {me.name} signs two messages {message.seq}")
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
        own = head.leaves[me.name].cell
        if conv == 0 and not self.cell_key(me, own, head, rng):
            self.make_cell_key(me, head, rng)  # C1: the server asks its device for it.
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
            and m.head in self.heads[m.conv]
            and (head.leaves[m.sender].issues or not m.order)
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
        self.first.setdefault(message.text, (*self.accepted_at[message], message.head))
