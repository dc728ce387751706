"""Encrypted files that messages point to, and previews of links."""

from typing import Annotated

from msgspec import Meta

from copconnect.ids import AttachmentId, ConversationId, MessageId
from copconnect.limits import MAX_ATTACHMENT_BYTES
from copconnect.wire.base import HEX16, Wire


class BeginAttachment(Wire, frozen=True, kw_only=True):
    """Reserve space for an encrypted attachment. Idempotent by id.

    ``size`` is the ciphertext's: plaintext + 16 for each chunk. Chunk i is PUT to
    ``/v1/attachments/{id}/chunks/{i}``; all but the last are ATTACHMENT_CHUNK_BYTES + 16.
    ``order_id``: the attachment is a photo that this order of the conversation asks its uploader
    for. The server gives it to the uploader and to people who see the answers to the order, and
    lets no message share it.
    """

    attachment_id: Annotated[AttachmentId, HEX16]
    conversation_id: Annotated[ConversationId, HEX16]
    order_id: Annotated[MessageId, HEX16] | None = None
    size: Annotated[int, Meta(ge=16, le=MAX_ATTACHMENT_BYTES + 16 * 2049)]


class AttachmentStatus(Wire, frozen=True, kw_only=True):
    attachment_id: AttachmentId
    size: int
    chunks: int
    received: list[int]  # Indexes that are stored, so that an upload can resume.
    complete: bool


class ShareAttachment(Wire, frozen=True, kw_only=True):
    """Let the members of another conversation fetch it too (forwarding)."""

    conversation_id: Annotated[ConversationId, HEX16]


class AskLinkPreview(Wire, frozen=True, kw_only=True):
    """Fetch the page of a link. In the body, because proxies log addresses."""

    url: Annotated[str, Meta(max_length=2048)]


class LinkPreview(Wire, frozen=True, kw_only=True):
    """The words of a page about itself, plain text of one line each; ``description`` may be empty.
    ``picture``: JPEG, PNG, WebP or GIF as the web has it, which the device alone decodes."""

    title: str
    description: str
    picture: bytes | None
