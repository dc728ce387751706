"""Reads the framing of MLSMessage(PublicMessage) and MLSMessage(PrivateMessage): which group and
epoch, who sends, what kind of content (RFC 9420 section 6). The content itself is not read.
"""

from dataclasses import dataclass

from copconnect.delivery.mls import codec
from copconnect.delivery.mls.codec import MalformedMls, Reader


@dataclass(frozen=True, slots=True)
class PublicHeader:
    """Framing of a PublicMessage. ``sender_index`` is a leaf or an external sender, else None."""

    group_id: bytes
    epoch: int
    sender_type: int
    sender_index: int | None
    content_type: int


@dataclass(frozen=True, slots=True)
class PrivateHeader:
    """Framing of a PrivateMessage."""

    group_id: bytes
    epoch: int
    content_type: int


def read_public_header(message: bytes) -> PublicHeader:
    """Read the front of an MLSMessage(PublicMessage). Raises MalformedMls and nothing else."""
    reader = Reader(message)
    if reader.uint(2) != codec.PROTOCOL_VERSION or reader.uint(2) != codec.WIRE_PUBLIC_MESSAGE:
        raise MalformedMls("not a PublicMessage")
    group_id = reader.vector()
    epoch = reader.uint(8)
    sender_type = reader.uint(1)
    sender_index: int | None = None
    if sender_type in (codec.SENDER_MEMBER, codec.SENDER_EXTERNAL):
        sender_index = reader.uint(4)
    elif sender_type not in (codec.SENDER_NEW_MEMBER_PROPOSAL, codec.SENDER_NEW_MEMBER_COMMIT):
        raise MalformedMls("invalid sender type")
    reader.skip_vector()  # authenticated_data
    content_type = _content_type(reader)
    if reader.empty:
        raise MalformedMls("truncated")
    return PublicHeader(group_id, epoch, sender_type, sender_index, content_type)


def read_private_header(message: bytes) -> PrivateHeader:
    """Read an MLSMessage(PrivateMessage) without its ciphertext. Raises MalformedMls only."""
    reader = Reader(message)
    if reader.uint(2) != codec.PROTOCOL_VERSION or reader.uint(2) != codec.WIRE_PRIVATE_MESSAGE:
        raise MalformedMls("not a PrivateMessage")
    group_id = reader.vector()
    epoch = reader.uint(8)
    content_type = _content_type(reader)
    for _ in range(3):  # authenticated_data, encrypted_sender_data, ciphertext
        reader.skip_vector()
    reader.finish()
    return PrivateHeader(group_id, epoch, content_type)


def _content_type(reader: Reader) -> int:
    content_type = reader.uint(1)
    if not codec.CONTENT_APPLICATION <= content_type <= codec.CONTENT_COMMIT:
        raise MalformedMls("invalid content type")
    return content_type
