"""Cases of E0 and E4: which records are known, and which devices are confirmed then.

Each case begins from BASE of force.py, adds records and leaves others out. A verdict is
"device: how, by whom", or "device: no"; "device @ day" judges at another day than 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

from spec.keys.reference.making.force import (
    BASE,
    CHARMINAR,
    CITY,
    NORTH,
    PEOPLE,
    SOUTH,
    Force,
    base_force,
)
from spec.keys.reference.people import APPROVAL, NONE


@dataclass(frozen=True, slots=True)
class Case:
    """The known records, and the verdicts that follow."""

    rule: str
    name: str
    records: tuple[str, ...]
    verdicts: tuple[str, ...]


_ALL_STAND = ("a1: admin, r1", "s1: admin, a1", "b1: admin, s1", "b2: own device, b1")


def make_cases() -> tuple[Force, list[Case]]:
    """Return the force, with all records of the cases, and the cases."""
    force = base_force()
    found: list[Case] = []

    def case(rule: str, name: str, more: str, *verdicts: str, without: str = "") -> None:
        gone = without.split(", ")
        added = tuple(more.split(", ")) if more else ()
        known = (*(one for one in BASE if one not in gone), *added)
        found.append(Case(rule, name, known, verdicts))

    makers = (_endorsements, _grants, _root_admins, _policies, _others, _revocations, _circles)
    for make in (*makers, _moved, _authorities):
        make(force, case)
    return force, found


_Add = Callable[..., None]


def _endorsements(force: Force, case: _Add) -> None:
    case("E0", "a chain of two grants", "", "r1: root admin", *_ALL_STAND,
         "b3: no", "c1: no", "r2: no", "a2: no")  # fmt: skip
    case("E0", "an endorsement is missing", "", "b1: no", "b2: no", "s1: admin, a1",
         without="s1 b1")  # fmt: skip
    force.endorse("b2 b3", "b2", "b3", -34)
    case("E0", "a third device, endorsed by the second", "b2 b3", "b3: own device, b2")
    force.endorse("b2 b3 early", "b2", "b3", -35)
    case("E0", "dated as its endorser's own endorsement", "b2 b3 early", "b3: no")
    force.endorse("c1 b3", "c1", "b3", -34)
    force.endorse("a1 b3", "a1", "b3", -34)
    case("E0", "another person's device as own device", "c1 b3, a1 b3", "b3: no")
    force.endorse("b3 by c1's key", "b2", "b3", -34, signer="c1")
    case("E0", "signed by another device", "b3 by c1's key", "b3: no")
    force.endorse("b3 b3", "b3", "b3", -34)
    case("E0", "a device endorses itself", "b3 b3", "b3: no")
    force.endorse("b2 b3 old", "b2", "b3", -61)
    case("E0", "dated before the endorser's certificate", "b2 b3 old", "b3: no")
    case("E0", "a certificate's end undoes no endorsement", "", "b2 @ 299: own device, b1",
         "b2 @ 301: no")  # fmt: skip
    force.devices("devices B again", "B", "b1 b2 b3 c1", after="devices B", created=-1)
    force.devices("devices B without b2", "B", "b1 b3", created=-60)
    case("E0", "not among its person's devices", "devices B without b2", "b2: no",
         "b1: admin, s1", without="devices B")  # fmt: skip


def _grants(force: Force, case: _Add) -> None:
    force.endorse("s1 c1", "s1", "c1", -30, admin=True)
    case("E0", "an admin of another unit", "s1 c1", "c1: no")
    force.endorse("a1 c1", "a1", "c1", -30, admin=True)
    case("E0", "an admin of a unit above", "a1 c1", "c1: admin, a1")
    force.endorse("b1 c1", "b1", "c1", -30, admin=True)
    case("E0", "no grant at all", "b1 c1", "c1: no")
    force.grant("a1 S short", "a1", "S", SOUTH, -37, 5)
    force.endorse("s1 d1 late", "s1", "d1", -31, admin=True)
    case("E0", "a grant's end undoes nothing made before", "a1 S short, s1 d1 late", *_ALL_STAND,
         "d1: no", without="a1 S")  # fmt: skip
    force.grant("a1 S long", "a1", "S", SOUTH, -37, 181)
    case("E0", "a grant of 181 days", "a1 S long", "b1: no", without="a1 S")
    for name, by, path in (("by the grantor", "a1", SOUTH), ("by the root admin", "r1", SOUTH)):
        force.grant(f"end S {name}", by, "S", path, -33, 0)
        case("E0", f"withdrawn {name}", f"end S {name}, s1 d1 late", "b1: admin, s1", "d1: no")
    case("E0", "not withdrawn", "s1 d1 late", "d1: admin, s1")
    force.endorse("r1 c1", "r1", "c1", -38, admin=True)
    force.grant("r1 C", "r1", "C", CITY, -37.5)
    force.grant("end S by C", "c1", "S", SOUTH, -33, 0)
    case("E0", "withdrawn by an admin of another chain", "r1 c1, r1 C, end S by C, s1 d1 late",
         "c1: admin, r1", "d1: admin, s1")  # fmt: skip
    force.grant("a1 S anew", "a1", "S", SOUTH, -32)
    case("E0", "granted anew after it was withdrawn", "end S by the grantor, a1 S anew, s1 d1 late",
         "d1: admin, s1")  # fmt: skip
    force.grant("end A", "r1", "A", CITY, -33, 0)
    case("E0", "an admin whose own grant ends keeps those below", "end A, s1 d1 late",
         "d1: admin, s1")  # fmt: skip
    force.grant("s1 D north", "s1", "D", NORTH, -33)
    force.endorse("s1 d1", "s1", "d1", -34, admin=True)
    force.endorse("d1 c1", "d1", "c1", -30, admin=True)
    case("E0", "a grant outside the grantor's unit", "s1 d1, s1 D north, d1 c1", "d1: admin, s1",
         "c1: no")  # fmt: skip
    force.grant("s1 D", "s1", "D", CHARMINAR, -33)
    force.grant("d1 B", "d1", "B", CHARMINAR, -32)
    force.endorse("b1 e1", "b1", "e1", -29, admin=True)
    case("E0", "a chain of four grants", "s1 d1, s1 D, d1 B, b1 e1", "e1: admin, b1")
    force.grant("b1 E", "b1", "E", CHARMINAR, -28)
    force.card("card C below", "C", 2, -27, f"{CHARMINAR}/post")
    force.endorse("e1 c1", "e1", "c1", -20, admin=True)
    force.endorse("b1 c1 later", "b1", "c1", -20, admin=True)
    five = "s1 d1, s1 D, d1 B, b1 e1, b1 E, card C below"
    case("E0", "a chain of five grants", f"{five}, e1 c1", "c1: no")
    case("E0", "the fourth of five grants", f"{five}, b1 c1 later", "c1: admin, b1")
    force.card("card B moved", "B", 2, -30, NORTH)
    case("E0", "a transfer undoes no endorsement", "card B moved", "b1: admin, s1",
         "b2: own device, b1")  # fmt: skip
    force.card("card D moved", "D", 2, -32, NORTH)
    case("E0", "endorsed after the transfer", "card D moved, s1 d1 late", "d1: no")
    force.grant("a1 S sou", "a1", "S", f"{CITY}/sou", -37)
    case("E0", "a path that is only a prefix of the name", "a1 S sou", "b1: no", without="a1 S")


def _root_admins(force: Force, case: _Add) -> None:
    case("E0", "no root admin yet (m = 0)", "", "r1: no", "a1: no", "b1: no",
         without="department 2")  # fmt: skip
    force.endorse("r1 r2", "r1", "r2", -45)
    force.endorse("r2 c1", "r2", "c1", -30, admin=True)
    case("E0", "being root admin passes to no other device", "r1 r2, r2 c1", "r2: own device, r1",
         "c1: no")  # fmt: skip
    force.department("department 3", 3, -20, APPROVAL, ["r2"])
    force.endorse("r1 c1 late", "r1", "c1", -10, admin=True)
    case("E0", "a former root admin", "department 3, r1 c1 late", "r1: no", "r2: root admin",
         "c1: no", *_ALL_STAND)  # fmt: skip
    force.endorse("r2 c1 late", "r2", "c1", -10, admin=True)
    case("E0", "the next root admin", "department 3, r2 c1 late", "c1: admin, r2")
    case("E0", "before it was root admin", "department 3, r2 c1", "c1: no")


def _policies(force: Force, case: _Add) -> None:
    force.department("department none", 1, -60, NONE, ["r1"])
    force.department("department approval", 2, -40, APPROVAL, ["r1"])
    alone = "department 1, department 2, r1 a1, r1 A, a1 s1, a1 S, s1 b1"
    case("E0", "policy none: the first is not approved", "department none", "r1: root admin",
         "b1: not approved", "b2: own device, b1", "b3: no", without=alone)  # fmt: skip
    force.revoke("b1 lost", "", "b1", -10, -12)
    case("E0", "policy none: the first is revoked", "department none, b1 lost", "b1: no",
         "b1 @ -13: not approved", "b2: no", "b3: no",
         without=f"{alone}, b1 b2")  # fmt: skip
    force.revoke("b2 lost", "", "b2", -9, -9)
    case("E0", "policy none: all before are revoked", "department none, b1 lost, b2 lost",
         "b3: no", "b2: no", without=f"{alone}, b1 b2")  # fmt: skip
    force.endorse("b2 b3 waiting", "b2", "b3", -8)
    case("E0", "policy none: endorsed by one that waits", "department none, b1 lost, b2 b3 waiting",
         "b3: no", without=f"{alone}, b1 b2")  # fmt: skip
    force.endorse("r1 b2 none", "r1", "b2", -8, admin=True)
    case("E4", "policy none: an admin endorses while the first is there",
         "department none, r1 b2 none", "b1: not approved", "b2: no",
         without=f"{alone}, b1 b2")  # fmt: skip
    case("E4", "policy none: the roster authority alone revoked the first",
         "department none, b1 lost, r1 b2 none", "b1: no", "b2: no",
         without=f"{alone}, b1 b2")  # fmt: skip
    force.revoke("r1 -b1 none", "r1", "b1", -8, -8)
    case("E4", "policy none: an admin endorses once an admin revoked the first",
         "department none, b1 lost, r1 -b1 none, r1 b2 none", "b1: no", "b2: admin, r1",
         "b3: no", without=f"{alone}, b1 b2")  # fmt: skip
    case("E0", "policy none: an endorsement is shown rather", "department none", "b1: admin, s1",
         without="department 1, department 2")  # fmt: skip
    force.endorse("b1 b2 first", "b1", "b2", -45)
    force.endorse("b1 b3 late", "b1", "b3", -35)
    case("E0", "policy none ends: what was endorsed counts",
         "department none, department approval, b1 b2 first, b1 b3 late", "b1: no",
         "b2: own device, b1", "b3: no", without=f"{alone}, b1 b2")  # fmt: skip
    case("E0", "policy approval: no first device", "", "b1: no", "c1: no", without="s1 b1")


def _others(force: Force, case: _Add) -> None:
    force.endorse("s1 b2", "s1", "b2", -5, admin=True)
    case("E4", "an admin endorses beside a confirmed device", "s1 b2", "b1: admin, s1", "b2: no",
         without="b1 b2")  # fmt: skip
    force.revoke("s1 -b1 late", "s1", "b1", -4.99, -5)
    case("E4", "no endorsement wakes with a later revocation", "s1 b2, s1 -b1 late", "b1: no",
         "b2: no", without="b1 b2")  # fmt: skip
    force.revoke("authority -b1", "", "b1", -5, -5)
    case("E4", "the roster authority alone revoked the other device", "s1 b2, authority -b1",
         "b1: no", "b2: no", without="b1 b2")  # fmt: skip
    force.revoke("s1 -b1", "s1", "b1", -5, -5)
    case("E4", "an admin revoked it too", "s1 b2, authority -b1, s1 -b1", "b1: no",
         "b2: admin, s1", without="b1 b2")  # fmt: skip
    case("E4", "the other device is revoked", "s1 b2, s1 -b1", "b1: no", "b2: admin, s1",
         without="b1 b2")  # fmt: skip
    case("E4", "the other device is not confirmed", "s1 b2", "b2: admin, s1",
         without="b1 b2, s1 b1")  # fmt: skip
    force.endorse("b2 b3 now", "b2", "b3", -3)
    case("E4", "the other two, one after the other", "s1 b2, s1 -b1, b2 b3 now", "b2: admin, s1",
         "b3: own device, b2", without="b1 b2")  # fmt: skip
    force.endorse("s1 b3", "s1", "b3", -5, admin=True)
    case("E4", "one of two others falls with the revoked", "s1 b3, s1 -b1", "b3: admin, s1")
    force.revoke("s1 -b1 kept", "s1", "b1", -5, -5, ["b1 b2"])
    case("E4", "one of two others is left", "s1 b3, s1 -b1 kept", "b3: no")
    force.endorse("s1 b2 at once", "s1", "b2", -36, admin=True)
    case("E4", "two at one time: neither", "s1 b2 at once", "b1: no", "b2: no", without="b1 b2")
    force.certify("d2", "D", -20, 300)
    force.devices("devices D more", "D", "d1 d2", after="devices D", created=-20)
    force.endorse("a1 d2 early", "a1", "d2", -20.01, admin=True)
    force.endorse("a1 d2", "a1", "d2", -20, admin=True)
    case("E4", "made before the device had a certificate", "devices D more, a1 d2 early", "d2: no")
    case("E4", "made with its certificate", "devices D more, a1 d2 early, a1 d2", "d2: admin, a1")
    force.endorse("b2 b1 forged", "b2", "b1", -50)
    case("E4", "a ghost endorses the true device to hide it", "s1 b2, b2 b1 forged",
         "b1: admin, s1", "b2: no", without="b1 b2")  # fmt: skip
    force.endorse("s1 b1 again", "s1", "b1", -1, admin=True)
    case("E4", "those that it endorsed are no others", "s1 b1 again", *_ALL_STAND)


def _revocations(force: Force, case: _Add) -> None:
    force.revoke("b2 -b1", "b2", "b1", -2, -3, ["b1 b2"])
    case("E4", "by another own device", "b2 -b1", "b1: no", "b1 @ -4: admin, s1", "b1 @ -3: no",
         "b2: own device, b1")  # fmt: skip
    force.revoke("b2 -b1 bare", "b2", "b1", -2, -3)
    case("E4", "a device cannot cut off what it rests on", "b2 -b1 bare", *_ALL_STAND)
    for name, by in (("root admin", "r1"), ("granted admin", "a1"), ("roster authority", "")):
        force.revoke(f"{name} -s1", by, "s1", -10, -20, ["s1 b1"])
        case("E4", f"by the {name}, listing what counts", f"{name} -s1", "s1: no",
             "b1: admin, s1", "b2: own device, b1")  # fmt: skip
        force.revoke(f"{name} -s1 bare", by, "s1", -10, -20)
        stand = "admin, s1" if not by else "no"
        case("E4", f"by the {name}, listing nothing", f"{name} -s1 bare", "s1: no", f"b1: {stand}",
             f"b2: {'own device, b1' if not by else 'no'}")  # fmt: skip
        force.endorse("s1 d1 stolen", "s1", "d1", -9, admin=True)
        case("E4", f"by the {name}: endorsed after it", f"{name} -s1, s1 d1 stolen", "d1: no")
    force.endorse("s1 d1 between", "s1", "d1", -15, admin=True)
    force.revoke("r1 -s1 all", "r1", "s1", -10, -20, ["s1 b1", "s1 d1 between"])
    case("E4", "listed, but dated after the loss", "r1 -s1 all, s1 d1 between", "d1: no",
         "b1: admin, s1")  # fmt: skip
    case("E4", "the roster authority undoes nothing that was taken",
         "roster authority -s1, s1 d1 between", "d1: admin, s1")  # fmt: skip
    force.revoke("r1 -a1", "r1", "a1", -10, -11, ["a1 s1"])
    force.grant("a1 S again", "a1", "S", SOUTH, -36.5)
    case("E4", "a grant that is not listed falls", "r1 -a1, s1 b1", "a1: no", "s1: admin, a1",
         "b1: no", "b2: no")  # fmt: skip
    force.revoke("r1 -a1 grant", "r1", "a1", -10, -11, ["a1 s1", "a1 S"])
    case("E4", "a grant that is listed counts", "r1 -a1 grant", "s1: admin, a1", "b1: admin, s1")
    force.revoke("s1 -a1", "s1", "a1", -10, -11)
    case("E4", "against somebody above in its chain", "s1 -a1", *_ALL_STAND)
    force.revoke("s1 -r1", "s1", "r1", -10, -11)
    case("E4", "against the root admin", "s1 -r1", "r1: root admin", *_ALL_STAND)
    force.revoke("s1 -c1", "s1", "c1", -10, -11)
    case("E4", "by an admin of another unit", "a1 c1, s1 -c1", "c1: admin, a1")
    force.revoke("c1 -b1", "c1", "b1", -10, -11)
    case("E4", "by a person without a grant", "a1 c1, c1 -b1", "b1: admin, s1")
    force.revoke("b3 -b1", "b3", "b1", -10, -11)
    case("E4", "by an own device that is not confirmed", "b3 -b1", *_ALL_STAND)
    signers = {"an own device": "b2", "an admin": "s1", "the roster authority": "",
               "a root admin": "r1"}  # fmt: skip
    for name, by in signers.items():
        force.revoke(f"{name} -b1 long ago", by, "b1", -2, -33, ["b1 b2"])
        stays = "b1: no" if by == "r1" else "b1: admin, s1"
        case("E4", f"31 days back by {name}", f"{name} -b1 long ago", stays)
    force.revoke("r1 -r2", "r1", "r2", -10, -11)
    case("E4", "one root admin's device by another device of its person", "r1 r2, r1 -r2",
         "r2: no")  # fmt: skip


def _circles(force: Force, case: _Add) -> None:
    force.revoke("b1 -b2", "b1", "b2", -3, -4)
    force.revoke("b2 -b1 later", "b2", "b1", -2, -5, ["b1 b2"])
    case("E4", "two that revoke each other: the earlier counts", "b1 -b2, b2 -b1 later",
         "b1: admin, s1", "b2: no")  # fmt: skip
    force.revoke("s1 -b1 thief", "s1", "b1", -1, -5, ["b1 b2"])
    case("E4", "void, because its signer was lost before", "b1 -b2, s1 -b1 thief", "b1: no",
         "b2: own device, b1")  # fmt: skip
    case("E4", "an admin ends the circle", "b1 -b2, b2 -b1 later, s1 -b1 thief", "b1: no",
         "b2: own device, b1")  # fmt: skip
    force.revoke("s1 -b1 after", "s1", "b1", -1, -2.5, ["b1 b2"])
    case("E4", "not void: its signer was lost after", "b1 -b2, s1 -b1 after", "b1: no", "b2: no")
    force.revoke("b1 gone", "", "b1", -1, -5)
    case("E4", "the roster authority voids nothing that was made before", "b1 -b2, b1 gone",
         "b1: no", "b2: no")  # fmt: skip
    force.revoke("s1 -b1 stolen", "s1", "b1", -4, -6, ["b1 b2"])
    force.revoke("a1 -s1", "a1", "s1", -1, -5, ["s1 b1"])
    case("E4", "a stolen admin's revocation is void", "s1 -b1 stolen, a1 -s1", "s1: no",
         "b1: admin, s1", "b2: own device, b1")  # fmt: skip
    force.revoke("r1 -a1 void", "r1", "a1", -0.5, -2, ["a1 s1", "a1 S"])
    case("E4", "void by a revocation that is void", "s1 -b1 stolen, a1 -s1, r1 -a1 void",
         "a1: no", "s1: admin, a1", "b1: no")  # fmt: skip


def _authorities(force: Force, case: _Add) -> None:
    first, again = 2**45, []
    for person, (path, devices) in PEOPLE.items():
        force.devices(f"devices {person} anew", person, devices, f"devices {person}",
                      number=first + 1, authority=1)  # fmt: skip
        force.card(f"card {person} anew", person, first + 1, -60, path, authority=1)
        again += [f"devices {person} anew", f"card {person} anew"]
    force.department("next authority", 3, -1, APPROVAL, ["r1"], authority=1)
    anew = ", ".join(["next authority", *again])
    case("E0", "another roster authority signs anew", anew, "r1: root admin", *_ALL_STAND)
    case("E0", "a former roster authority's list and card", "next authority", "r1: no", "b1: no",
         "s1: no")  # fmt: skip
    force.card("card B north former", "B", first - 1, -60, NORTH)
    case("E0", "a former roster authority's card", f"{anew}, card B north former", *_ALL_STAND)
    force.devices("devices B former high", "B", "b3 b1 b2", "devices B",
                  number=first + 9)  # fmt: skip
    case("E0", "a former roster authority takes a later one's number",
         f"{anew}, devices B former high", *_ALL_STAND)  # fmt: skip
    force.devices("devices B third", "B", "b1 b2 b3", "devices B", number=2 * first,
                  authority=1)  # fmt: skip
    case("E0", "a roster authority takes the next one's number",
         anew.replace("devices B anew", "devices B third"), "b1: no")  # fmt: skip
    force.revoke("former -b1", "", "b1", -2, -2)
    force.revoke("next -b1", "", "b1", -2, -2, authority=1)
    case("E0", "a former roster authority's revocation", f"{anew}, former -b1", *_ALL_STAND)
    case("E0", "the next roster authority's revocation", f"{anew}, next -b1", "b1: no")
    case("E0", "revoked by the roster authority of then", "former -b1", "b1: no")


def _moved(force: Force, case: _Add) -> None:
    force.card("card C south", "C", 2, -6.5, SOUTH)
    force.endorse("s1 c1 moved", "s1", "c1", 0, admin=True)
    case("E4", "moved into the admin's unit within 7 days", "card C south, s1 c1 moved", "c1: no")
    force.endorse("a1 c1 moved", "a1", "c1", 0, admin=True)
    case("E4", "an admin above both units", "card C south, a1 c1 moved", "c1: admin, a1")
    force.card("card C south long ago", "C", 2, -7, SOUTH)
    case("E4", "moved 7 days ago", "card C south long ago, s1 c1 moved", "c1: admin, s1")
    force.card("card C back", "C", 3, -1, NORTH)
    case("E4", "moved there and back within 7 days", "card C south, card C back, s1 c1 moved",
         "c1: no")  # fmt: skip
    force.revoke("s1 -c1 moved", "s1", "c1", 0, 0)
    known = "card C south, a1 c1, s1 -c1 moved"
    case("E4", "no admin of the new unit revokes at once either", known, "c1: admin, a1")
    force.card("card C twice", "C", 1, -60, SOUTH)
    case("E4", "a second card of one number", "card C twice, s1 c1 moved", "c1: no")
    force.card("card C still", "C", 2, -8, NORTH)
    force.card("card C south before", "C", 3, -9, SOUTH)
    case("E4", "a card that is dated before the one before",
         "card C still, card C south before, s1 c1 moved", "c1: no")  # fmt: skip
