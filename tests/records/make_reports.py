"""Makes ``spec/keys/reports.json``: ``python -m tests.records.make_reports``.

Proofs of reported messages (F1) with everything that a forger may try, and envelopes of them (F2),
one for each KEM, each sealed to two devices, and by one of them to two more, of either KEM (F3).
HPKE draws random keys, so a new file has other bytes than the one before; both sides must open
either. All bytes are hex.
"""

import json
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.records.conversation.envelope import APPEAL, REPORT
from copconnect.records.conversation.message import MessageHeader, message_hash
from copconnect.records.primitives.fields import ZEROS
from copconnect.records.primitives.kem import X25519, XWING
from copconnect.sealing.envelopes import EnvelopePlace, add_seal, seal_envelope
from copconnect.sealing.messages import body_key, seal_message
from copconnect.sealing.proofs import Proof, ProofItem, ReportPlace
from tests.records.force import day
from tests.records.make_answers import reader_key
from tests.records.vectors import FOLDER, seed, signing_key

FILE = FOLDER / "reports.json"
CONVERSATION = seed("reported conversation", 16)
SECRET = seed("reported conversation's key")
WORDS = "ఇది వదంతి. یہ افواہ ہے۔"


class Sender:
    """A device that writes messages; each follows the one before."""

    def __init__(self, name: str) -> None:
        self.person_id = seed(f"reported person {name}", 16)
        self.device = seed(f"reported device {name}")
        self.signer: Ed25519PrivateKey = signing_key(f"reported {name}")
        self._seq, self._previous = 0, ZEROS

    def write(self, text: str, position: int, conversation: bytes = CONVERSATION) -> ProofItem:
        """Return a message as its proof has it."""
        self._seq += 1
        draft = MessageHeader(
            conversation_id=conversation,
            message_id=seed(f"reported message {text}", 16),
            sender=self.device,
            seq=self._seq,
            attempt=1,
            previous=self._previous,
            key_id=seed("reported key id"),
            epoch=3,
            head=seed("reported head"),
            log_position=position,
            log_hash=seed(f"reported log {position}"),
            sent=day(1) + position,
        )
        message = seal_message(draft, SECRET, text.encode(), self.signer)
        self._previous = message_hash(message)
        return ProofItem(self.person_id, body_key(draft, SECRET), message)


def changed(item: ProofItem, at: int) -> ProofItem:
    """Return a message of which one bit is another."""
    message = bytearray(item.message)
    message[at] ^= 1
    return replace(item, message=bytes(message))


def main() -> None:
    """Write the file."""
    asha, bilal, stranger = Sender("asha"), Sender("bilal"), Sender("stranger")
    first, second = asha.write("one", 0), bilal.write("two", 1)
    third = asha.write("Lathi charge at Charminar, everybody come!", 2)
    later = asha.write("four", 3)
    elsewhere = bilal.write("elsewhere", 4, seed("another conversation", 16))
    unknown = stranger.write("unknown", 1)
    items = (third, first, second)
    proof = Proof(3, WORDS, items)
    place = ReportPlace(
        report_id=seed("report", 16),
        conversation_id=CONVERSATION,
        message_id=seed("reported message Lathi charge at Charminar, everybody come!", 16),
        header_hash=message_hash(third.message),
    )
    good = proof.encode()
    body_at = len(third.message) - 1

    def whole(name: str, data: bytes, at: ReportPlace = place) -> dict[str, Any]:
        return {"name": name, "proof": data.hex(), "place": where(at), "failed": None}

    def parts(name: str, changed_items: tuple[ProofItem, ...], *failed: bool) -> dict[str, Any]:
        data = replace(proof, items=changed_items).encode()
        return {"name": name, "proof": data.hex(), "place": where(place), "failed": list(failed)}

    def with_items(*others: ProofItem) -> bytes:
        return replace(proof, items=others).encode()

    attacks = [
        parts("genuine", items, False, False, False),
        parts("the reported one alone", (third,), False),
        parts("another key", (replace(third, key=first.key), first, second), True, False, False),
        parts("a body changed", (changed(third, body_at), first, second), True, False, False),
        parts("a body changed before it", (third, changed(first, 360), second), False, True, False),
        parts("a signature changed", (third, changed(first, 300), second), False, True, False),
        parts(
            "said to be another person's",
            (replace(third, person_id=bilal.person_id), first, second),
            True,
            False,
            False,
        ),
        parts("a device without certificate", (third, unknown), False, True),
        whole("a message of another conversation", with_items(third, elsewhere)),
        whole("the reported one is missing", with_items(first, second)),
        whole("one twice", with_items(third, first, first)),
        whole("the reported one again", with_items(third, third)),
        whole("a later one before it", with_items(third, later)),
        whole("another order", with_items(later, third, first)),
        whole("another message's place", good, replace(place, message_id=bytes(16))),
        whole("another header's place", good, replace(place, header_hash=bytes(32))),
        whole("another conversation's place", good, replace(place, conversation_id=bytes(16))),
        whole("truncated", good[:-1]),
        whole("trailing", good + b"\0"),
        whole("another version", b"\2" + good[1:]),
        whole("clause 0", good[:1] + b"\0" + good[2:]),
        whole("no message", Proof(3, "", items).encode()[:4] + b"\0"),
        whole("empty", b""),
    ]
    cases = []
    appeal_place = EnvelopePlace(salt=place.report_id, joined=place.report_id + asha.person_id)
    for kem in (X25519, XWING):
        keys = [reader_key(kem, name) for name in ("a", "b")]
        to = [key for key, _ in keys]
        secret = seed(f"report secret {kem}")
        new_readers = [reader_key(other, "later") for other in (X25519, XWING)]
        added = [add_seal(REPORT, place.place(), secret, key) for key, _ in new_readers]
        cases.append(
            {
                "kem": kem,
                "readers": [
                    {"device_key": key.encode().hex(), "private_key": private.hex()}
                    for key, private in keys
                ],
                "report": seal_envelope(REPORT, place.place(), good, to, secret).hex(),
                "appeal": seal_envelope(APPEAL, appeal_place, WORDS.encode(), to, secret).hex(),
                "secret": secret.hex(),
                "added": [
                    {
                        "kem": one.kem,
                        "key_id": one.key_id.hex(),
                        "seal": one.seal.hex(),
                        "device_key": key.encode().hex(),
                        "private_key": private.hex(),
                    }
                    for one, (key, private) in zip(added, new_readers, strict=True)
                ],
            }
        )
    senders = [
        {
            "person": one.person_id.hex(),
            "device": one.device.hex(),
            "public_key": one.signer.public_key().public_bytes_raw().hex(),
        }
        for one in (asha, bilal)
    ]
    data = {
        "place": where(place),
        "clause": proof.clause,
        "words": WORDS,
        "person": asha.person_id.hex(),
        "texts": ["Lathi charge at Charminar, everybody come!", "one", "two"],
        "senders": senders,
        "proof": good.hex(),
        "attacks": attacks,
        "envelopes": cases,
    }
    FILE.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def where(place: ReportPlace) -> dict[str, str]:
    """Return a place as the file has it."""
    return {
        "report": place.report_id.hex(),
        "conversation": place.conversation_id.hex(),
        "message_id": place.message_id.hex(),
        "header_hash": place.header_hash.hex(),
    }


if __name__ == "__main__":
    main()
