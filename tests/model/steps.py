"""The steps of the model's worlds: what honest people, devices and the server do."""

from collections.abc import Callable, Iterable
from random import Random
from typing import TypeVar

from tests.model.terms import (
    DAY,
    Acknowledgement,
    Card,
    Device,
    Endorsement,
    Revocation,
    Seal,
    Violation,
)
from tests.model.world import World

_T = TypeVar("_T")
Step = Callable[[World, Random], None]


def pick(rng: Random, items: Iterable[_T]) -> _T | None:
    """Return any of these, if there is one."""
    found = list(items)
    return rng.choice(found) if found else None


def honest(d: Device) -> bool:
    """Return whether a device is its person's and keeps the rules."""
    return not d.evil and d.legit


def evil(d: Device) -> bool:
    """Return whether the attacker or a dishonest person has the device."""
    return d.evil


def ready(d: Device) -> bool:
    """Return whether an honest device waits for no endorsement."""
    return honest(d) and not d.pending


def anyone(_: Device) -> bool:
    """Return True."""
    return True


def listed(w: World, conv: int, keep: Callable[[Device], bool] = anyone) -> list[Device]:
    """Return the devices on the newest head."""
    return [w.devices[c] for c in w.heads[conv][-1].leaves if keep(w.devices[c])]


def any_device(w: World, rng: Random, keep: Callable[[Device], bool] = anyone) -> Device | None:
    """Return any device."""
    return pick(rng, [d for d in w.devices.values() if keep(d)])


def step_time(w: World, rng: Random) -> None:
    hours = rng.choice([1, 25, 49, 13 * DAY])
    w.now += hours
    w.say(f"{hours} hours pass")


def step_month(w: World, _: Random) -> None:
    w.now += 32 * DAY
    w.say("32 days pass")


def step_sync(w: World, rng: Random) -> None:
    if d := any_device(w, rng, honest):
        w.sync(d, rng)
        w.say(f"{d.name} comes online")


def step_send(w: World, rng: Random) -> None:
    conv = rng.choice([0, 1])
    d = pick(rng, listed(w, conv, ready))
    if d is None:
        return
    m = w.send(d, conv, rng)
    if m is not None:
        w.say(
            f"{d.name} sends message {m.seq} in {conv}, key by {m.record.author} of epoch "
            f"{m.record.head.epoch}, roster epoch {m.head.epoch}"
        )
    elif w.honest:
        raise Violation(f"I5 {d.name} cannot send in {conv}")


def step_issue(w: World, rng: Random) -> None:
    """Issue an order that appoints somebody."""
    conv = rng.choice([0, 1])
    leaves = w.heads[conv][-1].leaves
    d = pick(rng, listed(w, conv, lambda d: ready(d) and leaves[d.name].issues))
    appointed = rng.choice(["asha", "balu"])
    if d and w.send(d, conv, rng, (*w.new("order"), appointed)):
        w.say(f"{d.name} issues an order in {conv}, which appoints {appointed}")


def step_withdraw(w: World, rng: Random) -> None:
    """Withdraw an order, as its issuer or as the appointed person."""
    order = pick(rng, [m for m in w.messages if m.order])
    if order:
        d = pick(rng, listed(w, order.conv, lambda d: ready(d) and w.may_withdraw(d.name, order)))
        if d and w.send(d, order.conv, rng, (*w.new("withdrawal"), order.text)):
            w.say(f"{d.name} withdraws an order of {order.sender} in {order.conv}")


def step_acknowledge(w: World, rng: Random) -> None:
    d = any_device(w, rng, ready)
    order = pick(rng, [text for _, text in d.shown if text[0] == "order"]) if d else None
    if d and order:
        w.handed.append((order, Acknowledgement(order, d.name, d.signing)))
        w.acknowledged.add((order, d.name))
        w.say(f"{d.name} acknowledges order {order[1]}")


def step_replace_authority(w: World, _: Random) -> None:
    """The root replaces the roster authority, whose key is stolen, and tells all devices."""
    if not w.takeover and not w.authority:
        w.authority = 1
        w.restore(w.now)
        for d in w.devices.values():
            d.stamped = {} if w.on("authority-stamp") else d.stamped
        w.say("a thief has the roster authority's key; the root names another authority")


