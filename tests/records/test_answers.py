"""Sealed answers to orders: the golden ones, and everything that they refuse (O2)."""

from dataclasses import replace
from typing import Any

import pytest

from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from tests.records.answers import (
    ANSWER_SEALS,
    ANSWER_TEXT_BYTES,
    AnswerPlace,
    open_answer,
    parse_answer,
    seal_answer,
)
from tests.records.vectors import load_json, seed

GOLDEN = load_json("answers.json")
PLACE = AnswerPlace(
    conversation_id=bytes.fromhex(GOLDEN["place"]["conversation"]),
    message_id=bytes.fromhex(GOLDEN["place"]["message_id"]),
    header_hash=bytes.fromhex(GOLDEN["place"]["header_hash"]),
    person_id=bytes.fromhex(GOLDEN["place"]["person"]),
)


def readers(case: dict[str, Any]) -> list[tuple[DeviceKey, hpke.PrivateKey]]:
    return [
        (
            DeviceKey.parse(bytes.fromhex(one["device_key"])),
            hpke.private_key(case["kem"], bytes.fromhex(one["private_key"])),
        )
        for one in case["readers"]
    ]


def refused_by_o2() -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, match=r"^O2:")


@pytest.mark.parametrize("case", GOLDEN["answers"])
def test_o2_golden_answers_open_for_each_reader(case: dict[str, Any]) -> None:
    sealed = bytes.fromhex(case["sealed"])
    answer = parse_answer(sealed)
    keys = readers(case)
    assert sorted(answer.seals) == sorted(key.key_id() for key, _ in keys)
    for key, private in keys:
        assert open_answer(answer, PLACE, key.key_id(), private) == case["text"]
    key, private = keys[0]
    for other in (
        replace(PLACE, message_id=bytes(16)),
        replace(PLACE, header_hash=bytes(32)),
        replace(PLACE, person_id=bytes(16)),
        replace(PLACE, conversation_id=bytes(16)),
    ):
        with refused_by_o2():
            open_answer(answer, other, key.key_id(), private)
    with refused_by_o2():
        open_answer(answer, PLACE, bytes(16), private)
    for broken in (replace(answer, commit=bytes(32)), replace(answer, body=bytes(272))):
        with refused_by_o2():
            open_answer(broken, PLACE, key.key_id(), private)
    for malformed in (sealed[:-1], sealed + b"\0", b"\2" + sealed[1:], sealed[:36], b""):
        with refused_by_o2():
            parse_answer(malformed)


def test_o2_limits_and_lengths_that_show_nothing() -> None:
    case = GOLDEN["answers"][0]
    ((key, private), _) = readers(case)
    longest = "ఆ" * (ANSWER_TEXT_BYTES // 3)
    sealed = seal_answer(PLACE, longest, [key] * 1, seed("answer secret"))
    answer = parse_answer(sealed)
    assert open_answer(answer, PLACE, key.key_id(), private) == longest
    with pytest.raises(ValueError, match="too long"):
        seal_answer(PLACE, longest + "abcd", [key], seed("answer secret"))
    with pytest.raises(ValueError, match="1 to 24"):
        seal_answer(PLACE, "", [key] * (ANSWER_SEALS + 1), seed("answer secret"))
    sizes = {len(seal_answer(PLACE, text, [key], seed("s"))) for text in ("", "a" * 200)}
    assert len(sizes) == 1
