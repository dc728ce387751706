"""The model's receivers: keys, the log, shares and destroyed keys (rules R, H, D4, K1)."""

from random import Random

from tests.model.sending import Sending
from tests.model.terms import (
    DAY,
    RETAINED,
    Atom,
    CellKey,
    Device,
    Head,
    Message,
    Record,
    Seal,
    Violation,
    at,
)


class Receiving(Sending):
    """Devices that read and share."""

    def fetch_keys(self, me: Device, conv: int, rng: Random) -> None:
        for r in self.records[conv]:
            if r in me.records or (not self.honest and rng.random() < 0.3):
                continue
            # A server that withholds the record's head keeps the receiver's own head low.
            if self.on("S1-named") and (self.honest or rng.random() < 0.5):
                self.learn_head(me, conv, r.head)
            known = me.heads.get(conv)
            follows = known and (at(known, r.head.epoch) is r.head or r.head.epoch > known.epoch)
            in_time = r.head.created <= r.created <= self.now or not self.on("R6-created")
            signed = r.by == self.issued[r.author] or not self.on("R6-signature")
            if signed and follows and in_time:
                me.records.add(r)
        for _ in range(2):  # Cell keys first, then what they open.
            mine = set(me.private) | {("cell", c) for c in me.cells.values()}
            for seal in self.seals:
                fetched = self.honest or rng.random() >= 0.2
                if seal.pk[1] in mine and seal.of not in me.secrets and fetched:
                    self._take(me, seal)

    def _take(self, me: Device, seal: Seal) -> None:
        of = seal.of
        place = (of.conv, of.cell) if isinstance(of, CellKey) else (of.conv,)
        if self.on("commit") and of.commit != ("commit", seal.secret, *place):
            return
        if isinstance(of, CellKey):
            if of.pk == ("pk", ("cell", seal.secret)):
                me.cells.setdefault(of, seal.secret)
            else:
                me.bad.add(of)
        elif of in me.records and self.now - of.created <= RETAINED + 2 * DAY:
            me.secrets.setdefault(of, seal.secret)

    def receive(
        self, me: Device, conv: int, m: Message, position: int = 0, page: bool = False
    ) -> str:
        """R1 to R9: returns "shown", "waits" or "refused". ``page``: of older history."""
        if m.conv != conv and self.on("R1-conversation"):
            return "refused"
        if self.on("S1-named"):
            self.learn_head(me, conv, m.head)
        known = me.heads[conv]
        met = m.head.epoch <= known.epoch or self.on("S1-named")
        if self.on("R4-head") and at(known, m.head.epoch) is not m.head and met:
            return "refused"
        named = me.named.setdefault(conv, [])
        first = m not in me.asked  # The knowledge at arrival counts, however long the wait.
        if m.sender not in m.head.leaves and self.on("R2-listed"):
            return "refused"
        alike = self.on("R2-pages") or not page
        if self.on("R2-higher") and alike and first and self.has_left(me, m, named, position):
            return "refused"
        if m.head.by < self.floor(me, m, named, position).by and self.on("R2-former"):
            return "refused"
        confirmed = self.confirmed(me, m.sender) or m.sender in me.revoked
        if not confirmed and self.on("R2-confirmed"):
            return "refused"
        if not self.party(conv, m.sender):
            return "refused"
        if self.on("R3") and m.by != self.issued[m.sender]:
            return "refused"
        seqs = me.accepted.setdefault((conv, m.sender), {})
        before, after = seqs.get(m.seq - 1), seqs.get(m.seq + 1)
        chains = not (before and m.prev is not before) and not (after and after.prev is not m)
        if self.on("R5") and (m.seq in seqs or not chains):
            return "refused"
        in_range = m.head.rekey <= m.record.head.epoch <= m.head.epoch
        if self.on("R6-epoch") and alike and not in_range:
            return "refused"
        if m.record.conv != conv and self.on("R6-conversation"):
            return "refused"
        me.asked.add(m)
        if m.record not in me.secrets:
            return "waits"
        if m.key != (me.secrets[m.record], m.id, m.conv, m.sender, m.seq):
            return "refused"
        seqs[m.seq] = m
        if (conv, m.id) not in me.ids or not self.on("S8-id"):
            self._show(me, conv, m, first and self.has_left(me, m, named, position))
        me.ids.add((conv, m.id))
        named.append((position, m.head))
        return "shown"

    def has_left(
        self, me: Device, m: Message, named: list[tuple[int, Head]], position: int
    ) -> bool:
        """Return whether the sender is off its floor."""
        return m.sender not in self.floor(me, m, named, position).leaves

    def floor(self, me: Device, m: Message, named: list[tuple[int, Head]], position: int) -> Head:
        """R2: the highest head that the message or an earlier entry names, or that was known
        before this entry could have come."""
        steps = [*named, *([me.caught_up[m.conv]] if m.conv in me.caught_up else [])]
        heads = [h for at, h in steps if at <= position or not self.on("R2-position")]
        return max([m.head, *heads], key=lambda h: h.epoch)

    def _show(self, me: Device, conv: int, m: Message, has_left: bool) -> None:
        sender = self.devices[m.sender]
        if not me.evil:
            if (conv, m.text) in me.shown:
                raise Violation(f"I3 {me.name} shows one message twice")
            if not sender.evil and self.truth.get(m.text) != (sender.name, conv):
                raise Violation(f"I3 {me.name} shows what {m.sender} did not send in {conv}")
            leaf = m.head.leaves.get(m.sender)
            sounds = m.order and (bool(leaf and leaf.issues) or not self.on("R2-issue"))
            if sounds and not (leaf and leaf.issues):
                raise Violation(
                    f"I13 {me.name} sounds for an order by {m.sender}, without the right"
                )
            if sender.person not in self.direct.get(conv, (sender.person,)):
                raise Violation(f"I3 {me.name} shows {m.sender} in the direct chat {conv}")
            if m.sender not in m.head.leaves:
                raise Violation(f"I3 {me.name} shows {m.sender}, not in its head of {conv}")
            if not sender.legit and not self.vouched(m.sender, self.step):
                raise Violation(f"I4 {me.name} shows {m.sender} as {sender.person}")
            held = at(me.heads[conv], m.head.epoch)
            if not sender.evil and held not in (m.head, None):
                raise Violation(f"I3 {me.name} and {m.sender} hold different heads of {conv}")
            number = max((one for one in self.restores if one <= m.head.epoch), default=0)
            place = (conv, m.sender, m.seq, number)
            if self.honest and self.agreed.setdefault(place, m.text) != m.text:
                raise Violation(f"I3 devices show different messages {m.seq} of {m.sender}")
            if has_left:
                raise Violation(f"I3 {me.name} shows {m.sender}, known to have left before")
        me.shown.append((conv, m.text))

    def vouched(self, ghost: str, born: int, without: frozenset[str] = frozenset()) -> bool:
        """Return whether a ghost may be taken for its person's device (``invariants``)."""
        raise NotImplementedError

    def sync(self, me: Device, rng: Random | None = None) -> None:
        """The device comes online: keys, heads, log, what waited, requests for what is missing."""
        rng = rng or Random(self.step)
        if not me.evil:  # Secrets that its DeviceKeys before this time opened must be gone.
            me.synced = max([t for t in me.renewals if self.now - t > 2 * DAY], default=0)
        for sk, (_, superseded) in list(me.private.items()):
            if superseded is not None and self.now - superseded > 2 * DAY and self.on("K1-device"):
                del me.private[sk]
        newest = max((created for created, _ in me.private.values()), default=0)
        if newest <= self.now - 7 * DAY:
            self.renew_key(me)
        for conv in self.log:
            if self.heads[conv] and self.look(me, conv, rng):
                self.catch_up(me, conv)
                self.fetch_keys(me, conv, rng)
                self._read_log(me, conv, rng)
                self.post_again(me, conv, rng)
        self._destroy(me)
        lacking = {m.record for _, _, m in me.waiting}
        if self.on("D4-ack"):  # A request ends when its messages have opened.
            self.open_requests -= {(me.name, record) for record in set(me.secrets) - lacking}
        for record in lacking:
            if self.on("D4-ack") or record not in me.asked:
                me.asked.add(record)
                self.open_requests.add((me.name, record))

    def _read_log(self, me: Device, conv: int, rng: Random) -> None:
        entries: list[tuple[int, int, Message]]
        page = False
        if self.honest:
            begin = me.cursor.get(conv, 0)
            since = list(enumerate(self.log[conv]))[begin:]
            entries = [
                (conv, place, m)
                for place, m in since
                if self.now - self.accepted_at[m][0] <= RETAINED
            ]
            if rng.random() < 0.3:  # The newest page first, then the older one.
                half = len(entries) // 2
                entries = entries[half:] + entries[:half]
            me.cursor[conv] = len(self.log[conv])
        else:
            page = rng.random() < 0.2
            entries = [(conv, self.step, m) for m in self.messages if rng.random() < 0.6]
            rng.shuffle(entries)
        again = [w for w in me.waiting if w[0] == conv]
        me.waiting = [w for w in me.waiting if w[0] != conv]
        for _, position, m in again + entries:
            if m.sender == me.name and self.truth.get(m.text, ("",))[0] == me.name:
                continue
            outcome = self.receive(me, conv, m, position, page)
            if outcome == "waits" and all(one[2] is not m for one in me.waiting):
                me.waiting.append((conv, position, m))
            (me.passed.discard if outcome == "refused" else me.passed.add)((conv, m))
        me.caught_up[conv] = (len(self.log[conv]) if self.honest else self.step, me.heads[conv])
        held_back = [position for place, position, _ in me.waiting if place == conv]
        frozen = bool(held_back) and not self.on("R9-cursor")
        me.delivered[conv] = min(held_back) if frozen else me.cursor.get(conv, 0)

    def _destroy(self, me: Device) -> None:
        """K1."""
        for r in list(me.secrets):
            if self.now - r.created > RETAINED + DAY + 1 and self.on("K1-key"):
                del me.secrets[r]
        for ck in list(me.cells):
            after = [k.created for k in self.cell_keys if (k.conv, k.cell) == (ck.conv, ck.cell)
                     and k.created > ck.created]  # fmt: skip
            old = self.on("K1-unused") and self.now - ck.created > 9 * DAY
            replaced = self.on("K1-cell") and after and self.now - min(after) > 2 * DAY
            if old or replaced:
                del me.cells[ck]

    def share(self, holder: Device, name: str, record: Record, rng: Random) -> bool:
        """H1, H2, H3: the holder passes on the key, and the cell's key."""
        conv, to_evil = record.conv, self.devices[name].evil
        head = self.look(holder, conv, rng)
        if not head or (holder.name not in head.leaves and not holder.evil):
            return False
        leaf = head.leaves.get(name)
        if not leaf and self.on("H1-listed"):
            return False
        if not self.confirmed(holder, name) and self.on("H1-confirmed"):
            return False
        if not self.party(conv, name):
            return False
        key = self.device_key(holder, name, rng)
        if not key or key.pk == "invalid" or (holder.evil and to_evil):
            return False
        if holder.evil and (record.author == holder.name or rng.random() < 0.8):
            if rng.random() < 0.5:
                self.seals.append(Seal(key.pk, record, self.new("rubbish")))
            return True
        since = leaf.since if leaf else self.now
        if leaf:
            self.check_seen(holder, head, name)
        done = False
        held: list[tuple[Record | CellKey, Atom]] = [*holder.secrets.items()]
        held += holder.cells.items()
        for of, secret in held:
            if isinstance(of, CellKey) and (not leaf or of.cell != leaf.cell):
                continue
            if isinstance(of, CellKey) and of.created < since + 26 and self.on("late-share"):
                continue
            wanted = of.conv == conv and (of is record or isinstance(of, CellKey))
            if of.head.epoch > head.epoch and self.on("H1-epoch"):
                continue
            on_lost = of.head.epoch < head.epoch and at(head, of.head.epoch) is not of.head
            if on_lost and self.on("H1-lost"):
                continue
            if wanted and (of.created >= since or not self.on("H3")):
                self.seals.append(Seal(key.pk, of, secret))
                done = done or of is record
        return done
