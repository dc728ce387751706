"""Makes ``spec/keys/extra.json``: ``python -m tests.records.make_extra``. Deterministic.

Additions to the golden vectors of KEYS.md: PersonDevices, Time, Incarnation, Acknowledgement,
Revocation by each kind of signer, Department with m = 0, withdrawn grants; and which devices are
confirmed then, how and by whom. All bytes are hex. ``records`` holds every record with its kind,
fields and hash. A case of ``confirmed`` names the records that are known (a record that is refused
by itself is ignored); all certificates are known in all cases. ``how`` is null where a device is
not confirmed.
"""

import json
from dataclasses import fields, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from copconnect.limits import UNREADABLE
from copconnect.records.conversation.acknowledgement import NO_ANSWER, Acknowledgement, Told
from copconnect.records.primitives.fields import sha256
from copconnect.records.primitives.kem import X25519
from copconnect.records.primitives.signed import SealableRecord, SignedRecord
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.incarnation import Incarnation
from copconnect.records.trust.time_record import TimeRecord
from tests.records.cases import Case, make_cases
from tests.records.force import AUTHORITY, ISSUER, PEOPLE, ROOT, Force, day, person_id, public_key
from tests.records.vectors import FOLDER, seed, signing_key

FILE = FOLDER / "extra.json"


def verdict(text: str) -> dict[str, Any]:
    """Return a verdict of cases.py as the file has it."""
    about, _, said = text.partition(": ")
    device, _, at = about.partition(" @ ")
    how, by = (*said.split(", "), None)[:2]
    return {
        "device": device,
        "at": day(float(at or 0)),
        "how": None if how == "no" else how,
        "by": by,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _record(record: SignedRecord) -> dict[str, Any]:
    said = {one.name: _plain(getattr(record, one.name)) for one in fields(record)}
    found = {
        "kind": type(record).__name__,
        "record": record.encode().hex(),
        "hash": record.hash().hex(),
        "fields": said,
    }
    return found | ({"key_id": record.key_id().hex()} if isinstance(record, SealableRecord) else {})


def _case(case: Case) -> dict[str, Any]:
    return {
        "rule": case.rule,
        "name": case.name,
        "records": list(case.records),
        "verdicts": [verdict(text) for text in case.verdicts],
    }


def _others(force: Force) -> dict[str, SignedRecord]:
    key_seed = seed("extra device key b1")
    pk = X25519PrivateKey.from_private_bytes(key_seed).public_key().public_bytes_raw()
    key = DeviceKey(kem=X25519, device=force.device("b1"), generation=7, created=day(-1), pk=pk)
    time = TimeRecord(nonce=seed("extra nonce", 16), time=day(0))
    incarnation = Incarnation(created=day(-1), number=day(0))
    own = Acknowledgement(
        conversation_id=seed("extra conversation", 16),
        message_id=seed("extra order", 16),
        header_hash=seed("extra order header"),
        device=force.device("b1"),
        person_id=person_id("B"),
        told=Told.OWN,
        choice=2,
        answer_hash=sha256(seed("extra sealed answer")),
        created=day(0),
    )
    told = replace(
        own,
        device=force.device("s1"),
        told=Told.IN_PERSON,
        choice=0,
        answer_hash=NO_ANSWER,
        created=day(-1),
    )
    unreadable = replace(own, choice=UNREADABLE, answer_hash=NO_ANSWER, created=day(-1))
    return {
        "device key b1": key.signed(signing_key("b1")),
        "time": time.signed(signing_key(AUTHORITY)),
        "incarnation": incarnation.signed(signing_key(AUTHORITY)),
        "acknowledgement b1": own.signed(signing_key("b1")),
        "acknowledgement unreadable b1": unreadable.signed(signing_key("b1")),
        "acknowledgement of b1 by s1": told.signed(signing_key("s1")),
    }


def make() -> dict[str, Any]:
    """Return what the file holds."""
    force, cases = make_cases()
    return {
        "now": day(0),
        "root_key": public_key(ROOT).hex(),
        "issuing_key": public_key(ISSUER).hex(),
        "authority_key": public_key(AUTHORITY).hex(),
        "root_seed": seed(f"signature key {ROOT}").hex(),
        "issuing_seed": seed(f"signature key {ISSUER}").hex(),
        "authority_seed": seed(f"signature key {AUTHORITY}").hex(),
        "device_key_seed": seed("extra device key b1").hex(),
        "people": {name: person_id(name).hex() for name in PEOPLE},
        "devices": {
            name: {
                "device": one.device.hex(),
                "person": one.person_id.hex(),
                "client": seed(f"extra client {name}", 16).hex(),
                "signature_seed": seed(f"signature key {name}").hex(),
                "certificate": force.der[name].hex(),
            }
            for name, one in force.certificates.items()
        },
        "records": {name: _record(one) for name, one in (force.records | _others(force)).items()},
        "confirmed": [_case(one) for one in cases],
    }


def text() -> str:
    """Return the file's text."""
    return json.dumps(make(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
