"""``answers.json`` and ``reports.json``: envelopes and proofs (O2, F1 to F3), and making them;
``marks.json``: plaintexts of marks, and pins (M4)."""

import random
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

from spec.keys.reference import hpke
from spec.keys.reference.basics import Refused
from spec.keys.reference.envelopes import ANSWER, APPEAL, PHOTO, REPORT, Envelope, Place, Proof
from spec.keys.reference.keys import DeviceKey
from spec.keys.reference.known import load
from spec.keys.reference.make_vectors import FOLDER, make
from spec.keys.reference.messages import Pin, pinned
from spec.keys.reference.mlkem import encapsulate

ANSWERS, REPORTS = load("answers.json"), load("reports.json")
MARKS = load("marks.json")
KEYS = {
    (bytes.fromhex(one["person"]), bytes.fromhex(one["device"])): bytes.fromhex(one["public_key"])
    for one in REPORTS["senders"]
}


def of_hex(place: dict[str, str]) -> dict[str, bytes]:
    return {name: bytes.fromhex(one) for name, one in place.items()}


def readers(case: dict[str, Any]) -> list[tuple[bytes, hpke.PrivateKey]]:
    return [
        (
            DeviceKey.parse(bytes.fromhex(one["device_key"])).key_id(),
            hpke.private_key(case["kem"], bytes.fromhex(one["private_key"])),
        )
        for one in case["readers"]
    ]


def test_the_files_are_what_the_reference_makes() -> None:
    for name, text in make().items():
        same = (FOLDER / name).read_text(encoding="utf-8") == text
        assert same, f"make {name} again: python -m spec.keys.reference.make_vectors"


@pytest.mark.parametrize("case", ANSWERS["answers"], ids=lambda one: str(one["kem"]))
def test_o2_answers_open_for_their_readers(case: dict[str, Any]) -> None:
    place = of_hex(ANSWERS["place"])
    at = Place(place["message_id"], b"".join(place.values()))
    envelope = Envelope.parse(ANSWER, bytes.fromhex(case["sealed"]))
    assert envelope.encode().hex() == case["sealed"]
    for key_id, key in readers(case):
        assert envelope.open(at, key_id, key).decode() == case["text"]
        photo = Envelope.parse(PHOTO, bytes.fromhex(case["sealed_photo"]))
        assert photo.open(at, key_id, key).hex() == case["photo"]
        for wrong in (Place(bytes(16), at.joined), Place(at.salt, bytes(80))):
            with pytest.raises(Refused, match=r"^O2:"):
                envelope.open(wrong, key_id, key)


@pytest.mark.parametrize("case", REPORTS["envelopes"], ids=lambda one: str(one["kem"]))
def test_f2_f3_reports_and_appeals_open_for_their_readers(case: dict[str, Any]) -> None:
    place, person = of_hex(REPORTS["place"]), bytes.fromhex(REPORTS["person"])
    at = Place(place["report"], b"".join(place.values()))
    report = Envelope.parse(REPORT, bytes.fromhex(case["report"]))
    appeal = Envelope.parse(APPEAL, bytes.fromhex(case["appeal"]))
    for key_id, key in readers(case):
        assert report.open(at, key_id, key).hex() == REPORTS["proof"]
        words = appeal.open(Place(at.salt, at.salt + person), key_id, key)
        assert words.decode() == REPORTS["words"]
    for one in case["added"]:
        key = hpke.private_key(one["kem"], bytes.fromhex(one["private_key"]))
        seal, key_id = bytes.fromhex(one["seal"]), bytes.fromhex(one["key_id"])
        assert report.open_added(at, one["kem"], key_id, seal, key).hex() == REPORTS["proof"]


@pytest.mark.parametrize("attack", REPORTS["attacks"], ids=lambda one: one["name"])
def test_f1_proofs(attack: dict[str, Any]) -> None:
    place, data = of_hex(attack["place"]), bytes.fromhex(attack["proof"])
    about = (place["conversation"], place["message_id"], place["header_hash"])
    if attack["failed"] is None:
        with pytest.raises(Refused, match=r"^F1:"):
            Proof.parse(data).judge(*about, KEYS)
        return
    proof = Proof.parse(data)
    assert proof.encode() == data
    texts = proof.judge(*about, KEYS)
    assert [one is None for one in texts] == attack["failed"]
    for one, text in zip(texts, REPORTS["texts"], strict=False):
        assert one in (None, text.encode())


@pytest.mark.parametrize("name", ["X25519", "XWING"])
def test_a_seal_made_twice_is_the_same_and_the_library_opens_it(name: str) -> None:
    kem = getattr(hpke, name)
    pk, key = hpke.public_bytes(kem, bytes(32)), hpke.private_key(kem, bytes(32))
    seal = hpke.hpke_seal(kem, pk, b"info", b"secret", "S3")
    assert seal == hpke.hpke_seal(kem, pk, b"info", b"secret", "S3")
    assert seal != hpke.hpke_seal(kem, pk, b"info", b"another", "S3")
    assert hpke.hpke_open(kem, key, b"info", seal, "R6") == b"secret"
    assert len(seal) == hpke.ENC_BYTES[kem] + len(b"secret") + 16


def test_the_library_decapsulates_what_is_encapsulated_here() -> None:
    """It encrypts again and compares (FIPS 203 algorithm 18), so that every bit is checked."""
    for at in range(8):
        key = MLKEM768PrivateKey.from_seed_bytes(bytes([at]) * 64)
        secret, ciphertext = encapsulate(key.public_key().public_bytes_raw(), bytes([at]) * 32)
        assert key.decapsulate(ciphertext) == secret


@pytest.mark.parametrize("case", MARKS["marks"], ids=lambda one: str(one["name"]))
def test_plaintexts_say_the_mark(case: dict[str, Any]) -> None:
    read = msgspec.msgpack.decode(bytes.fromhex(case["plaintext"]))
    wanted = {"v": 1, "kind": "mark", "messageId": MARKS["message"], "what": case["what"]}
    assert read == wanted


@pytest.mark.parametrize("case", MARKS["pins"], ids=lambda one: str(one["name"]))
def test_m4_pins_are_read_in_the_order_of_the_log(case: dict[str, Any]) -> None:
    log = [Pin(**one | {"message": bytes.fromhex(one["message"])}) for one in case["log"]]
    for _ in range(5):
        random.shuffle(log)
        assert [one.hex() for one in pinned(log, direct=case["direct"])] == case["pinned"]
