"""The rules of docs/keys.md that the model can leave out, and the search for violations.

``python -m tests.model.search rules [runs]`` prints what breaks without one rule at a time;
``holds [runs]`` whether anything breaks with all of them.
"""

import sys
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tests.model import attacks, steps
from tests.model.steps import Step
from tests.model.terms import Violation
from tests.model.world import World

RULES = {
    "E0": "only confirmed devices get keys",
    "E0-first": "under policy none the first device alone needs nobody's word",
    "E0-signature": "endorsements are signed",
    "E0-grant": "admins hold a grant",
    "E0-revoked": "a revoked device is not confirmed",
    "E2": "only confirmed devices are listed",
    "E2-fallen": "the server unlists devices that are no longer confirmed",
    "E3-tap": "a new device answers one comparison for each tap",
    "E4-held": "a device names the records that it holds, not a number of the server's",
    "E4-last": "an admin's endorsement needs the others gone",
    "E4-before": "a revoked device still confirms those that its revocation lists",
    "E4-list": "the revocation lists what stands, for a date can be forged",
    "E4-loss": "endorsements since the loss are void",
    "E4-authority": "a revocation by the roster authority lets no admin endorse",
    "E4-dormant": "the others gone when the admin endorsed, not later",
    "E4-born": "no endorsement from before the endorsed device's certificate",
    "E4-days": "a grant over every card in force in the last 7 days",
    "E4-back": "cards dated back are refused",
    "S1": "stamp of 10 min",
    "S1-named": "not below an epoch named in an accepted header or record",
    "S2-rekey": "epoch >= rekey_epoch",
    "S2-age": "under 24 h",
    "S2-confirmed": "author confirmed and listed",
    "S2-lost": "a key that cannot be opened is replaced",
    "S3-generation": "generations never go back",
    "S3-age": "DeviceKey at most 14 days",
    "S4-epoch": "cell's rekey_epoch",
    "S4-age": "under 7 days",
    "S4-author": "author in that cell",
    "S4-confirmed": "author confirmed",
    "S4-signature": "signature",
    "S4-valid": "valid public key",
    "late-key": "a seal that is added later is of a key that S2 allows",
    "late-cell": "to a cell key that S4 allows",
    "late-share": "a cell key is shared if it was made 26 h after history_from",
    "late-history": "of no key from before a leaf's history_from",
    "S6": "refused messages are signed anew",
    "S7": "own chain taken up",
    "S8-time": "an Incarnation's number is not below the time, so that none repeats",
    "S8-number": "an Incarnation alone lets a device go back",
    "S8-once": "once under each number",
    "S8-history": "sent again only if no leaf begins after it",
    "S8-signing": "by the head under which it is signed",
    "S8-removal": "not if a removal may be forgotten",
    "S8-skipped": "nor under an Incarnation before which the device went not back under another",
    "S8-backup": "the former Incarnation's head is no removal if it follows the same head",
    "S8-id": "a message that is sent again is shown once",
    "H1-lost": "keys of lost heads are shared with nobody",
    "R1-conversation": "header names this conversation",
    "R2-listed": "sender listed",
    "R2-higher": "sender listed in the higher head",
    "R2-confirmed": "sender confirmed",
    "R2-position": "by the position in the log, in whatever order it is read",
    "R2-pages": "older pages are judged like new entries",
    "R2-issue": "an order needs the right to issue in the leaf",
    "R3": "signature",
    "R4-head": "same head",
    "R5": "a seq once, chained",
    "R6-epoch": "record's epoch between rekey_epoch and the header's",
    "R6-created": "created between its head and now",
    "R6-signature": "record's signature",
    "R6-conversation": "record of this conversation",
    "R2-former": "no entry counts under a former authority's head after a later one's",
    "R9-cursor": "a waiting message holds back itself alone",
    "R9": "not delivered while its key is asked for",
    "R10": "in a direct conversation the leaf of a third person counts for nothing",
    "O1-withdrawal": "an order is withdrawn by signed words alone",
    "O1-signature": "acknowledgements are signed",
    "O1-order": "an acknowledgement counts for the order that it names",
    "O3-withdrawal": "the issuer and the person whom the order appoints withdraw it",
    "authority-range": "an authority's numbers are its own",
    "authority-stamp": "stamps count by the present authority alone",
    "E1": "notices come from verified heads",
    "H5": "the leaf says from when a device reads",
    "commit": "secrets match commits",
    "H1-epoch": "shares under no head that is older than the key's",
    "H1-listed": "shares to listed devices",
    "H1-confirmed": "shares to confirmed devices",
    "H2": "DeviceKey verified",
    "H3": "history_from",
    "C-move": "moving out raises the cell's rekey_epoch",
    "rekey-entrant": "entrants with short history raise rekey_epoch",
    "D1": "epoch and age of a message's key",
    "D1-seq": "seq = last + 1",
    "D2-rekey": "epoch of a new key",
    "D2-limit": "keys an author may make",
    "D3": "server refuses invalid public keys",
    "D4": "requests are answered",
    "D4-others": "by others after 2 s",
    "D4-ack": "until the asker says so",
    "K1-key": "S destroyed with the log",
    "K1-device": "DeviceKey 48 h",
    "K1-cell": "C 48 h after its successor",
    "K1-unused": "C 9 days after it was made",
}
ALL_RULES = frozenset(RULES)
STEPS: dict[str, Step] = {
    name.removeprefix("step_"): found
    for module in (steps, attacks)
    for name, found in vars(module).items()
    if name.startswith("step_")
}
OFTEN = ["sync"] * 5 + ["send"] * 6 + ["time"] * 3 + ["share"] * 3 + ["cell_key"] * 2 + list(STEPS)

