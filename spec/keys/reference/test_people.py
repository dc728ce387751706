"""``extra.json`` and the story: records about people, and which devices are confirmed (E0, E4)."""

from typing import Any

import pytest

from spec.keys.reference import basics, certificates, ed25519, hpke, people
from spec.keys.reference.confirmed import confirmed
from spec.keys.reference.envelopes import Acknowledgement
from spec.keys.reference.keys import DeviceKey
from spec.keys.reference.known import ALL, certificate, device, device_key, load, signer, trust
from spec.keys.reference.make_vectors import verdicts
from spec.keys.reference.making.cases import Case, make_cases

EXTRA = load("extra.json")
FORCE, CASES = make_cases()
KINDS: dict[str, type[basics.Record]] = {
    kind.__name__: kind
    for kind in (
        people.Department,
        people.Endorsement,
        people.Grant,
        people.GuardRecord,
        people.Incarnation,
        people.PersonCard,
        people.PersonDevices,
        people.Revocation,
        people.TimeRecord,
        Acknowledgement,
        DeviceKey,
    )
}


def refused(rule: str) -> "pytest.RaisesExc[basics.Refused]":
    return pytest.raises(basics.Refused, match=f"^{rule}:")


@pytest.mark.parametrize("name", EXTRA["records"])
def test_records_are_their_bytes(name: str) -> None:
    one = EXTRA["records"][name]
    kind, data = KINDS[one["kind"]], bytes.fromhex(one["record"])
    record = kind.parse(data)
    assert record.encode() == data
    assert record.hash().hex() == one["hash"]
    for wrong in (*(data[:end] for end in range(len(data))), data + b"\0"):
        with pytest.raises(basics.Refused):
            kind.parse(wrong)


def verdict(case: Case, of: str, at: int) -> tuple[str | None, str | None]:
    """Return how and by whom the reference finds a device confirmed."""
    try:
        found = confirmed(FORCE.device(of), at, FORCE.trust(case.records))
    except basics.Refused:
        return None, None
    by = [name for name, one in FORCE.certificates.items() if one.device == found.by]
    return found.how, by[0] if by else None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_e0_e4_who_is_confirmed(case: Case) -> None:
    for one in verdicts(case):
        assert verdict(case, one["device"], one["at"]) == (one["how"], one["by"]), one


@pytest.mark.parametrize("v", ALL.values(), ids=ALL)
def test_e0_who_is_confirmed_in_the_story(v: dict[str, Any]) -> None:
    """r by the department record, a as first device, b by a, c by an admin, d by nobody yet."""
    hows = {"r": "root admin", "a": "not approved", "b": "own device", "c": "admin"}
    for name, how in hows.items():
        assert confirmed(device(v, name), v["now"], trust(v)).how == how
    for name in "dxy":
        with refused("E0"):
            confirmed(device(v, name), v["now"], trust(v))
    assert confirmed(device(v, "d"), v["now"], trust(v, without="")).how == "admin"
    for name, needs in (("b", "b"), ("c", "c"), ("d", "c")):
        with refused("E0"):
            confirmed(device(v, name), v["now"], trust(v, without=needs))
    approval = trust(v, without="")
    approval.departments = [approval.department.but(policy=people.APPROVAL)]
    for name in "abcd":
        with refused("E0"):
            confirmed(device(v, name), v["now"], approval)


@pytest.mark.parametrize("v", ALL.values(), ids=ALL)
def test_e0_h2_devices_and_their_keys(v: dict[str, Any]) -> None:
    for name, one in v["devices"].items():
        found = certificate(v, name)
        key = found.public_key
        assert key == signer(v, name).public_key().public_bytes_raw()
        assert found.person == one["person"]
        assert certificates.device_id(one["person"], one["client"], key) == one["device"]
        ed25519.check_signing_key(key, "D3")
        if "device_key" in one:
            device_key(v, name).check(found, v["kem"], v["now"], device_key(v, name))
            assert device_key(v, name).key_id() == one["key_id"]
            assert device_key(v, name).pk == hpke.public_bytes(v["kem"], one["key_seed"])
    renewed = trust(v)
    renewed.certificates[device(v, "a")] *= 2
    assert confirmed(device(v, "a"), v["now"], renewed).certificate.device == device(v, "a")
    with refused("E0"):
        confirmed(device(v, "a"), v["now"] + 90 * people.DAY_MS, renewed)


@pytest.mark.parametrize("v", ALL.values(), ids=ALL)
def test_cards_have_their_fields(v: dict[str, Any]) -> None:
    for one in v["people"].values():
        card = people.PersonCard.parse(one["card"])
        for name, value in one["fields"].items():
            assert _plain(getattr(card, name)) == value, name


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


def test_s8_incarnations_and_what_begins_after_one() -> None:
    one = people.Incarnation.parse(bytes.fromhex(EXTRA["records"]["incarnation"]["record"]))
    one.check()
    one.verify(bytes.fromhex(EXTRA["authority_key"]))
    assert people.next_number(None, 0, 7) == 7
    assert people.next_number(one, 0, 7) == one.number + 1
    assert people.next_number(one, 1, 7) == 2**45 + 7
    assert people.beginning(None) == (1, basics.ZEROS)
    assert people.beginning(one) == (one.number + 1, one.hash())
    with refused("S8"):
        one.but(number=0).check()


def test_t1_a_time_record_is_for_one_nonce() -> None:
    one = people.TimeRecord.parse(bytes.fromhex(EXTRA["records"]["time"]["record"]))
    one.verify(bytes.fromhex(EXTRA["authority_key"]))
    assert (len(one.nonce), one.time) == (16, EXTRA["now"])
    with refused("T1"):
        one.but(nonce=bytes(16)).verify(bytes.fromhex(EXTRA["authority_key"]))


def test_o1_acknowledgements() -> None:
    for name, entry in EXTRA["records"].items():
        if entry["kind"] == "Acknowledgement":
            one = Acknowledgement.parse(bytes.fromhex(entry["record"]))
            one.check()
            signed_by = "s1" if name.endswith("s1") else "b1"
            one.verify(FORCE.certificates[signed_by].public_key)
    for changes in ({"told": 2}, {"choice": 7}, {"told": 1, "choice": 255}):
        with refused("O1"):
            one.but(**changes).check()
