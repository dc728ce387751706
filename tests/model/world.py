"""A symbolic model of docs/keys.md: small worlds, random steps, an attacker who derives all it can.

Four people with up to three devices each use two conversations; the first has cells of two devices,
the second is a direct chat in some worlds. The server is honest (rules D) or is the attacker, who
chooses what each device sees, in which order, and forges with every key it knows. The CA and the
roster authority are honest, or the attacker holds their keys too (``takeover``) and signs heads
that fork. Members may be dishonest: they author keys with rubbish seals, flood, withhold shares,
publish invalid keys, issue and withdraw orders. Devices are stolen, their keys copied, their state
lost. Backups are restored; a thief has a former roster authority's key. Time runs in hours, so a
stamp of 10 min is one of the same hour.

A step is a name and a seed, so a run repeats exactly and shrinks by leaving steps out. After each
step :meth:`World.check` computes all that the attacker can open, and the invariants:

I1 no outsider reads, in a direct chat nobody but its two people; I2 no device reads what came after
its removal; I3 a shown message is as its sender sent it, once, in its conversation, and all agree;
I4 no ghost (a device in somebody's name) reads or is shown as its person; I5 an honest device's
message is accepted and shown by all honest entitled devices, whatever one insider does (honest
server); I6 nobody reads what is before its history_from; I7 what a device has passed and does not
show counts as delivered to nobody; I8 copied keys are worth nothing after 23 days, and nobody seals
to an older DeviceKey than it has seen; I9 a stolen phone holds nothing that is older than the log
keeps; I10 an insider makes others keep at most four keys a day beyond the keys that changes of the
roster ask for; I11 a device signs one message under a number, but for what an Incarnation allows;
I12 no device is deaf to a revocation; I13 only an order of somebody who may issue sounds; I14 what
a device shows counts as delivered to it; I15 a device seals to nobody whom it does not show as a
reader, with the time from which that device reads; I16 an order is withdrawn by its issuer or the
person whom it appoints; I17 an acknowledgement counts for the order and the device that made it.

README.md says which attack finds which rule, and which parts are not modelled. Random search in
small worlds proves nothing absent.
"""

from collections.abc import Iterable
from random import Random

from tests.model.department import in_force
from tests.model.receiving import Receiving
from tests.model.terms import DAY, HEALED, RETAINED, Atom, Card, Device, Message, Violation, at