# The steps in this order, where chance alone is slow.
THEFT = (
    "new_phone endorse ghost time take_over_device time revoke forge_endorsement list_ghost "
    "send send"
)
CELLS = (
    "cell_key send sync sync sync month sync sync time sync sync time sync sync take_over_device"
)

SLEEP = "send sync sync sync month sync sync time sync sync time sync sync take_over_device"
K6 = "grant take_over_device ghost "  # Then what the admin and the roster authority do.
HINTS = {
    "E3-tap": "new_phone ghost compare list_ghost send send send",
    "E4-authority": K6 + "authority_revokes forge_endorsement forge_endorsement list_ghost send "
    "send",
    "E4-dormant": K6 + "forge_endorsement forge_endorsement time revoke list_ghost send send",
    "E4-days": K6
    + "forge_card time revoke forge_endorsement forge_endorsement list_ghost cell_key cell_key "
    "send send send",
    "E4-born": K6 + "forge_endorsement forge_endorsement sync sync send send",
    "E4-back": K6 + "forge_card revoke forge_endorsement forge_endorsement list_ghost cell_key "
    "cell_key send send send",
    "E4-held": "sync deafen revoke sync sync",
    "late-key": "leave time send sync sync time restore cell_key cell_key sync" + " late_seal" * 6,
    "late-share": "send time join cell_key cell_key"
    + " late_seal" * 3
    + " add_person" * 4
    + " sync" * 4
    + " share" * 4,
    "late-cell": "cell_key cell_key send leave send late_seal late_seal late_seal late_seal",
    "O1-withdrawal": "issue say_withdrawn",
    "O3-withdrawal": "take_over_device issue forge_key forge_message forge_message sync sync sync",
    "O1-signature": "issue forge_acknowledgement",
    "O1-order": "issue sync acknowledge issue forge_acknowledgement",
    "authority-range": "take_over_device leave time replace_authority forge_head forge_key send "
    "send send",
    "authority-stamp": "take_over_device leave time replace_authority forge_head send send send",
    "E1": "add_person send send",
    "H5": "say_members send",
    "S8-time": "time restore sync sync sync restore send send",
    "S8-number": "send send rewind send send send",
    "S8-once": "send send restore rewind send rewind send send send",
    "S8-history": "send time restore add_person sync sync sync sync",
    "S8-signing": "send time restore send add_person sync sync sync",
    "S8-removal": "leave send send time restore sync sync sync",
    "S8-skipped": "leave send restore late_seal late_seal restore send",
    "S8-backup": "send sync leave time restore sync sync send send restore sync sync sync",
    "S8-id": "send sync sync sync time restore sync sync sync sync",
    "R2-position": "send sync leave send send sync sync",
    "R2-pages": "take_over_device send leave send send sync sync forge_message forge_message "
    "sync sync sync sync sync",
    "R2-issue": "take_over_device forge_key forge_message sync sync sync sync",
    "R9-cursor": "take_over_device forge_key forge_message forge_message send send",
    "R10": "list_third send sync sync send send",
    "H1-lost": "leave time send sync sync sync time restore sync sync sync" + " share" * 10,
    "E0-first": "ghost revoke list_ghost send send send",
    "E0-signature": "ghost forge_endorsement list_ghost send send send",
    "E2-fallen": "new_phone endorse ghost time add_person take_over_device forge_endorsement "
    "list_ghost cell_key cell_key revoke send send",
    "E4-last": "grant take_over_device ghost forge_endorsement forge_endorsement list_ghost sync "
    "sync send send send",
    "E4-list": THEFT,
    "E4-loss": THEFT,
    "S1": "send sync sync time leave take_over_device time send send send send",
    "S2-confirmed": "ghost forge_key forge_key sync sync send send send",
    "S4-author": "take_over_device forge_cell_key forge_cell_key leave send send",
    "S4-confirmed": "ghost forge_cell_key forge_cell_key send send send",
    "S6": "send send leave send send send",
    "H1-epoch": "take_over_device leave send sync" + " share" * 8 + " time send send",
    "R2-confirmed": "ghost forge_key forge_key forge_message sync sync sync sync",
    "R2-higher": "take_over_device send leave send send sync sync forge_message forge_message "
    "sync sync sync sync sync",
    "R4-head": "fork send send sync sync fork send send send sync sync sync sync sync sync",
    "R6-created": "take_over_device forge_key sync sync send send time add_person" + " share" * 6,
    "K1-key": SLEEP,
    "K1-device": SLEEP,
    "K1-cell": CELLS,
    "K1-unused": CELLS,
    "rekey-entrant": "send send time add_person send send",
    "C-move": "cell_key cell_key move send leave send send send send",
}
# Rules of which the model can leave out one without harm, and why.
SPARE = {
    "E0-revoked": "a revoked device is off the newest head as well",
    "E4-before": "what falls is unlisted by all alike: a loss of phones, not of secrets",
    "S1-named": "S2 and H1-epoch ask for a head that is not older than each key's own",
    "late-history": "an entrant's 26 h rekey, and a key that S2 allows is under 24 h old",
    "R1-conversation": "R4's head is another conversation's",
    "R6-conversation": "the commit is",
    "R2-former": "a device of the model knows all heads, so R4 refuses what a thief signs between",
    "R6-epoch": "honest senders keep S2, an honest server D1",
    "D2-rekey": "honest senders do not use such a key (S2)",
}
# Either of the two suffices.
TOGETHER = {"R5": {"S8-id"}, "S4-valid": {"D3"}, "E4-loss": {"E4-list"}, "K1-cell": {"K1-unused"}}
# The run before which nothing was met, where it takes many.
STARTS = {
    "D1": 430,
    "E2-fallen": 1590,
    "E4-authority": 12_000,
    "E4-back": 16_400,
    "E4-born": 1770,
    "E4-days": 8080,
    "E4-dormant": 620,
    "E4-list": 2870,
    "E4-loss": 210,
    "H1-confirmed": 1370,
    "H1-epoch": 4290,
    "H2": 90,
    "H3": 790,
    "K1-cell": 470,
    "K1-device": 280,
    "K1-key": 170,
    "K1-unused": 470,
    "O1-order": 1560,
    "O3-withdrawal": 140,
    "R2-confirmed": 1780,
    "R2-pages": 150,
    "R2-position": 1380,
    "R3": 1700,
    "R4-head": 680,
    "R6-created": 3060,
    "S3-age": 130,
    "S3-generation": 110,
    "S4-age": 150,
    "S4-author": 260,
    "S4-valid": 760,
    "S8-once": 250,
    "S8-signing": 170,
    "S8-skipped": 150,
    "commit": 590,
    "late-key": 520,
    "late-share": 100,
}
# Rules whose loss the search has not met; nothing follows from that.
UNMET = {"E0-grant", "S4-signature", "R2-listed", "R6-signature", "D1-seq"}


