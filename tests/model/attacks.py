"""The steps of the model's worlds that the attacker and insiders take."""

from dataclasses import replace
from random import Random

from tests.model.steps import any_device, endorse, enter, evil, honest, pick, ready
from tests.model.terms import (
    DAY,
    Acknowledgement,
    Card,
    DeviceKey,
    Leaf,
    Message,
    Record,
    Revocation,
)
from tests.model.world import World

EVEN_CHANCE = 500_000  # Answers after which one in two sets of digits was met twice.


def step_take_over_device(w: World, rng: Random) -> None:
    d = any_device(w, rng, lambda d: ready(d) and d.name != w.root)
    most = 1 if w.honest else 2
    if d and sum(o.evil and o.legit for o in w.devices.values()) < most:
        d.evil, d.stolen, d.stolen_step = True, w.now, w.step
        w.say(f"{d.name} is stolen or its owner dishonest")


def step_grant(w: World, rng: Random) -> None:
    """The root admin makes a person an admin; a dishonest one is only that after."""
    if not w.devices[w.root].evil and (d := any_device(w, rng, honest)):
        w.granted[d.person] = rng.choice([0, 1])
        w.say(f"{d.person} becomes an admin of unit {w.granted[d.person]}")


def step_copy_keys(w: World, rng: Random) -> None:
    d = any_device(w, rng, lambda d: honest(d) and d.copied is None)
    if d and not any(o.copied is not None for o in w.devices.values()):
        d.copied, w.known = w.now, w.known | d.atoms()
        w.say(f"the keys of {d.name} are copied, not its signing key")


def step_ghost(w: World, rng: Random) -> None:
    """A device in a person's name: a stolen SIM, or a certificate of the attacker's CA."""
    person = rng.choice(["asha", "balu"])
    ghosts = sum(d.person == person and not d.legit for d in w.devices.values())
    if ghosts < (2 if w.takeover else 1):
        d = w.register(person, ghost=True)
        w.say(f"the attacker registers {d.name}")
        if w.takeover or not w.on("E2"):
            enter(w, d)


def step_list_ghost(w: World, rng: Random) -> None:
    """An honest server lists what seems confirmed; the attacker's lists anything."""
    d = any_device(w, rng, lambda d: not d.legit)
    if d and (w.takeover or w.judge(w.revoked, d.name)):
        others = [o.name for o in w.devices.values() if o.person == d.person and o.legit]
        enter(w, d)
        if w.takeover and rng.random() < 0.5:
            for conv in w.heads:
                w.publish(conv, drop=others)
        w.say(f"{d.name} is listed")


def step_fork(w: World, rng: Random) -> None:
    """The attacker's roster authority signs a second head for an epoch."""
    conv = rng.choice([0, 1])
    old = pick(rng, w.heads[conv]) if w.takeover else None
    if old:
        name = pick(rng, old.leaves)
        fewer = name is not None and rng.random() < 0.5 and len(old.leaves) > 1
        w.publish(conv, drop=[name] if fewer and name else (), prev=old)
        w.say(f"the attacker signs another head {old.epoch + 1} of {conv}")


def step_forge_endorsement(w: World, rng: Random) -> None:
    d, by = any_device(w, rng, lambda d: not d.legit), any_device(w, rng, evil)
    kind = rng.random()
    if d and kind < 0.25:
        real, admin = any_device(w, rng, honest), rng.random() < 0.5
        if real:
            endorse(w, d, real, admin=admin)
            forged = w.endorsements.pop()
            w.endorsements.append(replace(forged, by=d.signing))
    elif d and kind < 0.5:  # The ghost endorses a real device, to look like the elder one.
        if real := any_device(w, rng, lambda o: o.legit and o.person == d.person):
            endorse(w, real, d, created=w.now - rng.choice([0, 2000]))
    elif d and by and by is not d:
        admin = rng.random() < 0.4
        endorse(w, d, by, admin=admin, created=w.now - rng.choice([0, 0, 1, 30, 2000]))


def step_forge_device_key(w: World, rng: Random) -> None:
    """An insider's own invalid DeviceKey, or one that the attacker makes up for another."""
    d = any_device(w, rng, evil)
    if d and d.legit and rng.random() < 0.5:
        if not (w.on("D3") and w.honest):
            d.generation += 1
            key = DeviceKey(d.name, d.generation, w.now, "invalid", d.signing)
            w.device_keys.append(key)
            w.say(f"{d.name} publishes an invalid DeviceKey")
    elif not w.honest and (d := any_device(w, rng, honest)):
        sk = w.new("sk")
        w.known.add(sk)
        w.device_keys.append(DeviceKey(d.name, 99, w.now, ("pk", sk), ("sign", 0)))
        w.say(f"the attacker makes up a DeviceKey of {d.name}")


