"""The story as a device of the conversation knows it, read from the vectors alone."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from spec.keys.reference import hpke
from spec.keys.reference.basics import ZEROS
from spec.keys.reference.certificates import Certificate, read_certificate
from spec.keys.reference.keys import CellKey, DeviceKey
from spec.keys.reference.people import (
    Department,
    Endorsement,
    Grant,
    PersonCard,
    PersonDevices,
    Revocation,
    Trust,
)
from spec.keys.reference.receiving import Known, accept, receive
from spec.keys.reference.roster import Leaf, RosterHead

Vectors = dict[str, Any]
TEXT = {"name", "check", "rule", "of", "after", "number", "held"}  # Values that are no hex.


def in_bytes(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        keep = name == "fields"
        return value if keep else {key: in_bytes(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [in_bytes(one) for one in value]
    text = not isinstance(value, str) or name in TEXT or (name == "sender" and len(value) == 1)
    return value if text else bytes.fromhex(value)


def load(name: str) -> Any:
    """Return what a file of ``spec/keys`` holds."""
    return json.loads((Path(__file__).parents[1] / name).read_text(encoding="utf-8"))


ALL: dict[str, Vectors] = {
    name: in_bytes(load(f"vectors_{name}.json")) for name in ("x25519", "xwing")
}


def device(v: Vectors, name: str) -> bytes:
    found: bytes = v["devices"][name]["device"]
    return found


def certificate(v: Vectors, name: str) -> Certificate:
    return read_certificate(v["devices"][name]["certificate"], (v["issuing_key"],))


def department(v: Vectors, data: bytes | None = None, former: int = 1) -> Department:
    found = Department.parse(data or v["department"])
    found.check(v["root_key"], former)
    return found


def trust(v: Vectors, without: str = "d", *, revoked: str = "xy", **instead: Any) -> Trust:
    """Return the records that a device holds of the department.

    ``without``: whose endorsement has not come yet; ``instead``: other records of a kind, or
    another department or certificates."""
    names = {n: certificate(v, n) for n in v["devices"]}
    known = names | instead.get("certificates", {})
    found = Trust(v["root_key"], {names[n].device: [one] for n, one in known.items()})
    found.departments = [instead.get("department") or department(v)]
    cards = {n: one["card"] for n, one in v["people"].items()} | instead.get("cards", {})
    grants = v["grants"] | instead.get("grants", {})
    endorsements = {n: one for n, one in v["endorsements"].items() if n not in without}
    endorsements |= instead.get("endorsements", {})
    for record in (
        *(PersonCard.parse(one) for one in cards.values()),
        *(PersonDevices.parse(one) for one in v["person_devices"].values()),
        *(Grant.parse(one) for one in grants.values()),
        *(Endorsement.parse(one) for one in endorsements.values()),
        *(Revocation.parse(one) for n, one in v["revocations"].items() if n in revoked),
    ):
        found.add(record)
    return found


def known(v: Vectors, after: str = "") -> Known:
    """Return the records of a device that accepted these messages ("1 2")."""
    roster, keys = v["roster"], v["conversation_keys"].values()
    found = Known(
        trust=trust(v),
        conversation=v["conversation"],
        people=None,
        heads={int(epoch): one["head"] for epoch, one in roster.items()},
        leaves={
            (int(epoch), device(v, name)): leaf
            for epoch, one in roster.items()
            for name, leaf in one["leaves"].items()
        },
        records={one["key_id"]: one["record"] for one in keys},
        secrets={one["key_id"]: one["secret"] for one in keys},
        log={0: (ZEROS, 0)},
    )
    for position, name in enumerate(after.split(), 1):
        received = receive(v["messages"][name]["message"], found, position, v["now"])
        accept(received, found, position)
    return found


def device_key(v: Vectors, name: str) -> DeviceKey:
    return DeviceKey.parse(v["devices"][name]["device_key"])


def private(v: Vectors, name: str) -> hpke.PrivateKey:
    return hpke.private_key(v["kem"], v["devices"][name]["key_seed"])


def signer(v: Vectors, name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(v["devices"][name]["signature_seed"])


def head(v: Vectors, data: bytes | None = None) -> RosterHead:
    found = RosterHead.parse(data or v["roster"]["3"]["head"])
    found.check(department(v).authority, v["conversation"])
    return found


def cell_key(v: Vectors, name: str) -> CellKey:
    return CellKey.parse(v["cell_keys"][name]["record"])


def leaf_of(v: Vectors, name: str, epoch: int = 3) -> Leaf:
    return known(v).leaf(device(v, name), epoch, "H1")[0]
