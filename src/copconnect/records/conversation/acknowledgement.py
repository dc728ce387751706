"""Acknowledgements of orders: somebody has an order, and chose. Pure.

A record names its order by message id and H(header ‖ signature), and the text that it answers, the
order's own or a correction's, by the same hash of that message, so that it proves that its signer
had this text and no other. One with the choice :data:`~copconnect.limits.UNREADABLE` says that the
person cannot read the order. It is about the signer's own person, or about somebody whom the signer
told in person; whether the signer may say so is judged by :mod:`copconnect.orders`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from copconnect.limits import ORDER_CHOICES, UNREADABLE
from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    HASH_BYTES,
    ID_BYTES,
    SIGNATURE_BYTES,
    ZEROS,
    Reader,
    exact,
    require,
    sha256,
    tag,
    uint,
)
from copconnect.records.primitives.signed import SignedRecord

NO_ANSWER = ZEROS


class Told(IntEnum):
    """Whose acknowledgement it is."""

    OWN = 0
    IN_PERSON = 1  # The signer told the person.


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(SignedRecord):
    """``device`` says that ``person_id`` has the order ``message_id``."""

    LABEL: ClassVar[bytes] = tag("copconnect acknowledgement v2")
    RULE: ClassVar[str] = "O1"
    VERSION: ClassVar[int] = 2

    conversation_id: bytes
    message_id: bytes
    header_hash: bytes  # H(header ‖ signature) of the order.
    text_hash: bytes  # The same of the message whose text it answers.
    device: bytes
    person_id: bytes
    told: Told
    choice: int  # 0: none; UNREADABLE; otherwise its place in the order's list, from 1.
    answer_hash: bytes  # H of the sealed answer, or NO_ANSWER.
    created: int

    def fields(self) -> bytes:
        return b"".join(
            (
                exact(self.conversation_id, ID_BYTES),
                exact(self.message_id, ID_BYTES),
                exact(self.header_hash, HASH_BYTES),
                exact(self.text_hash, HASH_BYTES),
                exact(self.device, DEVICE_BYTES),
                exact(self.person_id, ID_BYTES),
                uint(self.told, 1),
                uint(self.choice, 1),
                exact(self.answer_hash, HASH_BYTES),
                uint(self.created),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        conversation_id, message_id = reader.read(ID_BYTES), reader.read(ID_BYTES)
        header_hash, text_hash = reader.read(HASH_BYTES), reader.read(HASH_BYTES)
        device = reader.read(DEVICE_BYTES)
        person_id, told, choice = reader.read(ID_BYTES), reader.uint(1), reader.uint(1)
        require(told <= Told.IN_PERSON, reader.rule, "told neither by itself nor in person")
        unreadable = choice == UNREADABLE and told == Told.OWN
        known = unreadable or choice <= ORDER_CHOICES
        require(known, reader.rule, "more choices than an order may have")
        return cls(
            conversation_id=conversation_id,
            message_id=message_id,
            header_hash=header_hash,
            text_hash=text_hash,
            device=device,
            person_id=person_id,
            told=Told(told),
            choice=choice,
            answer_hash=reader.read(HASH_BYTES),
            created=reader.uint(),
            signature=reader.read(SIGNATURE_BYTES),
        )

    @property
    def unreadable(self) -> bool:
        """Whether it says that the person cannot read the order."""
        return self.choice == UNREADABLE

    def has_answer(self, answer: bytes | None) -> bool:
        """Return whether these are the bytes of the sealed answer, None being none."""
        return self.answer_hash == (NO_ANSWER if answer is None else sha256(answer))