def step_forge_key(w: World, rng: Random) -> None:
    """A dishonest device authors a record of any epoch, time and secret, with any seals."""
    conv = rng.choice([0, 1])
    d = any_device(w, rng, lambda d: d.evil and any(d.name in h.leaves for h in w.heads[conv]))
    if not d:
        return
    head = w.heads[conv][-1] if w.honest else rng.choice([*w.heads[conv], *w.forged[conv]])
    old = sorted(a for a in w.known if a[0] == "S")
    secret = rng.choice(old) if old and rng.random() < 0.3 else w.new("S")
    created = w.now if w.honest else w.now + rng.choice([0, 0, -2000, 2000])
    author = d.name if w.honest or rng.random() < 0.7 else pick(rng, head.leaves) or d.name
    record = Record(conv, author, head, created, ("commit", secret, conv), d.signing)
    if w.honest and not w.accept_record(record):
        return
    w.learn_head(d, conv, head)
    kind = rng.choice(["seals right", "seals rubbish", "seals to nobody"])
    sealed = secret if kind == "seals right" else w.new("rubbish")
    if kind != "seals to nobody" and not w.seal_all(d, record, sealed, head, rng):
        return
    w.records[conv].append(record)
    d.records.add(record)
    d.secrets[record] = secret
    w.reused |= {secret} & w.known
    w.known.add(secret)
    w.say(f"{d.name} authors a key of {conv} as {author}, epoch {head.epoch}, "
          f"created {created - 1000}h, {kind}")  # fmt: skip


def step_flood(w: World, rng: Random) -> None:
    for _ in range(9):
        step_forge_key(w, Random(f"{rng.random()}"))


def step_forge_cell_key(w: World, rng: Random) -> None:
    d = any_device(w, rng, lambda d: d.evil and any(d.name in h.leaves for h in w.heads[0]))
    if not d:
        return
    head = pick(rng, [h for h in w.heads[0] if not w.honest or d.name in h.leaves])
    if head:
        author = d.name if w.honest or rng.random() < 0.6 else pick(rng, head.leaves) or d.name
        elsewhere = author not in head.leaves or rng.random() < 0.4
        cell = pick(rng, head.cells) if elsewhere else None
        how = rng.choice(["right", "another pk", "rubbish", "invalid"])
        w.make_cell_key(d, head, rng, how, author, cell)


def step_forge_message(w: World, rng: Random) -> None:
    conv = rng.choice([0, 1])
    d = any_device(w, rng, evil)
    known = [
        r
        for c in w.records
        for r in w.records[c]
        if r.commit[1] in w.known and (c == conv or rng.random() < 0.2)
    ]
    if not d or not known:
        return
    record, head = rng.choice(known), rng.choice([*w.heads[conv], *w.forged[conv]])
    sender = d.name if rng.random() < 0.6 else pick(rng, head.leaves) or d.name
    seq, prev = w.out.get((sender, conv), (0, None))
    seq, text, name = seq + rng.choice([0, 1]), w.new("text"), w.new("id")
    key = (record.commit[1], name, conv, sender, seq)
    kind, order = rng.random(), pick(rng, [m for m in w.log[conv] if m.order])
    if kind < 0.3:
        text = ("order", text[1], "asha")
    elif order and kind < 0.6:
        text = ("withdrawal", text[1], order.text)
    m = Message(conv, name, sender, seq, 0, prev, record, head, key, text, d.signing, w.step)
    if seq and (not w.honest or w.accept(m)):
        w.post(m)
        w.say(f"{d.name} forges {text[0]} {seq} of {sender} in {conv}, key by {record.author}, "
              f"epoch {head.epoch}")  # fmt: skip


def step_say_withdrawn(w: World, rng: Random) -> None:
    """The attacker's server says that an order was withdrawn."""
    order, d = pick(rng, [m for m in w.messages if m.order]), any_device(w, rng, honest)
    if order and d and not w.honest:
        d.said_withdrawn.add(order.text)
        w.say(f"the attacker's server tells {d.name} that an order is withdrawn")


def step_forge_acknowledgement(w: World, rng: Random) -> None:
    """The attacker's server makes an acknowledgement up, or shows one for another order."""
    orders = [m.text for m in w.messages if m.order]
    order, d = pick(rng, orders), any_device(w, rng, honest)
    if order and d and not w.honest:
        made_up = Acknowledgement(order, d.name, ("sign", 0))
        one = rng.choice([made_up, *(a for _, a in w.handed)])
        w.handed.append((order, one))
        w.say(f"the attacker shows an acknowledgement of {one.device} for order {order[1]}")


