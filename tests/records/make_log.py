"""Makes ``spec/admin/log.json``: an audit log and how it breaks, for the server and for the client.

``python -m tests.records.make_log`` writes it; ``--check`` compares. Keys, ids and salts are fixed,
so that the file stays the same. Each broken log names the entry that does not hold.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.audit.rules import ZEROS, Entry, EntryContent, entry_hash
from copconnect.ids import ActId, PersonId
from copconnect.principals import SignedAs
from copconnect.records.primitives.merkle import (
    Node,
    appended,
    consistency_nodes,
    edge_root,
    leaf_hash,
)
from copconnect.records.trust.admin_act import SignedAct
from copconnect.records.trust.endorsement import Endorsement, EndorsementKind
from tests.harness.presence import Credential, by_pin, weighs

FILE = Path(__file__).parents[2] / "spec" / "admin" / "log.json"
NOW, DAY_MS = 1_800_000_000_000, 86_400_000
STATION, DISTRICT = "TG/HYD/CHAR", "TG/HYD"


def fixed(name: str, size: int = 32) -> bytes:
    return hashlib.sha256(f"copconnect spec {name}".encode()).digest()[:size]


@dataclass(frozen=True)
class Signer:
    """A person's device."""

    name: str

    @property
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(fixed(f"key {self.name}"))

    @property
    def device(self) -> bytes:
        return fixed(f"device {self.name}")

    @property
    def person(self) -> PersonId:
        return PersonId(fixed(f"person {self.name}", 16).hex())

    @property
    def named(self) -> str:
        return f"person {self.person} device {self.device.hex()}"


CHIEF, SECOND, SHO, PATROL = (Signer(name) for name in ("chief", "second", "sho", "patrol"))


def signed_act(by: Signer, name: str, act: wire.Act, created: int = NOW) -> SignedAct:
    body = msgspec.json.encode(act)
    made = SignedAct(device=by.device, act_id=fixed(name, 16), created=created, body=body)
    return made.signed(by.key)


def content(
    by: str,
    done: dict[str, Any],
    path: str = STATION,
    kind: SignedAs | None = None,
    signed: bytes = b"",
    presence: bytes = b"",
) -> EntryContent:
    text = json.dumps(done, ensure_ascii=False, separators=(",", ":"))
    salt = fixed(f"salt {by} {text}", 16)
    return EntryContent(
        salt=salt,
        by=by,
        path=path,
        act=text,
        signed_as=kind or "",
        signed=signed,
        presence=presence,
    )


def by_act(
    by: Signer,
    record: SignedAct,
    done: dict[str, Any],
    path: str = STATION,
    presence: bytes | None = None,
) -> EntryContent:
    if presence is None:
        presence = by_pin(record) if weighs(record) else b""
    return content(by.named, done, path, "act", record.encode(), presence)


SUSPEND = signed_act(CHIEF, "suspend", wire.SuspendPerson(person_id=SHO.person, reason="जाँच 12/26"))
GIVE = signed_act(CHIEF, "give", wire.GiveGrant(person_id=SHO.person, path=DISTRICT, grant="AAAA"))
APPROVE = signed_act(
    SECOND,
    "approve",
    wire.ApproveAct(act_id=ActId(GIVE.act_id.hex()), hash=GIVE.hash().hex()),
    NOW + DAY_MS,
)
RESTORE = signed_act(SECOND, "restore", wire.RestorePerson(person_id=SHO.person))
APPROVE_OTHER = signed_act(
    SECOND,
    "approve another",
    wire.ApproveAct(act_id=ActId(GIVE.act_id.hex()), hash=SUSPEND.hash().hex()),
    NOW + DAY_MS,
)
# A credential of the chief's, which the second admin enrols.
CREDENTIAL = Credential(name=fixed("credential", 16), seed=fixed("key of the credential"))
ASKED = CREDENTIAL.record(CHIEF.device, CHIEF.key, NOW)
ENROL = signed_act(
    SECOND,
    "enrol",
    wire.EnrolAuthenticator(
        person_id=CHIEF.person, authenticator=base64.b64encode(ASKED.encode()).decode()
    ),
    NOW + DAY_MS,
)
WITHDRAW = signed_act(
    CHIEF,
    "withdraw",
    wire.WithdrawGrant(person_id=SHO.person, path=DISTRICT, grant="AAAA"),
    NOW + DAY_MS,
)
RIGHTS = signed_act(CHIEF, "rights", wire.SetRights(rules=[]), NOW + DAY_MS)
OWN = CREDENTIAL.record(PATROL.device, PATROL.key, NOW)
ENDORSED = Endorsement(
    endorsed=PATROL.device, endorser=CHIEF.device, kind=EndorsementKind.ADMIN, created=NOW
).signed(CHIEF.key)


