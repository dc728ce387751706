"""Identifiers, each its own type.

Every id is 16 random bytes written as 32 lowercase hex digits, unless its line says otherwise, so
that it is the same text in a URL, a database row, a log line and a JavaScript map key. ``Seq`` and
``Epoch`` are counters. This module imports nothing of the project.
"""

import secrets
from typing import NewType

ActId = NewType("ActId", str)  # Names a signed administrative act.
PersonId = NewType("PersonId", str)
ClientId = NewType("ClientId", str)
ReportId = NewType("ReportId", str)  # Chosen by the reporter; names the case and its sanction.
UploadId = NewType("UploadId", str)  # A file of an import, on its way or examined.
HoldId = NewType("HoldId", str)  # A legal hold.
UnitId = NewType("UnitId", str)  # A stable code from the data bank, such as "TG-HYD-CHR-001".
PostId = NewType("PostId", str)
ConversationId = NewType("ConversationId", str)
CellId = NewType("CellId", str)
MessageId = NewType("MessageId", str)  # Chosen by the sending client; makes a POST idempotent.
AttachmentId = NewType("AttachmentId", str)
ChallengeId = NewType("ChallengeId", str)
ChangeId = NewType("ChangeId", str)
ConfirmationId = NewType("ConfirmationId", str)
LessonId = NewType("LessonId", str)  # Such as "officer.first-message": its course and its name.
DeviceId = NewType("DeviceId", str)  # 64 digits: the hash that names a device in docs/keys.md.
KeyId = NewType("KeyId", str)  # 64 digits: the hash of a ConversationKey record.
SealKeyId = NewType("SealKeyId", str)  # Names a DeviceKey or CellKey record.
Epoch = NewType("Epoch", int)
Seq = NewType("Seq", int)


def new_id() -> str:
    """Return a fresh random id: 32 lowercase hex digits (16 bytes from the system CSPRNG)."""
    return secrets.token_hex(16)
