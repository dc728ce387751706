"""Every parser of records takes any bytes: only Refused escapes; a record that parses keeps its
bytes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copconnect.records.conversation.acknowledgement import Acknowledgement
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import KeyShare
from copconnect.records.conversation.message import (
    SIGNED_HEADER_BYTES,
    MessageHeader,
    parse_message,
)
from copconnect.records.conversation.roster import HeadStamp, RosterHead, check_proof
from copconnect.records.conversation.seals import join_seals, parse_seals
from copconnect.records.primitives import ed25519, kem
from copconnect.records.primitives.fields import Refused
from copconnect.records.primitives.signed import SignedRecord
from copconnect.records.trust.department import Department
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.incarnation import Incarnation
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import Revocation
from copconnect.records.trust.time_record import TimeRecord
from tests.records import golden
from tests.records.vectors import ALL, load_json

V = ALL["x25519"]
EXTRA = {
    name: bytes.fromhex(one["record"]) for name, one in load_json("extra.json")["records"].items()
}
GOOD: dict[type[SignedRecord], bytes] = {
    Department: V["department"],
    Grant: V["grants"]["1"],
    Endorsement: V["endorsements"]["b"],
    PersonCard: V["people"]["A"]["card"],
    DeviceKey: V["devices"]["a"]["device_key"],
    RosterHead: V["roster"]["2"]["head"],
    HeadStamp: V["roster"]["2"]["stamp"],
    ConversationKey: V["conversation_keys"]["1"]["record"],
    CellKey: V["cell_keys"]["1"]["record"],
    MessageHeader: V["messages"]["1"]["message"][:SIGNED_HEADER_BYTES],
    Revocation: EXTRA["b2 -b1"],
    PersonDevices: EXTRA["devices B"],
    TimeRecord: EXTRA["time"],
    Incarnation: EXTRA["incarnation"],
    Acknowledgement: EXTRA["acknowledgement b1"],
}


@st.composite
def mutated(draw: st.DrawFn, good: bytes) -> bytes:
    """Bytes near something right, or any bytes."""
    if draw(st.booleans()) and draw(st.booleans()):
        return draw(st.binary(max_size=len(good) + 8))
    data = bytearray(good)
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    end = draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    return bytes(data[:end]) + draw(st.binary(max_size=3))


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_a_record_is_refused_or_keeps_its_bytes(kind: type[SignedRecord]) -> None:
    assert kind.parse(GOOD[kind]).encode() == GOOD[kind]

    @given(mutated(GOOD[kind]))
    def check(data: bytes) -> None:
        try:
            record = kind.parse(data)
        except Refused:
            return
        assert record.encode() == data
        assert len(record.hash()) == 32

    check()


def _message(data: bytes) -> None:
    header, body = parse_message(data, V["conversation"])
    assert header.encode() + body == data


def _share(data: bytes) -> None:
    assert KeyShare.parse(kem.X25519, data).encode() == data


def _seals(data: bytes) -> None:
    assert join_seals(parse_seals(kem.X25519, data, "D2", 256)) == data


ROUND_TRIPS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "message": (_message, V["messages"]["1"]["message"]),
    "share": (_share, V["share_to_d"]),
    "seals": (_seals, b"".join(sorted(V["conversation_keys"]["1"]["seals"].values()))),
    "X25519 key": (lambda data: kem.check_public_key(kem.X25519, data, "D3"), bytes(31) + b"\x09"),
    "X-Wing key": (
        lambda data: kem.check_public_key(kem.XWING, data, "D3"),
        golden.device_key(ALL["xwing"], "a").pk,
    ),
    "signature key": (ed25519.check_public_key, V["issuing_key"]),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_only_refusals_escape(name: str) -> None:
    parse, good = ROUND_TRIPS[name]
    parse(good)

    @given(mutated(good))
    def check(data: bytes) -> None:
        try:
            parse(data)
        except Refused:
            return

    check()


def _with(good: bytes, place: bytes, other: bytes, *, last: bool = False) -> bytes:
    """Return a certificate in which one place reads otherwise."""
    at = good.rindex(place) if last else good.index(place)
    return good[:at] + other + good[at + len(place) :]


HEAD = golden.head(V)
CERTIFICATE = V["devices"]["a"]["certificate"]
_ED25519 = bytes.fromhex("06032b6570")


@pytest.mark.parametrize(
    "data",
    [
        _with(CERTIFICATE, _ED25519, bytes.fromhex("0603006570"), last=True),
        _with(CERTIFICATE, _ED25519, bytes.fromhex("06032b6571"), last=True),
        _with(CERTIFICATE, bytes.fromhex("a003020102"), bytes.fromhex("a003020105")),
    ],
    ids=["no algorithm", "another algorithm", "a version that does not exist"],
)
def test_a_certificate_that_differs_beside_what_is_signed(data: bytes) -> None:
    with pytest.raises(Refused):
        Certificate.parse(data, (V["issuing_key"],))


REFUSED: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "proof": (
        lambda data: check_proof(HEAD, golden.device(V, "c"), data, "R2"),
        V["roster"]["3"]["leaves"]["c"],
    ),
    "certificate": (
        lambda data: Certificate.parse(data, (V["issuing_key"],)),
        CERTIFICATE,
    ),
    "head": (lambda data: golden.head(V, data), V["roster"]["3"]["head"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_whatever_differs_is_refused(name: str) -> None:
    parse, good = REFUSED[name]
    parse(good)

    @given(mutated(good))
    def check(data: bytes) -> None:
        if data != good:
            with pytest.raises(Refused):
                parse(data)

    check()
