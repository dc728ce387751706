"""The model's department: registration, rosters, and which devices are confirmed (E0, E2, E4)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

from tests.model.terms import (
    DAY,
    RANGE,
    Acknowledgement,
    Atom,
    Card,
    CellKey,
    Device,
    DeviceKey,
    Endorsement,
    Head,
    Leaf,
    Message,
    Record,
    Revocation,
    Seal,
)

_NOBODY: frozenset[str] = frozenset()
CELL_LIMIT = 2


class Department:
    """All state of a world, and what the CA and the roster authority do."""

    def __init__(
        self, rules: frozenset[str], honest_server: bool, takeover: bool, seed: int
    ) -> None:
        self.rules, self.honest, self.takeover = rules, honest_server, takeover
        self.rng, self.now, self.step, self.fresh = Random(seed), 1000, 0, 0
        self.devices: dict[str, Device] = {}
        self.issued: dict[str, Atom] = {}
        self.endorsements: list[Endorsement] = []
        self.granted: dict[str, int] = {}  # The unit over which a person has a grant.
        self.cards: list[Card] = []
        self.approval, self.root = self.rng.random() < 0.5, "chan1"
        # The id of the second conversation may be that of its two people.
        self.direct = {1: ("asha", "balu")} if self.rng.random() < 0.4 else {}
        self.heads: dict[int, list[Head]] = {0: [], 1: []}
        self.records: dict[int, list[Record]] = {0: [], 1: []}
        self.log: dict[int, list[Message]] = {0: [], 1: []}
        self.superseded: dict[Head | None, int] = {}
        # Restores: the length of each log that was kept, by number; heads that are gone; by person
        # whose removal was forgotten, the lost head that removed them.
        self.restores: dict[int, dict[int, int]] = {}
        self.lost: dict[int, list[Head]] = {0: [], 1: []}
        self.authority = 0  # The number of the roster authority; thieves have the former's key.
        self.forged: dict[int, list[Head]] = {0: [], 1: []}  # With a former authority's key.
        self.forgotten: dict[tuple[int, str], Head] = {}
        self.revoked: dict[str, Revocation] = {}
        # The history_from of members whose last device was revoked: they are members still.
        self.joined: dict[tuple[int, str], int] = {}  # Members who never had a device.
        self.without_device: dict[tuple[int, str], int] = {}
        self.seals: list[Seal] = []
        self.device_keys: list[DeviceKey] = []
        self.cell_keys: list[CellKey] = []
        self.messages: list[Message] = []
        # The acknowledgements that the server shows for an order, and the ones that devices signed.
        self.handed: list[tuple[Atom, Acknowledgement]] = []
        self.acknowledged: set[tuple[Atom, str]] = set()
        # From when a device reads, as the server says in place of the leaf; None: not at all.
        self.said: dict[tuple[int, str], int | None] = {}
        self.open_requests: set[tuple[str, Record]] = set()
        self.known: set[Atom] = {("sign", 0)}  # The attacker's.
        self.reused: set[Atom] = set()
        self.truth: dict[Atom, tuple[str, int]] = {}
        self.out: dict[tuple[str, int], tuple[int, Message | None]] = {}
        self.accepted_at: dict[Message, tuple[int, Head]] = {}
        self.first: dict[Atom, tuple[int, Head, Head]] = {}  # When and under what it was sent.
        self.signed: dict[tuple[str, int, int, int, int], Atom] = {}
        self.agreed: dict[tuple[int, str, int, int], Atom] = {}
        self.history = {0: self.rng.choice([0, 1, 7]), 1: self.rng.choice([0, 1, 7])}
        self.trace: list[str] = []

    def on(self, rule: str) -> bool:
        """Return whether a rule is kept."""
        return rule in self.rules

    def new(self, kind: str) -> Atom:
        """Return a fresh secret."""
        self.fresh += 1
        return (kind, self.fresh)

    def say(self, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.step}. t={self.now - 1000}h {text}")

    def register(self, person: str, ghost: bool = False) -> Device:
        """Return a new device; under approval the root admin endorses a person's first."""
        number = 1 + len(self.person_devices(person))
        device = Device(f"{person}{number}", person, self.new("sign"))
        self.devices[device.name], self.issued[device.name] = device, device.signing
        device.legit, device.evil = not ghost, ghost
        device.registered = 0 if ghost and self.takeover else self.now
        root = self.devices[self.root]
        first = number == 1 and self.approval and not ghost and device is not root
        if first and not root.evil:
            self.endorsements.append(
                Endorsement(
                    device.name, self.root, True, self.now, root.signing, self.step, self.now
                )
            )
        self.renew_key(device)
        return device

    def person_devices(self, person: str) -> list[str]:
        """Return PersonDevices: a person's devices in the order of their registration."""
        return [d.name for d in self.devices.values() if d.person == person]

    def publish(
        self,
        conv: int,
        add: Mapping[str, int] | None = None,
        drop: Iterable[str] = (),
        move: str | None = None,
        prev: Head | None = None,
        number: int = 0,
    ) -> None:
        """Sign the next head. ``add``: devices with their history_from; ``number``: of an
        Incarnation, under which everything is rekeyed."""
        old = prev or (self.heads[conv][-1] if self.heads[conv] else None)
        epoch = number or (old.epoch + 1 if old else 1)
        leaves, cells = dict(old.leaves) if old else {}, dict(old.cells) if old else {}
        rekey = old.rekey if old else 1
        if number:
            rekey, cells = epoch, dict.fromkeys(cells, epoch)
        for name in drop:
            if name in leaves:
                cells[leaves.pop(name).cell] = rekey = epoch
        if move:
            if self.on("C-move"):
                cells[leaves[move].cell] = epoch
            other = min(c for c in range(9) if _free(leaves, c) and c != leaves[move].cell)
            leaves[move] = replace(leaves[move], cell=other)
        for name, since in (add or {}).items():
            cell = min(c for c in range(9) if _free(leaves, c)) if conv == 0 else 0
            leaves[name] = Leaf(cell, since, self.devices[name].person == "chan")
            if since > self.now - DAY and self.on("rekey-entrant"):
                cells[cell] = rekey = epoch
        for leaf in leaves.values():
            cells.setdefault(leaf.cell, epoch)
        head = Head(conv, epoch, old, leaves, rekey, cells, self.now, number, self.authority)
        if not prev:
            self.superseded.setdefault(old, self.now)
        self.heads[conv].append(head)

    def restore(self, cut: int) -> None:
        """Restore a backup of this time; the roster authority signs an Incarnation. An attacker's
        server forgets only what the honest roster authority reads: the rosters."""
        backup = {c: [h for h in hs if h.created <= cut] or hs[:1] for c, hs in self.heads.items()}
        time = self.now * 1000 + self.step * 20 if self.on("S8-time") else 0  # Above all epochs.
        before = max(h.epoch for heads in backup.values() for h in heads)
        number = max(self.authority * RANGE + time, before + 100)
        self.restores[number] = {}
        for conv, heads in self.heads.items():
            kept = backup[conv]
            newest, lost = heads[-1], heads[len(kept) :]
            self.lost[conv] += lost
            self.superseded.setdefault(newest, self.now)
            for name in kept[-1].leaves.keys() - newest.leaves.keys():
                self.forgotten[conv, name] = next(h for h in lost if name not in h.leaves)
            self.heads[conv] = kept
            if self.honest:
                self.log[conv] = [m for m in self.log[conv] if self.accepted_at[m][0] <= cut]
                self.records[conv] = [
                    r for r in self.records[conv] if r.head in kept and r.created <= cut
                ]
            self.restores[number][conv] = len(self.log[conv])
            self.publish(conv, prev=kept[-1], number=number)
            # Revocations outlive the backup, on the devices; that somebody left does not.
            gone = [name for name in kept[-1].leaves if name in self.revoked]
            if gone:
                self.publish(conv, drop=gone)
        there = {r for records in self.records.values() for r in records}
        self.open_requests = {one for one in self.open_requests if one[1] in there}
        if self.honest:
            entries = [m for log in self.log.values() for m in log]
            self.out = {(m.sender, m.conv): (m.seq, m) for m in entries}

    def renew_key(self, device: Device) -> None:
        """Publish the next DeviceKey; the private key before it lives 48 h longer."""
        for sk, (created, superseded) in device.private.items():
            device.private[sk] = created, superseded or self.now
        sk = self.new("sk")
        device.private[sk], device.generation = (self.now, None), device.generation + 1
        device.renewals.append(self.now)
        self.device_keys.append(
            DeviceKey(device.name, device.generation, self.now, ("pk", sk), device.signing)
        )

    # --- confirmed devices: E0, E4 ----------------------------------------------------------------

    def confirmed(self, me: Device, name: str) -> bool:
        """Return whether a device is confirmed by the revocations that ``me`` knows."""
        if not self.on("E0") or me is self.devices[name]:
            return True
        return self.judge(me.revoked, name)

    def party(self, conv: int, name: str) -> bool:
        """R10: return whether a device may take part: in a direct conversation, of its people."""
        person = self.devices[name].person
        return person in self.direct.get(conv, (person,)) or not self.on("R10")

    def judge(self, revoked: Mapping[str, Revocation], name: str) -> bool:
        """Return whether a device is confirmed by these revocations."""
        if name in revoked and self.on("E0-revoked"):
            return False
        return self._vouched_for(revoked, name, self.now, _NOBODY)

    def _vouched_for(
        self, revoked: Mapping[str, Revocation], name: str, until: int, without: frozenset[str]
    ) -> bool:
        """``without``: the devices whose word does not count, because the question is of them."""
        if name in without:
            return False
        if name == self.root or (not self.approval and self._is_first(revoked, name)):
            return True
        return any(
            e.endorsed == name and e.created <= until and self._counts(revoked, e, without)
            for e in self.endorsements
        )

    def _is_first(self, revoked: Mapping[str, Revocation], name: str) -> bool:
        """Policy none: the first of its person, whatever became of it. If CA and roster authority
        are taken over, PersonDevices says what the attacker likes."""
        devices = self.person_devices(self.devices[name].person)
        before = devices[: devices.index(name)]
        if self.on("E0-first"):
            return self.takeover or not before
        return self.takeover or all(one in revoked for one in before)

    def _counts(
        self, revoked: Mapping[str, Revocation], e: Endorsement, without: frozenset[str]
    ) -> bool:
        by, of = self.devices[e.endorser], self.devices[e.endorsed]
        if e.by != self.issued[e.endorser] and self.on("E0-signature"):
            return False
        if not self._stands(revoked, e) or (e.created < of.registered and self.on("E4-born")):
            return False
        if not e.admin and by.person != of.person:
            return False
        granted = e.endorser == self.root or self.covers(by.person, of.person, e.created)
        if e.admin and self.on("E0-grant") and not granted:
            return False
        aside = without | {e.endorsed}
        if not self._vouched_for(revoked, e.endorser, e.created, aside):
            return False
        if not e.admin or not self.on("E4-last"):
            return True
        return not any(
            other != e.endorsed
            and not self._gone(revoked, other, e)
            and self._vouched_for(revoked, other, e.created, aside)
            for other in self.person_devices(of.person)
        )

    def _gone(self, revoked: Mapping[str, Revocation], other: str, e: Endorsement) -> bool:
        """Return whether a device was revoked before an admin endorsed another of its person."""
        one = revoked.get(other)
        if one is None or (one.by_authority and self.on("E4-authority")):
            return False
        return one.created <= e.created or not self.on("E4-dormant")

    def covers(self, admin: str, person: str, at: int) -> bool:
        """Return whether a person has a grant over the unit of every card of another that was in
        force in the 7 days before."""
        since = at - 7 * DAY if self.on("E4-days") else at
        cards = sorted((c for c in self.cards if c.person == person), key=lambda c: c.created)
        return self.granted.get(admin) is not None and all(
            c.unit == self.granted[admin]
            for c in in_force(cards, [c.created for c in cards], since, at)
        )

    def _stands(self, revoked: Mapping[str, Revocation], e: Endorsement) -> bool:
        """Return whether an endorsement outlives the endorser's revocation."""
        one = revoked.get(e.endorser)
        if one is None:
            return True
        if not self.on("E4-before"):  # A revoked device is not confirmed, so it confirms nobody.
            return not self.on("E0-revoked")
        if self.on("E4-list") and e not in one.standing:
            return False
        return e.created < one.loss or not self.on("E4-loss")


def in_force(cards: list[Card], times: list[int], since: int, at: int) -> list[Card]:
    """Return the cards in force at any time of a span, of all of a person in their order."""
    pairs = list(zip(cards, times, strict=True))
    before = [c for c, time in pairs if time <= since][-1:] or cards[:1]
    return before + [c for c, time in pairs if since < time <= at]


def _free(leaves: dict[str, Leaf], cell: int) -> bool:
    return sum(leaf.cell == cell for leaf in leaves.values()) < CELL_LIMIT
