"""Makes ``spec/keys/answers.json``: ``python -m tests.records.make_answers``.

Sealed answers of KEYS.md, one for each KEM, each sealed to two devices. HPKE draws random keys, so
a new file has other bytes than the one before; both sides must open either. All bytes are hex.
"""

import json

from copconnect.records.primitives.kem import X25519, XWING
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from copconnect.sealing.answers import AnswerPlace, seal_answer
from tests.records.force import day
from tests.records.vectors import FOLDER, seed, signing_key

FILE = FOLDER / "answers.json"
TEXT = "వస్తున్నాను, 06:10"


def reader_key(kem: int, name: str) -> tuple[DeviceKey, bytes]:
    """Return a reader's DeviceKey and its private part."""
    private = seed(f"answer reader {name}")
    key = DeviceKey(
        kem=kem,
        device=seed(f"answer device {name}"),
        generation=1,
        created=day(0),
        pk=hpke.public_bytes(kem, private),
    )
    return key.signed(signing_key(name)), private


def main() -> None:
    """Write the file."""
    place = AnswerPlace(
        conversation_id=seed("answer conversation", 16),
        message_id=seed("answer message", 16),
        header_hash=seed("answer header"),
        device=seed("answer device of its writer"),
    )
    cases = []
    for kem in (X25519, XWING):
        keys = [reader_key(kem, name) for name in ("a", "b")]
        sealed = seal_answer(place, TEXT, [key for key, _ in keys], seed(f"answer secret {kem}"))
        readers = [
            {"device_key": key.encode().hex(), "private_key": private.hex()}
            for key, private in keys
        ]
        cases.append({"kem": kem, "text": TEXT, "readers": readers, "sealed": sealed.hex()})
    where = {
        "conversation": place.conversation_id.hex(),
        "message_id": place.message_id.hex(),
        "header_hash": place.header_hash.hex(),
        "device": place.device.hex(),
    }
    data = {"place": where, "answers": cases}
    FILE.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
