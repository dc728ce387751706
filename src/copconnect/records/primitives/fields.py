"""Fields of records: an exact reader, the writers that match it, the types of fields that name
both, and hashes (docs/keys.md). Pure.

Invariants: a reader takes every byte once, front to back, and refuses truncation, trailing bytes
and integers above 2**53 - 1. Writers raise ValueError for a value that does not fit: that is the
caller's mistake, not a peer's.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Annotated, Any, NamedTuple, TypeVar

from copconnect.limits import CLOCK_LEEWAY_MS

MAX_INTEGER = 2**53 - 1
ID_BYTES, HASH_BYTES, DEVICE_BYTES, KEY_BYTES, SIGNATURE_BYTES = 16, 32, 32, 32, 64
KEY_ID_BYTES = 16  # A device key's or cell key's id.
SECRET_BYTES, TAG_BYTES = 32, 16
ZEROS = bytes(32)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000

_Ordered = TypeVar("_Ordered", bytes, str, int)


class Refused(ValueError):
    """Bytes or a judgement failed; ``rule`` is the number of the rule of docs/keys.md."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule
        self.message = message


def require(condition: bool, rule: str, message: str) -> None:
    """Raise Refused unless the condition holds."""
    if not condition:
        raise Refused(rule, message)


def tag(label: str) -> bytes:
    """Return docs/keys.md's T: the label in ASCII and a zero byte."""
    return label.encode("ascii") + b"\0"


def sha256(data: bytes) -> bytes:
    """Return docs/keys.md's H."""
    return hashlib.sha256(data).digest()


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Return 32 bytes of HKDF-SHA256 (RFC 5869): one block."""
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\1", "sha256")


def ascending(values: Sequence[_Ordered]) -> bool:
    """Return whether each value is greater than the one before."""
    return all(one < following for one, following in pairwise(values))


def is_recent(created: int, now: int, limit_ms: int) -> bool:
    """Return whether ``created`` is less than ``limit_ms`` ago and at most 10 min ahead."""
    return now - limit_ms < created and not is_ahead(created, now)


def is_ahead(created: int, now: int) -> bool:
    """Return whether ``created`` is of a future that no difference of clocks explains."""
    return created > now + CLOCK_LEEWAY_MS


def uint(value: int, size: int = 8) -> bytes:
    """Return a big-endian integer."""
    if not 0 <= value <= MAX_INTEGER or value >> 8 * size:
        raise ValueError(f"{value} is out of range")
    return value.to_bytes(size, "big")


def exact(value: bytes, size: int) -> bytes:
    """Return the value, which has this size."""
    if len(value) != size:
        raise ValueError(f"{len(value)} bytes instead of {size}")
    return value


def text(value: str) -> bytes:
    """Return length (2) and UTF-8."""
    encoded = value.encode()
    return uint(len(encoded), 2) + encoded


def hashes(values: Sequence[bytes], count_size: int = 1) -> bytes:
    """Return count and 32 bytes each."""
    return uint(len(values), count_size) + b"".join([exact(one, HASH_BYTES) for one in values])


class Reader:
    """Reads fields front to back; ``rule`` refuses what is malformed."""

    __slots__ = ("at", "data", "rule")

    def __init__(self, data: bytes, rule: str) -> None:
        self.data, self.at, self.rule = data, 0, rule

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise Refused(self.rule, "truncated")
        return self.data[start : self.at]

    def uint(self, size: int = 8) -> int:
        """Return a big-endian integer of at most 2**53 - 1."""
        value = int.from_bytes(self.read(size), "big")
        if value > MAX_INTEGER:
            raise Refused(self.rule, "integer out of range")
        return value

    def version(self, wanted: int) -> None:
        """Read the version (1)."""
        require(self.uint(1) == wanted, self.rule, "unknown version")

    def text(self) -> str:
        """Return a text of length (2) and UTF-8."""
        try:
            return self.read(self.uint(2)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(self.rule, "not UTF-8") from error

    def hashes(self, count_size: int = 1, *, ascend: bool = True) -> tuple[bytes, ...]:
        """Return count and 32 bytes each, ascending; ``ascend=False``: in any order, each once."""
        found = tuple([self.read(HASH_BYTES) for _ in range(self.uint(count_size))])
        if ascend:
            require(ascending(found), self.rule, "a list does not ascend")
        else:
            require(len(set(found)) == len(found), self.rule, "a list names something twice")
        return found

    def end(self) -> None:
        """Refuse trailing bytes."""
        require(self.at == len(self.data), self.rule, "trailing bytes")


# --- Types of fields --------------------------------------------------------------------------


class Codec(NamedTuple):
    """The reader and the writer of a field; the annotation of a record's field has one."""

    read: Callable[[Reader], Any]
    write: Callable[[Any], bytes]


def _bytes(size: int) -> Codec:
    return Codec(lambda reader: reader.read(size), lambda value: exact(value, size))


def _uint(size: int) -> Codec:
    return Codec(lambda reader: reader.uint(size), lambda value: uint(value, size))


def sized(most: int, size: int = 2) -> Codec:
    """Return the codec of a length of ``size`` bytes and as many bytes, at most ``most``."""

    def read(reader: Reader) -> bytes:
        length = reader.uint(size)
        require(length <= most, reader.rule, "longer than it may be")
        return reader.read(length)

    return Codec(read, lambda value: uint(len(value), size) + value)


def one_of(kind: type[IntEnum], refusal: str) -> Codec:
    """Return the codec of a member of an enumeration (1)."""

    def read(reader: Reader) -> IntEnum:
        value = reader.uint(1)
        require(value in list(kind), reader.rule, refusal)
        return kind(value)

    return Codec(read, lambda value: uint(value, 1))


Bytes16 = Annotated[bytes, _bytes(ID_BYTES)]
Bytes32 = Annotated[bytes, _bytes(HASH_BYTES)]
Uint8 = Annotated[int, _uint(1)]
Uint16 = Annotated[int, _uint(2)]
Uint32 = Annotated[int, _uint(4)]
Uint64 = Annotated[int, _uint(8)]
TextField = Annotated[str, Codec(Reader.text, text)]
HashList = Annotated[tuple[bytes, ...], Codec(Reader.hashes, hashes)]