def step_say_members(w: World, rng: Random) -> None:
    """The attacker's server hides a device, or says that it reads from now on."""
    conv, d = rng.choice([0, 1]), any_device(w, rng)
    if d and not w.honest:
        w.said[conv, d.name] = rng.choice([None, w.now])
        w.say(f"the attacker's server says of {d.name} in {conv}: {w.said[conv, d.name]}")


def step_forge_head(w: World, rng: Random) -> None:
    """The thief signs a head with the former authority's key, which lists an insider again."""
    conv = rng.choice([0, 1])
    old, d = rng.choice(w.heads[conv]), any_device(w, rng, evil)
    if w.authority and d:
        epoch, leaf = old.epoch + 1, replace(next(iter(old.leaves.values()), Leaf(0, 0)), since=0)
        head = replace(old, epoch=epoch, prev=old, leaves={**old.leaves, d.name: leaf},
                       created=w.now, incarnation=0, by=0)  # fmt: skip
        w.forged[conv].append(head)
        w.say(f"the thief signs head {epoch} of {conv}, which lists {d.name}")


def step_rewind(w: World, rng: Random) -> None:
    """The attacker's server shows a device a log that is shorter than its own."""
    conv = rng.choice([0, 1])
    d = any_device(w, rng, lambda d: honest(d) and conv in d.heads and bool(d.sent.get(conv)))
    if w.honest or not d:
        return
    number = rng.choice([0, *w.restores])
    mine = d.sent[conv]
    there = set(w.messages) - set(mine[rng.randrange(len(mine)) :])
    w.go_back(d, conv, number, 0, there)
    w.say(f"the attacker shows {d.name} a shorter log of {conv}, Incarnation {number}")


def step_list_third(w: World, rng: Random) -> None:
    """The attacker's roster authority lists a third person in a direct conversation."""
    third = any_device(w, rng, lambda d: d.person not in w.direct.get(1, (d.person,)))
    if w.takeover and third and w.direct and third.name not in w.heads[1][-1].leaves:
        w.publish(1, {third.name: 0})
        w.say(f"the attacker lists {third.name} in the direct conversation")


def step_forge_card(w: World, rng: Random) -> None:
    """The attacker's roster authority posts somebody in another unit, dated back or not. Everybody
    who asked before refuses a card dated before the answer that lacked it."""
    if w.takeover:
        person, back = rng.choice(["asha", "balu"]), rng.choice([0, 0, 9 * DAY])
        admins = [
            w.granted[d.person] for d in w.devices.values() if d.evil and d.person in w.granted
        ]
        unit = rng.choice(admins or [0, 1])
        if not (back and w.on("E4-back")):
            w.cards.append(Card(person, unit, w.now - back, w.now))
        w.say(f"the attacker posts {person} in unit {unit}, dated {w.now - back - 1000}h")


def step_authority_revokes(w: World, rng: Random) -> None:
    """The attacker's roster authority revokes somebody's device."""
    d = any_device(w, rng, lambda d: ready(d) and d.name not in w.revoked)
    if w.takeover and d:
        standing = frozenset(e for e in w.endorsements if e.endorser == d.name)
        w.revoked[d.name] = Revocation(w.now, w.step, standing, w.now, by_authority=True)
        w.say(f"the attacker's roster authority revokes {d.name}")


def step_compare(w: World, rng: Random) -> None:
    """The attacker's server is between a new device and the one that is to endorse it, with a
    ghost of that person: it lets the new device answer until six digits are those of the ghost."""
    new = any_device(w, rng, lambda d: d.legit and d.pending)
    if w.honest or not new:
        return
    ghost = any_device(w, rng, lambda d: not d.legit and d.person == new.person)
    by = any_device(w, rng, lambda d: ready(d) and d.person == new.person)
    new.answers += 1 if w.on("E3-tap") else EVEN_CHANCE
    if ghost and by and new.answers >= EVEN_CHANCE:
        endorse(w, ghost, by)
    w.say(f"{new.name} answers {new.answers} comparisons")


def step_deafen(w: World, rng: Random) -> None:
    """A server that was the attacker's for one answer said that a person's records are very new."""
    if d := any_device(w, rng, honest):
        d.deaf.add(rng.choice(["asha", "balu"]))
        w.say(f"{d.name} hears of records that do not exist")
