"""WebSocket frames of a server (RFC 6455 section 5.2): unmasked, whole, not compressed.

Pure. A frame is built once and its bytes are written to every socket that it goes to.
"""

import msgspec

from copconnect import wire

_BINARY, _CLOSE, _PING = 0x82, 0x88, 0x89
PING = bytes([_PING, 0])
_ENCODER = msgspec.msgpack.Encoder()


def frame(message: wire.ServerFrame) -> bytes:
    """Return a message of ours, encoded, in one frame."""
    return binary(_ENCODER.encode(message))


def binary(payload: bytes) -> bytes:
    """Return a binary message in one frame."""
    size = len(payload)
    if size < 126:
        head = bytes([_BINARY, size])
    elif size < 65536:
        head = bytes([_BINARY, 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([_BINARY, 127]) + size.to_bytes(8, "big")
    return head + payload


def close(code: int, reason: str = "") -> bytes:
    """Return a close frame. ``reason``: at most 123 bytes of ASCII."""
    payload = code.to_bytes(2, "big") + reason.encode("ascii")
    return bytes([_CLOSE, len(payload)]) + payload
