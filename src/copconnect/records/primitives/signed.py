"""The common base of all signed records. Pure.

Invariants: a record is immutable, encodes to exactly the bytes it was parsed from, and its hash
covers its signature. Parsing checks the shape alone: code that uses a record calls ``verify``.
"""

from dataclasses import dataclass, replace
from inspect import get_annotations
from typing import ClassVar, Self, TypeVar, get_type_hints

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.records.primitives import ed25519
from copconnect.records.primitives.fields import (
    KEY_ID_BYTES,
    SIGNATURE_BYTES,
    Codec,
    Reader,
    exact,
    require,
    sha256,
    uint,
)
from copconnect.records.primitives.kem import PUBLIC_KEY_BYTES, Kem, PublicKey


def _layout(record: type) -> tuple[tuple[str, Codec], ...]:
    """Return the codecs of a record's fields in their order: a field that a class declares again
    comes where that class has it."""
    hints, found = get_type_hints(record, include_extras=True), dict[str, Codec]()
    for one in reversed(record.__mro__):
        for name in get_annotations(one):
            for codec in getattr(hints[name], "__metadata__", ()):
                found.pop(name, None)
                found[name] = codec
    return tuple(found.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRecord:
    """A record: version (1, unless it has none), the fields in the order in which its class
    declares them, signature (64)."""

    LABEL: ClassVar[bytes]  # T(label).
    RULE: ClassVar[str]  # Refuses a malformed record or a wrong signature.
    VERSION: ClassVar[int] = 1  # 0: the record carries no version.

    LAYOUT: ClassVar[tuple[tuple[str, Codec], ...]]

    signature: bytes = b""  # Empty: a draft.

    def __init_subclass__(cls) -> None:
        cls.LAYOUT = _layout(cls)

    def check_shape(self, rule: str) -> None:
        """Refuse fields that cannot be together, whatever is signed. Raises Refused with this
        rule."""

    def unsigned(self) -> bytes:
        """Return all bytes before the signature."""
        version = uint(self.VERSION, 1) if self.VERSION else b""
        return version + b"".join([one.write(getattr(self, name)) for name, one in self.LAYOUT])

    def encode(self) -> bytes:
        """Return the whole record. Raises ValueError for a draft."""
        return self.unsigned() + exact(self.signature, SIGNATURE_BYTES)

    def hash(self) -> bytes:
        """Return H(record), signature included."""
        return sha256(self.encode())

    def signed(self, key: Ed25519PrivateKey) -> Self:
        """Return the record with a signature by this key."""
        return replace(self, signature=key.sign(self.LABEL + self.unsigned()))

    def verify(self, public_key: bytes) -> None:
        """Check the signature by a raw Ed25519 public key. Raises Refused."""
        ed25519.verify(public_key, self.signature, self.LABEL + self.unsigned(), self.RULE)

    @classmethod
    def parse(cls, data: bytes, rule: str = "") -> Self:
        """Return the record that all of these bytes are. Raises Refused."""
        reader = Reader(data, rule or cls.RULE)
        if cls.VERSION:
            reader.version(cls.VERSION)
        values = {name: codec.read(reader) for name, codec in cls.LAYOUT}
        record = cls(**values, signature=reader.read(SIGNATURE_BYTES))
        record.check_shape(reader.rule)
        reader.end()
        return record


R = TypeVar("R", bound=SignedRecord)


class RosterSigner:
    """Signs what the roster authority vouches for: roster heads, stamps, cards, devices, time."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = ed25519.public_bytes(key)

    def sign(self, data: bytes) -> bytes:
        """Return an Ed25519 signature."""
        return self._key.sign(data)

    def signed(self, record: R) -> R:
        """Return a record with the roster authority's signature."""
        return replace(record, signature=self.sign(record.LABEL + record.unsigned()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SealableRecord(SignedRecord):
    """A record that carries an HPKE public key to seal to."""

    kem: Kem
    pk: PublicKey

    def check_shape(self, rule: str) -> None:
        size = PUBLIC_KEY_BYTES[self.kem]
        require(len(self.pk) == size, rule, "public key has the wrong length")

    def key_id(self) -> bytes:
        """Return the id (16) by which seals name this key."""
        return sha256(self.unsigned())[:KEY_ID_BYTES]
