"""Acknowledgements of orders: somebody has an order, and chose. Pure.

A record names its order by message id and H(header ‖ signature), and the text that it answers, the
order's own or a correction's, by the same hash of that message, so that it proves that its signer
had this text and no other. It also says which items of the order's checklist are done, and names a
sealed answer and photo. One with the choice :data:`~copconnect.limits.UNREADABLE` says that the
person cannot read the order. It is about the signer's own person, or about somebody whom the signer
told in person; whether the signer may say so is judged by :mod:`copconnect.orders`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from copconnect.limits import ORDER_CHOICES, ORDER_ITEMS, UNREADABLE
from copconnect.records.primitives.fields import (
    ZEROS,
    Bytes16,
    Bytes32,
    Uint8,
    Uint16,
    Uint64,
    one_of,
    require,
    sha256,
    tag,
)
from copconnect.records.primitives.signed import SignedRecord

NOTHING = ZEROS


class Told(IntEnum):
    """Whose acknowledgement it is."""

    OWN = 0
    IN_PERSON = 1  # The signer told the person.


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(SignedRecord):
    """``device`` says that ``person_id`` has the order ``message_id``."""

    LABEL: ClassVar[bytes] = tag("copconnect acknowledgement v4")
    RULE: ClassVar[str] = "O1"
    VERSION: ClassVar[int] = 4

    conversation_id: Bytes16
    message_id: Bytes16
    header_hash: Bytes32  # H(header ‖ signature) of the order.
    text_hash: Bytes32  # The same of the message whose text it answers.
    device: Bytes32
    person_id: Bytes16
    told: Annotated[Told, one_of(Told, "told neither by itself nor in person")]
    choice: Uint8  # 0: none; UNREADABLE; otherwise its place in the order's list, from 1.
    done: Uint16  # Items of its checklist that are done: bit n - 1 for the nth.
    answer_hash: Bytes32  # H of the sealed answer, or NOTHING.
    photo_hash: Bytes32  # H of the sealed photo that the order asks for, or NOTHING.
    created: Uint64

    def check_shape(self, rule: str) -> None:
        unreadable = self.unreadable and self.told == Told.OWN
        known = unreadable or self.choice <= ORDER_CHOICES
        require(known, rule, "more choices than an order may have")
        require(self.done < 1 << ORDER_ITEMS, rule, "more items than an order may have")
        own = self.told == Told.OWN and not self.unreadable
        require(own or self.done == 0, rule, "items done by somebody who did not say so")
        require(own or self.photo_hash == NOTHING, rule, "a photo by somebody who did not say so")

    @property
    def unreadable(self) -> bool:
        """Whether it says that the person cannot read the order."""
        return self.choice == UNREADABLE


def hash_of(sealed: bytes | None) -> bytes:
    """Return the hash by which a record names a sealed answer or photo, None being none."""
    return NOTHING if sealed is None else sha256(sealed)