def may_be_listed(w: World, d: Device) -> bool:
    """E2: the server lists confirmed devices alone."""
    confirmed = w.judge(w.revoked, d.name) or not w.on("E2") or w.takeover
    return not d.pending and d.name not in w.revoked and confirmed


def step_add_person(w: World, rng: Random) -> None:
    conv, person = rng.choice([0, 1]), rng.choice(["asha", "balu", "chan", "devi"])
    if person not in w.direct.get(conv, (person,)):
        return
    mine = [d for d in w.devices.values() if d.person == person and d.legit]
    if any(w.devices[c].person == person for c in w.heads[conv][-1].leaves):
        return
    new = [d for d in mine or [w.register(person)] if may_be_listed(w, d)]
    back = any(w.devices[c].person == person for h in w.heads[conv] for c in h.leaves)
    since = w.now if back else w.now - w.history[conv] * DAY
    since = w.joined.pop((conv, person), since)
    w.publish(conv, {d.name: since for d in new})
    w.say(f"{person} is added to {conv}, history from {since - 1000}h")


def step_join(w: World, rng: Random) -> None:
    """A person who has no device yet becomes a member; the device comes later (add_person)."""
    conv = rng.choice([0, 1])
    if not w.person_devices("devi") and "devi" in w.direct.get(conv, ("devi",)):
        since = w.joined.setdefault((conv, "devi"), w.now - w.history[conv] * DAY)
        w.say(f"devi becomes a member of {conv} without a device, history from {since - 1000}h")


def enter(w: World, d: Device) -> None:
    """List a device wherever its person is listed, with the person's history_from."""
    for conv in w.heads:
        leaves = w.heads[conv][-1].leaves
        since = [leaf.since for c, leaf in leaves.items() if w.devices[c].person == d.person]
        since += [w.without_device[conv, d.person]] if (conv, d.person) in w.without_device else []
        if since and d.name not in leaves:
            w.publish(conv, {d.name: min(since)})


def endorse(
    w: World, d: Device, by: Device, *, admin: bool = False, created: int | None = None
) -> None:
    """Endorse a device, dated now unless the endorser lies."""
    at = w.now if created is None else created
    w.endorsements.append(Endorsement(d.name, by.name, admin, at, by.signing, w.step, w.now))
    dated = f", dated {at - 1000}h" if at != w.now else ""
    w.say(f"{by.name} endorses {d.name}{' as admin' if admin else ''}{dated}")


def step_new_phone(w: World, rng: Random) -> None:
    d = pick(rng, listed(w, 0, ready))
    if d and len(w.person_devices(d.person)) < 3:
        new = w.register(d.person)
        new.pending = True
        w.say(f"{d.person} registers {new.name}")
        if not w.on("E2"):
            new.pending = False
            enter(w, new)


def step_endorse(w: World, rng: Random) -> None:
    new = any_device(w, rng, lambda d: d.pending)
    if new is None:
        return
    mine = [d for d in listed(w, 0, ready) if d.person == new.person]
    if by := pick(rng, mine):
        new.pending = False
        endorse(w, new, by)
        enter(w, new)


def revoke(w: World, d: Device) -> None:
    """Report a loss: off every roster, and with it all that is no longer confirmed.

    The signer lists the endorsements that the device made before it was stolen.
    """
    loss = d.stolen if d.evil else w.now
    made = [e for e in w.endorsements if e.endorser == d.name and e.by == d.signing]
    standing = frozenset(e for e in made if not d.evil or e.born <= d.stolen_step)
    w.revoked[d.name] = Revocation(loss, w.step, standing, w.now)
    gone = {d.name}
    if w.on("E2-fallen"):
        names = {name for conv in w.heads for name in w.heads[conv][-1].leaves}
        gone |= {name for name in names if not w.judge(w.revoked, name)}
    for conv in w.heads:
        leaves = w.heads[conv][-1].leaves
        drop = [n for n in leaves if n in gone]
        for name in drop:
            w.without_device[conv, w.devices[name].person] = leaves[name].since
        if drop:
            w.publish(conv, drop=drop)
    off = ", ".join(sorted(gone))
    w.say(f"{d.name} is revoked (lost at {loss - 1000}h), {off} off the rosters")


