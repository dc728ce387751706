"""Makes ``answers.json`` and ``reports.json``: answers to orders, proofs of messages, envelopes.

Each envelope is made under both KEMs for two devices; of a report, one of them seals the secret to
two more, of either KEM (F3). ``attacks`` holds what somebody may try with a proof (F1): ``failed``
says which messages do not hold, or null where the whole is refused.
"""

from typing import Any, NamedTuple

import msgspec

from spec.keys.reference import hpke
from spec.keys.reference.basics import ZEROS, H, T, u
from spec.keys.reference.envelopes import (
    ANSWER,
    APPEAL,
    PHOTO,
    REPORT,
    Envelope,
    Item,
    Place,
    Proof,
    seal_for,
)
from spec.keys.reference.keys import DeviceKey
from spec.keys.reference.making.force import day
from spec.keys.reference.making.story import raw, seed, signing
from spec.keys.reference.messages import (
    HEADER_BYTES,
    NOTHING,
    PLAIN,
    Header,
    seal_message,
)

ANSWER_TEXT = "వస్తున్నాను, 06:10"
PHOTO_KEY, PHOTO_SIZE = seed("photo's key"), 70_000
# An attachment's id commits to key and size (docs/protocol.md).
PHOTO_POINTER = msgspec.msgpack.encode(
    {
        "id": H(T("copconnect attachment id v1") + PHOTO_KEY + u(PHOTO_SIZE, 8))[:16].hex(),
        "kind": "image",
        "name": "photo.jpg",
        "mime": "image/jpeg",
        "size": PHOTO_SIZE,
        "key": PHOTO_KEY,
        "width": 1200,
        "height": 1600,
        "durationMs": None,
        "thumb": None,
        "waveform": None,
        "sha256": seed("photo's hash"),
    }
)
WORDS = "ఇది వదంతి. یہ افواہ ہے۔"
CONVERSATION, SECRET = seed("reported conversation", 16), seed("reported conversation's key")
TEXTS = ["Lathi charge at Charminar, everybody come!", "one", "two"]

Files = tuple[dict[str, Any], dict[str, Any]]


class Reader(NamedTuple):
    """A device that an envelope is sealed to, and its private key."""

    key: DeviceKey
    private: bytes

    def plain(self) -> dict[str, bytes]:
        return {"device_key": self.key.encode(), "private_key": self.private}


def reader(kem: int, name: str) -> Reader:
    private = seed(f"answer reader {name}")
    key = DeviceKey(
        kem=kem,
        device=seed(f"answer device {name}"),
        generation=1,
        created=day(0),
        pk=hpke.public_bytes(kem, private),
    )
    return Reader(key.sign(signing(name)), private)


class Sender:
    """A device that writes messages; each follows the one before."""

    def __init__(self, name: str) -> None:
        self.person = seed(f"reported person {name}", 16)
        self.device = seed(f"reported device {name}")
        self.signer = signing(f"reported {name}")
        self.seq, self.previous = 0, ZEROS

    def write(self, text: str, position: int, conversation: bytes = CONVERSATION) -> Item:
        self.seq += 1
        draft = Header(
            conversation=conversation,
            message=seed(f"reported message {text}", 16),
            kind=PLAIN,
            marked=NOTHING,
            sender=self.device,
            seq=self.seq,
            attempt=1,
            previous=self.previous,
            key=seed("reported key id"),
            epoch=3,
            head=seed("reported head"),
            log_position=position,
            log_hash=seed(f"reported log {position}"),
            sent=day(1) + position,
            commit=ZEROS,
            body=ZEROS,
        )
        message = seal_message(draft, SECRET, text.encode(), self.signer)
        self.previous = header_hash(message)
        return Item(self.person, draft.body_key(SECRET), message)


class Report(NamedTuple):
    """The subject of a report."""

    report: bytes
    conversation: bytes
    message_id: bytes
    header_hash: bytes

    def place(self) -> Place:
        return Place(self.report, b"".join(self))


def changed(item: Item, at: int) -> Item:
    """Return a message of which one bit is another."""
    flipped = bytes([item.message[at] ^ 1])
    return item._replace(message=item.message[:at] + flipped + item.message[at + 1 :])


def reported() -> Files:
    """Return what answers.json and reports.json hold."""
    return answers(), reports()