Plan = list[tuple[str, int]]


class Found(NamedTuple):
    """A violation, and the run in which it was met."""

    violation: str
    rules: frozenset[str]
    server: bool
    takeover: bool
    seed: int
    plan: Plan


def run(
    rules: frozenset[str], server: bool, takeover: bool, seed: int, plan: Plan
) -> tuple[str, World]:
    """Return the violation, if any, and the world."""
    w = World(rules, server, takeover, seed)
    try:
        for number, (name, one) in enumerate(plan, 1):
            w.step = number
            STEPS[name](w, Random(one))
            w.check()
        if server:
            w.drain()
    except Violation as violation:
        return str(violation), w
    return "", w


def search(
    rules: frozenset[str], runs: int, order: str = "", seed: int = 0, start: int = 0
) -> Found | None:
    """Return the first violation; ``order``: the steps to take instead of any."""
    for n in range(start, start + runs):
        rng = Random(f"{seed}/{n}")
        server = rng.random() < 0.4
        takeover = not server and rng.random() < 0.4
        names: Sequence[str] = order.split() or [rng.choice(OFTEN) for _ in range(30)]
        plan = [(name, rng.randrange(10**6)) for name in names]
        violation, _ = run(rules, server, takeover, n, plan)
        if violation:
            return Found(violation, rules, server, takeover, n, plan)
    return None


def shortest(found: Found) -> tuple[str, list[str]]:
    """Return the violation again and what leads to it, without the steps that it does not need."""
    kind, plan, at = found.violation.split()[0], found.plan, 0
    while at < len(plan):
        fewer = plan[:at] + plan[at + 1 :]
        violation, _ = run(*found[1:5], fewer)
        plan, at = (fewer, 0) if violation.startswith(kind) else (plan, at + 1)
    violation, w = run(*found[1:5], plan)
    return violation, w.trace


def look_for(rule: str, runs: int) -> Found | None:
    """Search for what must break without a rule."""
    rules = ALL_RULES - {rule} - TOGETHER.get(rule, set())
    return search(rules, runs, HINTS.get(rule, ""), start=STARTS.get(rule, 0))


def main() -> None:
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    if sys.argv[1] == "holds":
        results = {"all rules": search(ALL_RULES, runs, seed=int((*sys.argv, "0")[3]))}
    else:
        wanted = [rule for rule in RULES if rule not in SPARE and rule not in UNMET]
        results = {f"without {rule} ({RULES[rule]})": look_for(rule, runs) for rule in wanted}
    for name, found in results.items():
        outcome, trace = shortest(found) if found else (f"nothing in {runs} runs", [])
        at = f" [run {found.seed + 1}]" if found else ""
        print(f"== {name}: {outcome}{at}", *trace, sep="\n   ", flush=True)


if __name__ == "__main__":
    main()