def log() -> list[EntryContent]:
    """Return the contents of a log that holds."""
    suspended = {"act": "person_suspended", "person_id": SHO.person, "reason": "जाँच 12/26"}
    given = {"person_id": SHO.person, "path": DISTRICT, "created_ms": NOW, "not_after_ms": NOW + 9}
    approved = {"act_id": GIVE.act_id.hex(), "hash": GIVE.hash().hex()}
    return [
        content("operator root", {"act": "data_bank_imported", "counts": {"added": 3}}, ""),
        content(
            CHIEF.named,
            {"act": "device_confirmed", "person_id": PATROL.person, "device": PATROL.device.hex()},
            STATION,
            "endorsement",
            ENDORSED.encode(),
        ),
        by_act(CHIEF, SUSPEND, suspended),
        by_act(
            CHIEF,
            GIVE,
            {
                "act": "act_proposed",
                "act_id": GIVE.act_id.hex(),
                "asked": "give_grant",
                "people": 9,
            },
            DISTRICT,
        ),
        by_act(SECOND, RESTORE, {"act": "person_restored", "person_id": SHO.person}),
        by_act(CHIEF, GIVE, {"act": "grant_given", **given}, DISTRICT),
        by_act(SECOND, APPROVE, {"act": "act_approved", **approved}, DISTRICT),
        content("operator root", {"act": "incarnation_begun"}, ""),
        by_act(
            SECOND,
            ENROL,
            {
                "act": "authenticator_enrolled",
                "person_id": CHIEF.person,
                "device": CHIEF.device.hex(),
                "key": ASKED.key().hex(),
            },
        ),
        by_act(
            CHIEF,
            WITHDRAW,
            {
                "act": "grant_withdrawn",
                "person_id": SHO.person,
                "path": DISTRICT,
                "created_ms": NOW,
            },
            DISTRICT,
            CREDENTIAL.proves(WITHDRAW),
        ),
    ]


def enrolled_by_itself() -> EntryContent:
    """Return the entry of a patrol's device that enrols its own authenticator."""
    done = {
        "act": "authenticator_enrolled",
        "person_id": PATROL.person,
        "device": PATROL.device.hex(),
        "key": OWN.key().hex(),
    }
    return content(PATROL.named, done, STATION, "authenticator", OWN.encode())


def chained(contents: list[EntryContent]) -> list[Entry]:
    """Return the entries of a log, with the chain that somebody with the database can compute."""
    entries: list[Entry] = []
    previous = ZEROS
    for number, one in enumerate(contents, 1):
        made_ms = NOW + 1000 * number + (DAY_MS if number > 5 else 0)  # Approved a day later.
        previous = entry_hash(previous, number, made_ms, one.digest())
        entries.append(Entry(number, made_ms, one, previous))
    return entries


Break = Callable[[list[EntryContent]], list[EntryContent]]


def put(place: int, **changes: Any) -> Break:
    """Return a change of one entry, numbered from 1."""

    def change(contents: list[EntryContent]) -> list[EntryContent]:
        contents[place - 1] = replace(contents[place - 1], **changes)
        return contents

    return change


def moved(place: int, to: int) -> Break:
    def change(contents: list[EntryContent]) -> list[EntryContent]:
        contents.insert(to - 1, contents.pop(place - 1))
        return contents

    return change


