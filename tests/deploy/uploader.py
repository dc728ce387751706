"""A device that uploads attachments, which are ciphertext to the server and random bytes here."""

import secrets
from typing import Self

from copconnect import wire
from copconnect.ids import AttachmentId, ConversationId, PersonId, new_id
from tests.harness import databank
from tests.harness.officer import Device


def create_group(device: Device, *others: Device) -> ConversationId:
    """Create a group with others; return its id."""
    group = ConversationId(new_id())
    body = wire.CreateConversation(
        conversation_id=group,
        kind="group",
        person_ids=[PersonId(other.person_id) for other in others],
        who_may_send="everyone",
        history_days=30,
        audience=None,
    )
    device.call("POST", "/v1/conversations", body, wire.Conversation)
    return group


class Uploader(Device):
    """A device that uploads attachments to its own group."""

    def register(self) -> Self:
        super().register()
        with Device(self._server, databank.officers()[2]) as other:
            self.group = create_group(self, other.register())
        return self

    def upload(self, content: bytes) -> str:
        """Upload an attachment of one chunk; return its id."""
        attachment_id = AttachmentId(secrets.token_hex(16))
        body = wire.BeginAttachment(
            attachment_id=attachment_id, conversation_id=self.group, size=len(content)
        )
        self.call("POST", "/v1/attachments", body, wire.AttachmentStatus)
        answer = self.http.put(f"/v1/attachments/{attachment_id}/chunks/0", content=content)
        assert answer.is_success
        return attachment_id

    def download(self, attachment_id: str) -> bytes:
        """Return the chunk of an attachment."""
        return self.http.get(f"/v1/attachments/{attachment_id}/chunks/0").content