def step_revoke(w: World, rng: Random) -> None:
    """The owner reports a device: stolen ones at the time of the theft."""
    there = listed(w, rng.choice([0, 1]), lambda d: d.legit and d.name != w.root)
    if d := pick(rng, [d for d in there if d.name not in w.revoked]):
        revoke(w, d)


def step_replace_phone(w: World, rng: Random) -> None:
    """A lost only phone is revoked; an admin endorses the next one."""
    d, admin = pick(rng, listed(w, 0, honest)), w.devices[w.root]
    if d and d is not admin and not admin.evil and len(w.person_devices(d.person)) < 2:
        heads = {conv: w.heads[conv][-1] for conv in w.heads}
        since = {conv: h.leaves[d.name].since for conv, h in heads.items() if d.name in h.leaves}
        revoke(w, d)
        new = w.register(d.person)
        endorse(w, new, admin, admin=True)
        for conv in since:
            w.publish(conv, {new.name: since[conv]})


def step_transfer(w: World, rng: Random) -> None:
    person, unit = rng.choice(["asha", "balu"]), rng.choice([0, 1])
    w.cards.append(Card(person, unit, w.now, w.now))
    w.say(f"{person} is posted in unit {unit}")


def step_restore(w: World, rng: Random) -> None:
    """A backup of the last days is restored, by an honest department."""
    if not w.takeover and len(w.restores) < 2:
        cut = w.now - rng.choice([0, 1, 25, 49])
        w.restore(cut)
        w.say(f"a backup of {cut - 1000}h is restored")


def step_leave(w: World, rng: Random) -> None:
    conv = rng.choice([0, 1])
    if d := pick(rng, listed(w, conv)):
        w.publish(conv, drop=[d2.name for d2 in listed(w, conv) if d2.person == d.person])
        w.without_device.pop((conv, d.person), None)
        w.say(f"{d.person} leaves {conv}")


def step_move(w: World, rng: Random) -> None:
    if d := pick(rng, listed(w, 0)):
        w.publish(0, move=d.name)
        w.say(f"{d.name} moves to cell {w.heads[0][-1].leaves[d.name].cell}")


def step_lose_state(w: World, rng: Random) -> None:
    if d := any_device(w, rng, honest):
        d.forget()
        w.renew_key(d)
        w.say(f"{d.name} loses its state")


def step_cell_key(w: World, rng: Random) -> None:
    """C1: one device of the cell makes the cell's key."""
    d = pick(rng, listed(w, 0, ready))
    head = d and w.look(d, 0, rng)
    if d and head and d.name in head.leaves:
        w.make_cell_key(d, head, rng)


def step_late_seal(w: World, rng: Random) -> None:
    """A holder seals a conversation key to a cell key that was made after it."""
    d = pick(rng, listed(w, 0, ready))
    head = d and w.look(d, 0, rng)
    if not d or not head or d.name not in head.leaves:
        return
    record = pick(rng, [r for r in d.secrets if r.conv == 0])
    cell_key = pick(rng, [ck for ck in w.cell_keys if ck.cell in head.cells])
    if (
        record
        and cell_key
        and (w.may_use(d, record, head) or not w.on("late-key"))
        and (w.usable(d, cell_key, head) or not w.on("late-cell"))
        and (record.created >= head.latest() or not w.on("late-history"))
    ):
        w.seals.append(Seal(cell_key.pk, record, d.secrets[record]))
        w.say(f"{d.name} seals a key by {record.author} to cell {cell_key.cell}")


def step_share(w: World, rng: Random) -> None:
    name, record = "", None
    if w.honest:
        asked = sorted(w.open_requests, key=lambda r: (r[0], w.records[r[1].conv].index(r[1])))
        if request := pick(rng, asked):
            name, record = request
    elif d := any_device(w, rng):
        name, record = d.name, pick(rng, w.records[rng.choice([0, 1])])
    if record is None:
        return
    conv = record.conv
    holder = any_device(w, rng, lambda d: conv in d.heads and d.name != name)
    if holder and w.share(holder, name, record, rng):
        if not w.on("D4-ack"):
            w.open_requests.discard((name, record))
        w.say(f"{holder.name} shares {name} a key of {conv} by {record.author}")