class World(Receiving):
    """People, devices and conversations, and what must hold of them."""

    def __init__(
        self, rules: frozenset[str], honest_server: bool, takeover: bool, seed: int
    ) -> None:
        super().__init__(rules, honest_server, takeover, seed)
        for person in ("chan", "asha", "balu"):
            self.cards.append(Card(person, 0, 0, 0))
            self.register(person)
        self.trace = [
            f"server {'honest' if honest_server else 'attacker'}; CA and roster authority "
            f"{'taken over' if takeover else 'honest'}; policy "
            f"{'approval' if self.approval else 'none'}; history_days {self.history}"
        ]
        for conv, people in ((0, ("asha", "balu", "chan")), (1, ("asha", "balu"))):
            since = self.now - self.history[conv] * DAY
            listed = [d.name for d in self.devices.values() if d.person in people]
            self.publish(conv, dict.fromkeys(listed, since))
        for device in self.devices.values():
            self.sync(device)
        self.now += 1  # So that nothing is dated as what was there before.

    def closure(self, atoms: Iterable[Atom]) -> set[Atom]:
        """Return all secrets that somebody with these opens from all seals ever made."""
        found, grown = set(atoms), True
        while grown:
            keys = found | {("cell", a) for a in found}
            more = {s.secret for s in self.seals if s.pk[1] in keys} - found
            found, grown = found | more, bool(more)
        return found

    def vouched(self, ghost: str, born: int, without: frozenset[str] = frozenset()) -> bool:
        """Return whether a device that was taken over endorsed the ghost while some honest device
        could not know better; or, under policy none, whether it may be the first."""
        person, honest = (
            self.devices[ghost].person,
            [d for d in self.devices.values() if not d.evil],
        )
        before = self.person_devices(person)
        if not self.approval and (self.takeover or before[0] == ghost):
            return True
        for e in self.endorsements:
            by = self.devices[e.endorser]
            if e.endorsed != ghost or not by.evil or e.by != self.issued[e.endorser]:
                continue
            one = self.revoked.get(by.name)
            unaware = any(d.learned.get(by.name, born) >= born for d in honest)
            known = one is None or one.born > born or (not self.honest and unaware)
            others = [d for d in honest if d.person == person and not d.pending]
            left = any(not self._truly_gone(d.name, e.made) for d in others)
            admin = by.name == self.root or self._truly_admin(by.person, person, e.made)
            own = by.person == person and not e.admin
            if by.legit and known and (own or (e.admin and not left and admin)):
                return True
            others_word = without | {ghost}
            if by.legit or not own or by.name in others_word:
                continue
            if self.vouched(by.name, born, others_word):
                return True
        return False

    def _truly_gone(self, name: str, made: int) -> bool:
        """Return whether the device's person, or an admin, revoked it before this hour."""
        one = self.revoked.get(name)
        return one is not None and not one.by_authority and one.created <= made

    def _truly_admin(self, admin: str, person: str, made: int) -> bool:
        """Return whether a grant covers all units that cards named in the 7 days before this hour,
        the hours being those in which the cards were made."""
        cards = sorted((c for c in self.cards if c.person == person), key=lambda c: c.made)
        named = in_force(cards, [c.made for c in cards], made - 7 * DAY, made)
        return admin in self.granted and all(c.unit == self.granted[admin] for c in named)

    def may_withdraw(self, name: str, order: Message) -> bool:
        """O3: the issuer, and the person whom the order appoints."""
        return self.devices[name].person in (self.devices[order.sender].person, order.text[2])

    def _takes_withdrawn(self, d: Device, order: Message) -> bool:
        """O1 and O3: whether a device takes an order for withdrawn."""
        signed = any(
            self.may_withdraw(m.sender, order) or not self.on("O3-withdrawal")
            for m in self._withdrawals(order)
            if (m.conv, m.text) in d.shown
        )
        return signed or (order.text in d.said_withdrawn and not self.on("O1-withdrawal"))

    def _withdrawals(self, order: Message) -> list[Message]:
        return [
            m for m in self.log[order.conv] if m.text[0] == "withdrawal" and m.text[2] == order.text
        ]

    def _check_orders(self) -> None:
        for order in [m for m in self.messages if m.order]:
            truly = any(
                m.by == self.issued[m.sender] and self.may_withdraw(m.sender, order)
                for m in self._withdrawals(order)
            )
            for d in self.devices.values():
                if not d.evil and not truly and self._takes_withdrawn(d, order):
                    raise Violation(f"I16 {d.name} takes an order of {order.sender} for withdrawn")
        for asked, one in self.handed:
            counts = (one.order == asked or not self.on("O1-order")) and (
                one.by == self.issued[one.device] or not self.on("O1-signature")
            )
            made = (asked, one.device) in self.acknowledged or self.devices[one.device].evil
            if counts and not made:
                raise Violation(f"I17 an acknowledgement counts that {one.device} did not make")

    def entitled(self, device: Device, m: Message) -> str:
        """Return "" if the device may read the message, else the invariant that forbids it."""
        when, accepted, named = self.first[m.text]
        head = accepted if self.honest else named
        heads, why = [*self.heads[m.conv], *self.lost[m.conv]], "I1"
        listing = [h for h in heads if device.name in h.leaves]
        parties = self.direct.get(m.conv, ())
        if self.devices[m.sender].person in parties and device.person not in parties:
            return "I1"
        without = self.forgotten.get((m.conv, device.name))
        if without and at(head, without.epoch) is without:  # No head that forgot it gives anything.
            listing = [h for h in listing if h.epoch < without.epoch]
        if not device.legit:
            vouched = listing and self.vouched(device.name, m.born)
            return "" if vouched else "I4" if listing else "I1"
        copied = device.copied
        if copied is not None and not device.evil and m.record.created > copied + HEALED:
            return "I8"
        stolen = self.honest and device.evil and copied is None
        if stolen and device.synced - when > RETAINED + 3 * DAY:
            return "I9"
        again, then = self.accepted_at[m]
        for h in listing:
            # People who are listed after a message was sent again find it where it is.
            covers = h.leaves[device.name].since <= (again if h.epoch > then.epoch else when)
            stamped = not self.honest and self.superseded.get(h, self.now) >= when and covers
            later = h is head or (h.epoch > head.epoch and covers)
            if stamped or ((self.honest or self.takeover) and later):
                return ""
            why = "I2" if h.epoch < head.epoch else "I6" if why != "I2" else why
        return why

    def check(self) -> None:
        """Raise Violation unless every invariant holds."""
        evil = [d for d in self.devices.values() if d.evil or d.copied is not None]
        for d in self.devices.values():
            if d.evil:
                self.known |= d.atoms() | {d.signing}
        self.known = self.closure(self.known)
        # Ghosts alone, too: an insider beside them may read.
        reach = {
            d.name: self.closure(d.atoms())
            for d in self.devices.values()
            if d not in evil or not d.legit
        }
        for m in self.messages:
            secret = m.key[0]
            if self.devices[m.sender].evil or m.text not in self.truth:
                continue
            about = f"{m.sender}'s message {m.seq} in {m.conv}, key by {m.record.author}"
            if secret in self.known:
                reasons = [self.entitled(d, m) for d in evil]
                if all(reasons):
                    worst = max(reasons, default="I1")
                    raise Violation(f"{worst} the attacker reads {about}")
            for name, secrets in reach.items():
                mixed = not self.devices[name].legit and self.devices[m.record.author].evil
                reads = not mixed and secret in secrets - self.reused
                why = self.entitled(self.devices[name], m) if reads else ""
                if why:
                    raise Violation(f"{why} {name} can read {about}")
        for d in self.devices.values():
            there = [(c, m) for c, m in d.passed if not self.honest or m in self.log[c]]
            if any(self._delivered(d, conv, m) for conv, m in there):
                raise Violation(f"I7 {d.name} is said to have what it does not show")
            if self.honest and d.evil:
                self._check_flood(d)
        self._check_orders()

    def _delivered(self, d: Device, conv: int, m: Message) -> bool:
        """Return whether a message counts as delivered that a device has passed and not shown."""
        asks = (d.name, m.record) in self.open_requests and self.on("R9")
        return (conv, m.text) not in d.shown and not asks

    def _check_flood(self, d: Device) -> None:
        for conv, records in self.records.items():
            mine = [r for r in records if r.author == d.name]
            most = 3 + len({r.head.rekey for r in mine})
            if any(sum(0 <= r.created - o.created < DAY for r in mine) > most for o in mine):
                raise Violation(f"I10 {d.name} floods {conv} with keys")

    def drain(self) -> None:
        """I5: all come online and send; queues drain; then nobody waits for what can be had."""
        honest = [d for d in self.devices.values() if not d.evil and d.legit]
        self.settle()
        for d in honest:
            for conv, heads in self.heads.items():
                listed = d.name in heads[-1].leaves and not d.pending
                if listed and not self.send(d, conv, Random(1)):
                    raise Violation(f"I5 {d.name} cannot send in {conv}")
        self.settle()
        for d in honest:
            for m in self.messages:
                if not self._owed(d, m) or (m.conv, m.text) in d.shown:
                    continue
                leaves = self.heads[m.conv][-1].leaves
                others = [o for o in honest if o is not d and o.name in leaves]
                if m.record in d.secrets or any(m.record in o.secrets for o in others):
                    raise Violation(f"I5 {d.name} never shows {m.sender}'s message in {m.conv}")
            if missed := set(self.revoked) - set(d.revoked):
                raise Violation(f"I12 {d.name} is deaf to the revocation of {min(missed)}")
            for conv, log in self.log.items():
                for m in log[d.delivered.get(conv, 0) : d.cursor.get(conv, 0)]:
                    if (conv, m.text) in d.shown:
                        raise Violation(f"I14 {d.name} shows what counts as not delivered to it")
        self.check()

    def _owed(self, d: Device, m: Message) -> bool:
        """Return whether an honest device must come to show a message, if anybody has its key."""
        when, accepted = self.accepted_at[m]
        head, sender = self.heads[m.conv][-1], self.devices[m.sender]
        both = d.name in head.leaves and d.name in accepted.leaves and d is not sender
        true = not sender.evil and m.text in self.truth and sender.name not in self.revoked
        kept = self.now - when <= RETAINED and not d.pending and m in self.log[m.conv]
        # One that left and came again is a newcomer.
        return both and true and kept and head.leaves[d.name].since <= when

    def settle(self) -> None:
        """D4: requests go to all who may hold the key, the dishonest first."""
        for turn in range(4):
            self.step += 1
            for d in self.devices.values():
                self.sync(d)
            asked = sorted(
                self.open_requests, key=lambda r: (r[0], self.records[r[1].conv].index(r[1]))
            )
            for name, record in asked:
                order = sorted(self.devices.values(), key=lambda d: (not d.evil, d.name))
                leaves = self.heads[record.conv][-1].leaves
                holders = [d for d in order if d.name != name and d.name in leaves]
                if not self.on("D4-others"):
                    holders = holders[:1]
                done = False
                for holder in holders if self.on("D4") else ():
                    done = self.share(holder, name, record, Random(turn + 1))
                    if done and not (self.on("D4-ack") and holder.evil):
                        break
                if done and not self.on("D4-ack"):
                    self.open_requests.discard((name, record))
        for d in self.devices.values():
            self.sync(d)
