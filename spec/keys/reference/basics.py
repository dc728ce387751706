"""Hashes, fields and signatures, on which the records of the reference rest. Pure.

Comments that begin with "Convention:" state bytes that docs/keys.md leaves open.
"""

import hashlib
import hmac
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SECRET, SIGNATURE, TAG, ZEROS = 32, 64, 16, bytes(32)
MAX_INTEGER = 2**53 - 1
PK_BYTES = {0x0020: 32, 0x647A: 1216}  # By KEM: X25519 and X-Wing.


class Refused(ValueError):
    """A check failed; ``rule`` is the number in docs/keys.md of the rule that refuses."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule


def require(condition: bool, rule: str, text: str) -> None:
    if not condition:
        raise Refused(rule, text)


def T(text: str) -> bytes:
    return text.encode("ascii") + b"\0"


def H(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def u(value: int, size: int = 8) -> bytes:
    return value.to_bytes(size, "big")


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) with 32 bytes out: one block."""
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\1", "sha256")


def ascending(values: Sequence[Any]) -> bool:
    return all(one < following for one, following in pairwise(values))


# --- Fields and signed records --------------------------------------------------------------------


class Reader:
    """Takes fields front to back. ``rule`` refuses what is malformed."""

    def __init__(self, data: bytes, rule: str) -> None:
        self.data, self.at, self.rule = data, 0, rule

    def take(self, size: int) -> bytes:
        self.at += size
        require(self.at <= len(self.data), self.rule, "truncated")
        return self.data[self.at - size : self.at]

    def uint(self, size: int) -> int:
        value = int.from_bytes(self.take(size), "big")
        require(value <= MAX_INTEGER, self.rule, "integer out of range")
        return value

    def hashes(self, count_bytes: int) -> tuple[bytes, ...]:
        return tuple(self.take(32) for _ in range(self.uint(count_bytes)))

    def text(self) -> str:
        try:
            return self.take(self.uint(2)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(self.rule, "not UTF-8") from error

    def names(self) -> tuple[tuple[str, str], ...]:
        found = [(self.take(4), self.text()) for _ in range(self.uint(1))]
        require(ascending([code for code, _ in found]), self.rule, "names do not ascend")
        right = all(code.isascii() and code.isalpha() for code, _ in found)
        require(right, self.rule, "not a script code")
        return tuple((code.decode("ascii"), name) for code, name in found)

    def field(self, kind: str, kem: int) -> Any:
        if kind == "kem":
            value = self.uint(2)
            require(value in PK_BYTES, self.rule, "unknown KEM")
            return value
        if kind == "pk":
            right = self.uint(2) == PK_BYTES[kem]
            require(right, self.rule, "public key has the wrong length")
            return self.take(PK_BYTES[kem])
        if kind in ("text", "names"):
            return getattr(self, kind)()
        if kind.startswith("hashes"):
            found = self.hashes(int(kind[6:] or 1))
            require(ascending(found), self.rule, "hashes do not ascend")
            return found
        if kind == "app":
            return tuple(self.uint(2) for _ in range(3))
        if kind == "ordered":
            return self.hashes(1)
        return self.uint(int(kind[1:])) if kind.startswith("u") else self.take(int(kind))

    def end(self) -> None:
        require(self.at == len(self.data), self.rule, "trailing bytes")


def field_bytes(kind: str, value: Any) -> bytes:
    if kind in ("pk", "text"):
        data = value if kind == "pk" else str(value).encode()
        return u(len(data), 2) + bytes(data)
    if kind == "ordered" or kind.startswith("hashes"):
        return u(len(value), int(kind[6:] or 1) if kind != "ordered" else 1) + b"".join(value)
    if kind == "app":
        return b"".join(u(one, 2) for one in value)
    if kind == "names":
        named = [code.encode("ascii") + field_bytes("text", name) for code, name in value]
        return u(len(value), 1) + b"".join(named)
    if kind == "kem" or kind.startswith("u"):
        return u(value, 2 if kind == "kem" else int(kind[1:]))
    if len(value) != int(kind):
        raise ValueError(f"{len(value)} bytes instead of {kind}")
    return bytes(value)


class Record:
    """A signed record: version (1), the fields of ``layout`` in their order, signature (64).

    ``layout`` names each field and its kind: ``32`` is as many bytes, ``u8`` an integer of as many
    bytes, ``kem`` a known KEM (2), ``pk`` a length (2) and a public key, ``text`` a length (2) and
    UTF-8, ``hashes`` a count (1; ``hashes2``: 2) and as many hashes, ascending, ``ordered`` a count
    (1) and hashes in any order, ``app`` a version (2, 2, 2). Convention: ``names`` is a count (1)
    and for each, ascending, an ISO 15924 script code (4) and a text.
    """

    label: ClassVar[str]
    rule: ClassVar[str]  # Refuses a malformed record and a wrong signature.
    layout: ClassVar[str]
    version: ClassVar[int] = 1  # 0: the record carries no version.
    signature: bytes

    def __init__(self, *, signature: bytes = b"", **values: Any) -> None:
        if set(values) != {name for name, _ in self.fields()}:
            raise TypeError(f"fields are {self.layout}")
        self.__dict__.update(values, signature=signature)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    @classmethod
    def fields(cls) -> list[tuple[str, str]]:
        return [(one.split(":")[0], one.split(":")[1]) for one in cls.layout.split()]

    def unsigned(self) -> bytes:
        """Return all bytes before the signature."""
        values = [field_bytes(kind, getattr(self, name)) for name, kind in self.fields()]
        return (u(self.version, 1) if self.version else b"") + b"".join(values)

    def encode(self) -> bytes:
        return self.unsigned() + self.signature

    def hash(self) -> bytes:
        return H(self.encode())

    def but(self, **changes: Any) -> Self:
        """Return a record with other values, not signed."""
        return type(self)(**{**self.__dict__, **changes, "signature": b""})

    def sign(self, key: Ed25519PrivateKey) -> Self:
        signature = key.sign(T(self.label) + self.unsigned())
        return type(self)(**{**self.__dict__, "signature": signature})

    @classmethod
    def parse(cls, data: bytes, rule: str = "") -> Self:
        """Return the record that all of these bytes are, its signature not yet checked."""
        reader, values = Reader(data, rule or cls.rule), dict[str, Any]()
        right = not cls.version or reader.uint(1) == cls.version
        require(right, reader.rule, "unknown version")
        for name, kind in cls.fields():
            values[name] = reader.field(kind, values.get("kem", 0))
        record = cls(**values, signature=reader.take(SIGNATURE))
        reader.end()
        return record

    def verify(self, public_key: bytes) -> None:
        """Check the signature by a raw Ed25519 public key."""
        right = _verifies(public_key, self.signature, T(self.label) + self.unsigned())
        require(right, self.rule, "signature does not verify")


@cache
def _verifies(public_key: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