def again(place: int) -> Break:
    return lambda contents: [*contents, contents[place - 1]]


def without(place: int) -> Break:
    return lambda contents: contents[: place - 1] + contents[place:]


_OTHER = json.dumps(
    {"act": "person_suspended", "person_id": PATROL.person, "reason": "जाँच 12/26"},
    ensure_ascii=False,
)
_RESTORED = json.dumps({"act": "person_restored", "person_id": SHO.person})
_FLIPPED = SUSPEND.encode()[:-1] + bytes([SUSPEND.encode()[-1] ^ 1])


def added(place: int, one: EntryContent) -> Break:
    """Return a change that puts another entry at a place."""
    return lambda contents: [*contents[: place - 1], one, *contents[place - 1 :]]


# By name: the entries that are hidden, of a log whose other entries a reader sees.
HIDDEN: dict[str, frozenset[int]] = {
    "a hidden entry in place of an approval": frozenset({7}),
    "an act that always needs two, whose proposal is hidden": frozenset({11}),
}
# By name: the change, the entry that does not hold then, and why, as the client names it.
BROKEN: dict[str, tuple[Break, int, str]] = {
    "an approval of another act": (
        put(
            7,
            signed=APPROVE_OTHER.encode(),
            presence=by_pin(APPROVE_OTHER),
            act=json.dumps(
                {
                    "act": "act_approved",
                    "act_id": GIVE.act_id.hex(),
                    "hash": SUSPEND.hash().hex(),
                }
            ),
        ),
        7,
        "not_approved",
    ),
    "an approval that follows another act": (moved(7, 8), 7, "not_approved"),
    "an approval of nothing": (added(9, log()[6]), 9, "not_approved"),
    "a hidden entry in place of an approval": (lambda all_: all_, 7, "not_approved"),
    "an act that always needs two, whose proposal is hidden": (
        lambda all_: [
            *all_,
            content("operator root", {"act": "incarnation_begun"}, ""),
            by_act(CHIEF, RIGHTS, {"act": "rights_set"}, "", CREDENTIAL.proves(RIGHTS)),
        ],
        13,
        "not_approved",
    ),
    "an act of weight without its person": (put(4, presence=b""), 4, "not_present"),
    "the proof of another act": (put(4, presence=by_pin(APPROVE)), 4, "not_present"),
    "the PIN of another": (put(10, presence=by_pin(WITHDRAW, b"x")), 10, "not_present"),
    "a PIN after an authenticator was enrolled": (
        put(10, presence=by_pin(WITHDRAW)),
        10,
        "not_present",
    ),
    "an authenticator that is not enrolled": (without(9), 9, "not_present"),
    "a user that the authenticator did not verify": (
        put(10, presence=CREDENTIAL.proves(WITHDRAW, verified=False)),
        10,
        "not_present",
    ),
    "a proof that nothing asked for": (put(3, presence=by_pin(SUSPEND)), 3, "not_present"),
    "a proof beside an operator's act": (put(8, presence=b"x"), 8, "malformed"),
    "a device that enrols by itself after it was confirmed": (
        added(3, enrolled_by_itself()),
        3,
        "not_present",
    ),
    "an admin who enrols another authenticator than the one signed for": (
        put(
            9,
            act=json.dumps(
                {
                    "act": "authenticator_enrolled",
                    "person_id": CHIEF.person,
                    "device": CHIEF.device.hex(),
                    "key": OWN.device.hex(),
                }
            ),
        ),
        9,
        "says_otherwise",
    ),
    "another person than the one signed for": (put(3, act=_OTHER), 3, "says_otherwise"),
    "another act than the one signed for": (put(3, act=_RESTORED), 3, "says_otherwise"),
    "named as another's": (put(3, by=SECOND.named), 3, "other_device"),
    "named as an operator's": (put(3, by="operator root"), 3, "other_device"),
    "a wrong signature": (put(3, signed=_FLIPPED), 3, "bad_signature"),
    "a truncated record": (put(3, signed=SUSPEND.encode()[:-1]), 3, "malformed"),
    "a signature that nothing names": (put(3, signed_as=""), 3, "malformed"),
    "an act of no JSON": (put(3, act="x"), 3, "malformed"),
    "an endorsement of another device": (
        put(2, act=json.dumps({"act": "device_confirmed", "device": SHO.device.hex()})),
        2,
        "says_otherwise",
    ),
    "a device that nobody knows": (
        put(
            3,
            by=SHO.named,
            signed=signed_act(
                SHO, "x", wire.SuspendPerson(person_id=PersonId("0" * 32), reason="")
            ).encode(),
        ),
        3,
        "unknown_device",
    ),
    "an act that is done again": (again(3), 11, "repeated"),
    "a waiting act that is done again": (again(6), 11, "repeated"),
    "a waiting act that nobody approved": (without(7), 7, "not_approved"),
    "a waiting act at the end that nobody approved": (lambda all_: all_[:6], 7, "not_approved"),
    "an approval by the person who asked": (
        put(
            7,
            by=CHIEF.named,
            signed=signed_act(
                CHIEF,
                "own",
                wire.ApproveAct(act_id=ActId(GIVE.act_id.hex()), hash=GIVE.hash().hex()),
            ).encode(),
        ),
        7,
        "not_approved",
    ),
    "signed long after it was made": (
        put(
            3,
            signed=signed_act(
                CHIEF,
                "late",
                wire.SuspendPerson(person_id=SHO.person, reason="जाँच 12/26"),
                NOW + 3_600_000,
            ).encode(),
        ),
        3,
        "signed_later",
    ),
}


