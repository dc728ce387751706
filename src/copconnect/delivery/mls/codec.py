"""TLS presentation language as RFC 9420 section 2.1 uses it: integers and variable-size vectors.

The only error that leaves a reader is :class:`MalformedMls`, whatever the bytes.
"""

PROTOCOL_VERSION = 1  # mls10
WIRE_PUBLIC_MESSAGE = 1
WIRE_PRIVATE_MESSAGE = 2
WIRE_GROUP_INFO = 4

SENDER_MEMBER = 1
SENDER_EXTERNAL = 2
SENDER_NEW_MEMBER_PROPOSAL = 3
SENDER_NEW_MEMBER_COMMIT = 4

CONTENT_APPLICATION = 1
CONTENT_PROPOSAL = 2
CONTENT_COMMIT = 3

CREDENTIAL_X509 = 2

MOST_EXTENSIONS = 64  # Ours have two. Each costs time to read, and a group info may have 2 MB.

EXTENSION_RATCHET_TREE = 2
EXTENSION_EXTERNAL_PUB = 4
EXTENSION_EXTERNAL_SENDERS = 5


class MalformedMls(ValueError):
    """The bytes are not the expected MLS structure."""


class Reader:
    """Reads one structure front to back; every method raises MalformedMls when bytes run out."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._end = len(data)

    @property
    def empty(self) -> bool:
        """Whether everything was read."""
        return self._at == self._end

    def finish(self) -> None:
        """Refuse trailing bytes."""
        if self._at != self._end:
            raise MalformedMls("trailing bytes")

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        at = self._at
        if size > self._end - at:
            raise MalformedMls("truncated")
        self._at = at + size
        return self._data[at : self._at]

    def uint(self, size: int) -> int:
        """Return the next big-endian integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def length(self) -> int:
        """Return a vector's length (RFC 9420 section 2.1.2): 1, 2 or 4 bytes, minimal."""
        first = self.uint(1)
        prefix, value = first >> 6, first & 0x3F
        if prefix == 0:
            return value
        if prefix == 1:
            value = (value << 8) | self.uint(1)
            if value < 1 << 6:
                raise MalformedMls("length is not minimal")
            return value
        if prefix == 2:
            value = (value << 24) | self.uint(3)
            if value < 1 << 14:
                raise MalformedMls("length is not minimal")
            return value
        raise MalformedMls("invalid length prefix")

    def vector(self) -> bytes:
        """Return the bytes of a variable-size vector."""
        return self.take(self.length())

    def skip_vector(self) -> None:
        """Pass over a variable-size vector."""
        size = self.length()
        if size > self._end - self._at:
            raise MalformedMls("truncated")
        self._at += size


def vector(data: bytes) -> bytes:
    """Encode a variable-size vector."""
    size = len(data)
    if size < 1 << 6:
        return bytes([size]) + data
    if size < 1 << 14:
        return (size | 0x4000).to_bytes(2, "big") + data
    if size < 1 << 30:
        return (size | 0x8000_0000).to_bytes(4, "big") + data
    raise MalformedMls("vector too long")


def extensions(reader: Reader) -> list[tuple[int, bytes]]:
    """Read ``Extension extensions<V>`` as (type, data) in order."""
    inner = Reader(reader.vector())
    found: list[tuple[int, bytes]] = []
    while not inner.empty:
        if len(found) == MOST_EXTENSIONS:
            raise MalformedMls("too many extensions")
        kind = inner.uint(2)
        found.append((kind, inner.vector()))
    return found
