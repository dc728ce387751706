"""E0 and E4: which devices are confirmed, by the cases of ``spec/keys/extra.json``."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from copconnect.records.conversation.acknowledgement import Acknowledgement
from copconnect.records.primitives.fields import Refused
from copconnect.records.primitives.signed import SignedRecord
from copconnect.records.trust.confirmed import confirmed
from copconnect.records.trust.department import Department
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.guard_record import GuardRecord
from copconnect.records.trust.incarnation import Incarnation
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import Revocation
from copconnect.records.trust.time_record import TimeRecord
from copconnect.records.trust.trust import Trust
from tests.records.vectors import load_json

EXTRA: dict[str, Any] = load_json("extra.json")
KINDS: dict[str, type[SignedRecord]] = {
    kind.__name__: kind
    for kind in (
        *(Acknowledgement, Department, DeviceKey, Endorsement, Grant, GuardRecord, Incarnation),
        *(PersonCard, PersonDevices, Revocation, TimeRecord),
    )
}
RECORDS = {
    name: KINDS[one["kind"]].parse(bytes.fromhex(one["record"]))
    for name, one in EXTRA["records"].items()
}
DEVICES = {name: bytes.fromhex(one["device"]) for name, one in EXTRA["devices"].items()}


def trust_of(names: Iterable[str]) -> Trust:
    """Return a judge that holds these records and all certificates; a record that is refused when
    it is added is left out."""
    records = [RECORDS[name] for name in names]
    departments = [one for one in records if isinstance(one, Department)]
    found = Trust(bytes.fromhex(EXTRA["root_key"]), departments)
    issuing = (bytes.fromhex(EXTRA["issuing_key"]),)
    for one in EXTRA["devices"].values():
        found.add_certificate(Certificate.parse(bytes.fromhex(one["certificate"]), issuing))
    for record in records:
        try:
            add(found, record)
        except Refused:
            continue
    return found


def add(trust: Trust, record: SignedRecord) -> set[bytes]:
    """Add a record of any kind."""
    match record:
        case Department():
            return trust.add_department(record)
        case PersonCard():
            return trust.add_card(record)
        case PersonDevices():
            return trust.add_person_devices(record)
        case Endorsement():
            return trust.add_endorsement(record)
        case Grant():
            return trust.add_grant(record)
        case Revocation():
            return trust.add_revocation(record)
    raise TypeError(record)


def judged(trust: Trust, device: bytes, at: int) -> tuple[str | None, bytes | None]:
    """Return how and by whom a device is confirmed, or nothing."""
    try:
        found = confirmed(trust, device, at)
    except Refused as refused:
        return {"E0": (None, None)}[refused.rule]
    return found.how.value, found.by


def check(case: dict[str, Any]) -> None:
    trust = trust_of(case["records"])
    for expected in case["verdicts"]:
        by = DEVICES[expected["by"]] if expected["by"] else None
        found = judged(trust, DEVICES[expected["device"]], expected["at"])
        assert found == (expected["how"], by), expected


def _cases(rule: str) -> list[object]:
    return [pytest.param(one, id=one["name"]) for one in EXTRA["confirmed"] if one["rule"] == rule]


@pytest.mark.parametrize("case", _cases("E0"))
def test_e0(case: dict[str, Any]) -> None:
    check(case)


@pytest.mark.parametrize("case", _cases("E4"))
def test_e4(case: dict[str, Any]) -> None:
    check(case)


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_their_bytes(name: str) -> None:
    one, record = EXTRA["records"][name], RECORDS[name]
    assert record.encode().hex() == one["record"]
    assert record.hash().hex() == one["hash"]


def test_what_is_remembered_is_what_would_be_judged_anew() -> None:
    """Records come in any order; after each one all devices are judged, by memory and without."""
    dice, now = random.Random(7), EXTRA["now"]
    several = [one for one in EXTRA["confirmed"] if one["rule"] == "E4" or "none" in one["name"]]
    for case in several:
        order = [one for one in case["records"] if one not in ("department 1", "department none")]
        first = [one for one in case["records"] if one not in order]
        dice.shuffle(order)
        trust, before = trust_of(first), dict[str, tuple[str | None, bytes | None]]()
        for at, name in enumerate(order, 1):
            try:
                changed = add(trust, RECORDS[name])
            except Refused:
                continue
            again = trust_of([*first, *order[:at]])
            for one, device in DEVICES.items():
                found = judged(trust, device, now)
                assert found == judged(again, device, now), (case["name"], name, one)
                if one in before and found != before[one]:
                    assert device in changed, (case["name"], name, one)
                before[one] = found
