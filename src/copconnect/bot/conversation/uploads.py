"""Attachments: sealed in chunks that cannot be reordered, cut, extended or swapped
(docs/protocol.md, "Attachments").

A file is sealed into the state file before its message is stored, so that a crash loses nothing,
and goes up before the message is signed. A repeat sends the same bytes.
"""

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from copconnect import wire
from copconnect.bot.content import Pointer, pointer_to
from copconnect.bot.context import Context
from copconnect.bot.conversation.place import Place
from copconnect.bot.failures import BotFailure
from copconnect.bot.state.rows import ChunkRow, UploadRow
from copconnect.ids import AttachmentId
from copconnect.limits import ATTACHMENT_CHUNK_BYTES
from copconnect.records.primitives.fields import TAG_BYTES, tag, uint

MOST_BYTES = 64 * 1024 * 1024  # One file that a bot sends or takes whole has no more.
_NONCE_LABEL = tag("copconnect attachment nonce v1")
_AAD_LABEL = tag("copconnect attachment v1")


class AttachmentCipher:
    """Seals and opens the chunks of one attachment; ``size``: plaintext bytes."""

    def __init__(self, attachment_id: str, key: bytes, size: int) -> None:
        ids = bytes.fromhex(attachment_id)
        self.size = size
        self.chunks = max(1, -(-size // ATTACHMENT_CHUNK_BYTES))
        self._cipher = AESGCM(key)
        self._prefix = hashlib.sha256(_NONCE_LABEL + ids).digest()[:7]
        self._aad = _AAD_LABEL + ids + uint(size) + uint(self.chunks, 4)

    def _nonce(self, index: int) -> bytes:
        return self._prefix + uint(index, 4) + uint(index == self.chunks - 1, 1)

    def length(self, index: int) -> int:
        """Return the plaintext bytes of a chunk."""
        start = index * ATTACHMENT_CHUNK_BYTES
        return min(self.size, start + ATTACHMENT_CHUNK_BYTES) - start

    def seal(self, index: int, plaintext: bytes) -> bytes:
        """Return a chunk's ciphertext."""
        return self._cipher.encrypt(self._nonce(index), plaintext, self._aad)

    def open(self, index: int, sealed: bytes) -> bytes:
        """Return a chunk's plaintext. Raises BotFailure for anything but what was sealed there."""
        if len(sealed) != self.length(index) + TAG_BYTES:
            raise BotFailure("the attachment was changed on its way")
        try:
            return self._cipher.decrypt(self._nonce(index), sealed, self._aad)
        except InvalidTag as error:
            raise BotFailure("the attachment was changed on its way") from error


class Uploads:
    """Attachments on their way up, and down."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stores = context.stores

    def seal(self, name: str, data: bytes, mime: str | None) -> Pointer:
        """Seal a file into the state file and return its pointer. Raises ValueError for one over
        64 MiB."""
        if len(data) > MOST_BYTES:
            raise ValueError(f"{name} has more than {MOST_BYTES} bytes")
        pointer = pointer_to(name, len(data), secrets.token_bytes(32), mime)
        cipher = AttachmentCipher(pointer.id, pointer.key, pointer.size)
        with self._stores.transaction():
            for index in range(cipher.chunks):
                start = index * ATTACHMENT_CHUNK_BYTES
                sealed = cipher.seal(index, data[start : start + ATTACHMENT_CHUNK_BYTES])
                row = ChunkRow(sealed=sealed)
                self._stores.chunks.put(str(index), row, pointer.id, place=index)
            upload = UploadRow(
                attachment_id=pointer.id,
                size=pointer.size + TAG_BYTES * cipher.chunks,
                chunks=cipher.chunks,
            )
            self._stores.uploads.put(pointer.id, upload)
        return pointer

    async def upload(self, place: Place, attachment_ids: list[str]) -> None:
        """Send what the server lacks of these. Raises what the API raises."""
        for one in attachment_ids:
            row = self._stores.uploads.get(one)
            if row is None:
                continue
            attachment_id = AttachmentId(one)
            status = await self._context.api.begin_attachment(
                wire.BeginAttachment(
                    attachment_id=attachment_id, conversation_id=place.id, size=row.size
                )
            )
            for index in sorted(set(range(row.chunks)) - set(status.received)):
                chunk = self._stores.chunks.get(str(index), one)
                if chunk is not None:
                    await self._context.api.put_chunk(attachment_id, index, chunk.sealed)

    def forget(self, attachment_ids: list[str]) -> None:
        """Destroy what was kept of attachments that are posted or given up."""
        with self._stores.transaction():
            for one in attachment_ids:
                row = self._stores.uploads.get(one)
                for index in range(row.chunks if row is not None else 0):
                    self._stores.chunks.delete(str(index), one)
                self._stores.uploads.delete(one)

    async def download(self, pointer: Pointer) -> bytes:
        """Fetch and open an attachment whole. Raises BotFailure for one over 64 MiB, or changed."""
        if pointer.size > MOST_BYTES:
            raise BotFailure(f"the attachment has more than {MOST_BYTES} bytes")
        cipher = AttachmentCipher(pointer.id, pointer.key, pointer.size)
        parts: list[bytes] = []
        for index in range(cipher.chunks):
            sealed = await self._context.api.chunk(pointer.id, index)
            parts.append(cipher.open(index, sealed))
        return b"".join(parts)