def as_json(entries: list[Entry], hidden: frozenset[int] = frozenset()) -> list[dict[str, Any]]:
    return [
        {
            "number": one.number,
            "madeMs": one.made_ms,
            "hash": one.hash.hex(),
            "digest": one.content.digest().hex(),
            "hidden": one.number in hidden,
            "salt": one.content.salt.hex(),
            "by": one.content.by,
            "path": one.content.path,
            "act": one.content.act,
            "signedAs": one.content.signed_as,
            "signed": one.content.signed.hex(),
            "presence": one.content.presence.hex(),
        }
        for one in entries
    ]


def trees() -> list[dict[str, Any]]:
    """Return proofs that the log's tree continues from each of its beginnings (RFC 6962)."""
    leaves = [leaf_hash(one.hash) for one in chained(log())]
    nodes: dict[Node, bytes] = {}
    edges: list[list[bytes]] = [[]]
    for size, leaf in enumerate(leaves):
        edge, added = appended(edges[-1], size, leaf)
        edges.append(edge)
        nodes |= added
    return [
        {
            "first": {"size": first, "root": edge_root(edges[first]).hex()},
            "second": {"size": second, "root": edge_root(edges[second]).hex()},
            "proof": [
                edge_root([nodes[one] for one in edge]).hex()
                for edge in consistency_nodes(first, second)
            ],
        }
        for second in range(2, len(leaves) + 1)
        for first in range(1, second)
    ]


def made() -> str:
    """Return the file's text."""
    known = {
        one.device.hex(): one.key.public_key().public_bytes_raw().hex()
        for one in (CHIEF, SECOND, PATROL)
    }
    value = {
        "keys": known,
        "act": {
            "device": SUSPEND.device.hex(),
            "actId": SUSPEND.act_id.hex(),
            "created": SUSPEND.created,
            "body": SUSPEND.body.decode(),
            "record": SUSPEND.encode().hex(),
        },
        "log": as_json(chained(log())),
        "trees": trees(),
        "broken": [
            {
                "name": name,
                "number": number,
                "reason": why,
                "log": as_json(chained(change(log())), HIDDEN.get(name, frozenset())),
            }
            for name, (change, number, why) in BROKEN.items()
        ],
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    """Write the file, or compare it. Returns the exit status."""
    if "--check" in sys.argv:
        return 0 if FILE.read_text(encoding="utf-8") == made() else 1
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(made(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