def answers() -> dict[str, Any]:
    place = {
        "conversation": seed("answer conversation", 16),
        "message_id": seed("answer message", 16),
        "header_hash": seed("answer header"),
        "person": seed("answer person", 16),
    }
    at = Place(place["message_id"], b"".join(place.values()))
    cases = []
    for kem in (hpke.X25519, hpke.XWING):
        readers = [reader(kem, name) for name in ("a", "b")]
        to, secret = [one.key for one in readers], seed(f"answer secret {kem}")
        answer = Envelope.seal(ANSWER, at, ANSWER_TEXT.encode(), to, secret)
        photo = Envelope.seal(PHOTO, at, PHOTO_POINTER, to, seed(f"photo secret {kem}"))
        cases.append(
            {
                "kem": kem,
                "text": ANSWER_TEXT,
                "readers": [one.plain() for one in readers],
                "sealed": answer.encode(),
                "photo": PHOTO_POINTER,
                "sealed_photo": photo.encode(),
            }
        )
    return {"place": place, "answers": cases}


def reports() -> dict[str, Any]:
    asha, bilal, stranger = Sender("asha"), Sender("bilal"), Sender("stranger")
    first, second = asha.write("one", 0), bilal.write("two", 1)
    third, later = asha.write(TEXTS[0], 2), asha.write("four", 3)
    elsewhere = bilal.write("elsewhere", 4, seed("another conversation", 16))
    unknown = stranger.write("unknown", 1)
    proof = Proof(3, WORDS, (third, first, second))
    about = Report(
        seed("report", 16),
        CONVERSATION,
        seed(f"reported message {TEXTS[0]}", 16),
        header_hash(third.message),
    )

    def whole(name: str, data: bytes, at: Report = about) -> dict[str, Any]:
        return {"name": name, "proof": data, "place": at._asdict(), "failed": None}

    def items(*those: Item) -> bytes:
        return proof._replace(items=those).encode()

    def parts(name: str, those: tuple[Item, ...], failed: str) -> dict[str, Any]:
        return whole(name, items(*those)) | {"failed": [one == "x" for one in failed]}

    good, body_at = proof.encode(), len(third.message) - 1
    swapped = third._replace(person=bilal.person)
    attacks = [
        parts("genuine", proof.items, "..."),
        parts("the reported one alone", (third,), "."),
        parts("another key", (third._replace(key=first.key), first, second), "x.."),
        parts("a body changed", (changed(third, body_at), first, second), "x.."),
        parts("a body changed before it", (third, changed(first, 360), second), ".x."),
        parts("a signature changed", (third, changed(first, 300), second), ".x."),
        parts("said to be another person's", (swapped, first, second), "x.."),
        parts("a device without certificate", (third, unknown), ".x"),
        whole("a message of another conversation", items(third, elsewhere)),
        whole("the reported one is missing", items(first, second)),
        whole("one twice", items(third, first, first)),
        whole("the reported one again", items(third, third)),
        whole("a later one before it", items(third, later)),
        whole("another order", items(later, third, first)),
        whole("another message's place", good, about._replace(message_id=bytes(16))),
        whole("another header's place", good, about._replace(header_hash=bytes(32))),
        whole("another conversation's place", good, about._replace(conversation=bytes(16))),
        whole("truncated", good[:-1]),
        whole("trailing", good + b"\0"),
        whole("another version", b"\2" + good[1:]),
        whole("clause 0", good[:1] + b"\0" + good[2:]),
        whole("no message", Proof(3, "", ()).encode()),
        whole("empty", b""),
    ]
    appealed = Place(about.report, about.report + asha.person)
    cases = []
    for kem in (hpke.X25519, hpke.XWING):
        readers, secret = [reader(kem, name) for name in ("a", "b")], seed(f"report secret {kem}")
        to = [one.key for one in readers]
        cases.append(
            {
                "kem": kem,
                "readers": [one.plain() for one in readers],
                "report": Envelope.seal(REPORT, about.place(), good, to, secret).encode(),
                "appeal": Envelope.seal(APPEAL, appealed, WORDS.encode(), to, secret).encode(),
                "secret": secret,
                "added": [
                    {
                        "kem": later_kem,
                        "key_id": one.key.key_id(),
                        "seal": seal_for(REPORT, about.place(), secret, one.key),
                        **one.plain(),
                    }
                    for later_kem in (hpke.X25519, hpke.XWING)
                    for one in (reader(later_kem, "later"),)
                ],
            }
        )
    return {
        "place": about._asdict(),
        "clause": proof.clause,
        "words": WORDS,
        "person": asha.person,
        "texts": TEXTS,
        "senders": [
            {"person": one.person, "device": one.device, "public_key": raw(one.signer)}
            for one in (asha, bilal)
        ],
        "proof": good,
        "attacks": attacks,
        "envelopes": cases,
    }


def header_hash(message: bytes) -> bytes:
    return H(message[: HEADER_BYTES + 64])
