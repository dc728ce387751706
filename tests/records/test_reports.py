"""Envelopes of reported messages: the golden ones, and every forgery (F2)."""

from dataclasses import replace
from typing import Any

import pytest

from copconnect.records.conversation.envelope import (
    APPEAL,
    REPORT,
    AddedSeal,
    parse_envelope,
)
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from copconnect.sealing.envelopes import (
    EnvelopePlace,
    add_seal,
    open_added,
    open_envelope,
    seal_envelope,
)
from copconnect.sealing.proofs import ReportPlace
from tests.records.vectors import load_json, seed

GOLDEN = load_json("reports.json")


def place_of(given: dict[str, str]) -> ReportPlace:
    return ReportPlace(
        report_id=bytes.fromhex(given["report"]),
        conversation_id=bytes.fromhex(given["conversation"]),
        message_id=bytes.fromhex(given["message_id"]),
        header_hash=bytes.fromhex(given["header_hash"]),
    )


@pytest.mark.parametrize("case", GOLDEN["envelopes"], ids=lambda one: str(one["kem"]))
def test_f2_envelopes_open_for_each_reader_and_for_one_report(case: dict[str, Any]) -> None:
    place = place_of(GOLDEN["place"])
    appeals = EnvelopePlace(
        salt=place.report_id, joined=place.report_id + bytes.fromhex(GOLDEN["person"])
    )
    report = parse_envelope(REPORT, bytes.fromhex(case["report"]))
    appeal = parse_envelope(APPEAL, bytes.fromhex(case["appeal"]))
    for reader in case["readers"]:
        key_id = DeviceKey.parse(bytes.fromhex(reader["device_key"])).key_id()
        private = hpke.private_key(case["kem"], bytes.fromhex(reader["private_key"]))
        opened = open_envelope(REPORT, report, place.place(), key_id, private)
        assert opened.hex() == GOLDEN["proof"]
        assert open_envelope(APPEAL, appeal, appeals, key_id, private).decode() == GOLDEN["words"]
        for other in (
            replace(place, report_id=bytes(16)),
            replace(place, conversation_id=bytes(16)),
            replace(place, message_id=bytes(16)),
            replace(place, header_hash=bytes(32)),
        ):
            with pytest.raises(Refused, match=r"^F2:"):
                open_envelope(REPORT, report, other.place(), key_id, private)
        # A report is no appeal, and the commitment gives all readers the same content.
        for broken in (
            replace(report, commit=bytes(32)),
            replace(report, body=bytes(len(report.body))),
            replace(report, seals={key_id: bytes(len(report.seals[key_id]))}),
        ):
            with pytest.raises(Refused, match=r"^F2:"):
                open_envelope(REPORT, broken, place.place(), key_id, private)
    data = bytes.fromhex(case["report"])
    for malformed in (data[:-1], data + b"\0", b"\2" + data[1:], data[:36], b""):
        with pytest.raises(Refused, match=r"^F2:"):
            parse_envelope(REPORT, malformed)


@pytest.mark.parametrize("case", GOLDEN["envelopes"], ids=lambda one: str(one["kem"]))
def test_f3_a_later_reader_opens_the_same_content_and_no_other(case: dict[str, Any]) -> None:
    place = place_of(GOLDEN["place"])
    report = parse_envelope(REPORT, bytes.fromhex(case["report"]))
    for one in case["added"]:
        key = DeviceKey.parse(bytes.fromhex(one["device_key"]))
        private = hpke.private_key(one["kem"], bytes.fromhex(one["private_key"]))
        seal = AddedSeal(
            kem=one["kem"], key_id=bytes.fromhex(one["key_id"]), seal=bytes.fromhex(one["seal"])
        )
        assert open_added(REPORT, report, place.place(), seal, private).hex() == GOLDEN["proof"]
        # A reader who seals another secret, or another case's, shows nobody another content.
        lies = [
            add_seal(REPORT, place.place(), seed("another secret"), key),
            add_seal(REPORT, replace(place, report_id=bytes(16)).place(), seed("s"), key),
            replace(seal, key_id=bytes(16)),
            replace(seal, seal=seal.seal[:-1]),
            replace(seal, kem=0),
        ]
        for lie in lies:
            with pytest.raises(Refused, match=r"^F2:"):
                open_added(REPORT, report, place.place(), lie, private)


def test_f2_limits() -> None:
    case = GOLDEN["envelopes"][0]
    key = DeviceKey.parse(bytes.fromhex(case["readers"][0]["device_key"]))
    place = place_of(GOLDEN["place"]).place()
    with pytest.raises(ValueError, match="1 to 64"):
        seal_envelope(REPORT, place, b"", [key] * 65, seed("s"))
    with pytest.raises(ValueError, match="too long"):
        seal_envelope(REPORT, place, bytes(REPORT.most_content + 1), [key], seed("s"))
