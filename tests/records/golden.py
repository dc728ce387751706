"""The golden vectors' department and conversation, for judging.

A has a and b; B has x, which is lost, and c; C has y, which is lost, and d; r is the root admin's.
``without``: whose endorsement has not come.
"""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.roster import Leaf, RosterHead
from copconnect.records.trust.department import Department, Policy
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import BY_AUTHORITY, Revocation
from copconnect.records.trust.trust import Trust
from copconnect.sealing import hpke
from copconnect.sealing.receiving import Receiver
from copconnect.sealing.view import PublicView
from tests.records.vectors import Vectors, signing_key


def device(v: Vectors, name: str) -> bytes:
    """Return the id of a device ("a")."""
    found: bytes = v["devices"][name]["device"]
    return found


def department(v: Vectors, data: bytes | None = None, former: int = 1) -> Department:
    """Return a checked department record."""
    found = Department.parse(v["department"] if data is None else data)
    found.check(v["root_key"], former)
    return found


def trust(
    v: Vectors,
    *,
    without: str = "d",
    lost: str = "xy",
    policy: Policy = Policy.NONE,
    cards: str = "ABCR",
    grants: str = "12",
    certificates: str = "abcdrxy",
) -> Trust:
    """Return what a device holds of the department."""
    root = signing_key("offline root")
    found = Trust(v["root_key"], [replace(department(v), policy=policy).signed(root)])
    for name in certificates:
        der = v["devices"][name]["certificate"]
        found.add_certificate(Certificate.parse(der, (v["issuing_key"],)))
    for name in cards:
        found.add_card(PersonCard.parse(v["people"][name]["card"]))
    for data in v["person_devices"].values():
        found.add_person_devices(PersonDevices.parse(data))
    for name in grants:
        found.add_grant(Grant.parse(v["grants"][name]))
    for name, data in v["endorsements"].items():
        if name not in without:
            found.add_endorsement(Endorsement.parse(data))
    for name in lost:
        found.add_revocation(Revocation.parse(v["revocations"][name]))
    return found


def revocation(v: Vectors, name: str, lost: int, standing: tuple[bytes, ...] = ()) -> Revocation:
    """Return a revocation by the roster authority."""
    draft = Revocation(
        device=device(v, name), lost=lost, created=lost, signer=BY_AUTHORITY, standing=standing
    )
    return draft.signed(signing_key("roster authority"))


def view(v: Vectors) -> PublicView:
    """Return the public part of the conversation."""
    found = PublicView(trust(v), v["conversation"])
    for epoch, one in v["roster"].items():
        found.add_head(one["head"])
        for name, proof in one["leaves"].items():
            found.add_proof(int(epoch), device(v, name), proof)
    for one in v["conversation_keys"].values():
        found.add_record(one["record"])
    return found


def receiver(v: Vectors, after: str = "") -> Receiver:
    """Return a device that has both keys and accepted these messages ("1 2")."""
    found = Receiver(view(v))
    for one in v["conversation_keys"].values():
        found.learn_secret(one["key_id"], one["secret"])
    for name in after.split():
        message = v["messages"][name]["message"]
        position = found.append(message)
        found.accept(found.receive(message, position, v["now"]), position)
    return found


def head(v: Vectors, data: bytes | None = None) -> RosterHead:
    """Return a checked roster head, the newest unless another is given."""
    found = RosterHead.parse(v["roster"]["3"]["head"] if data is None else data)
    found.check(department(v).authority, v["conversation"])
    return found


def device_key(v: Vectors, name: str) -> DeviceKey:
    """Return the DeviceKey of a device."""
    return DeviceKey.parse(v["devices"][name]["device_key"])


def private(v: Vectors, name: str) -> hpke.PrivateKey:
    """Return the HPKE private key of a device."""
    return hpke.private_key(v["kem"], v["devices"][name]["key_seed"])


def signer(v: Vectors, name: str) -> Ed25519PrivateKey:
    """Return the signature key of a device."""
    return Ed25519PrivateKey.from_private_bytes(v["devices"][name]["signature_seed"])


def cell_key(v: Vectors, name: str) -> CellKey:
    """Return the CellKey of a cell ("1")."""
    return CellKey.parse(v["cell_keys"][name]["record"])


def leaf(v: Vectors, name: str, epoch: int = 3) -> Leaf:
    """Return the leaf of a device."""
    return view(v).leaf(device(v, name), epoch, "H1")[0]
