"""Legal holds, as the audit log stores them."""

from copconnect.audit.acts import Act
from copconnect.ids import ConversationId, HoldId, PersonId


class MessagesHeld(Act, frozen=True, tag="messages_held"):
    """A legal hold began, on a conversation or on a person's conversations."""

    hold_id: HoldId
    conversation_id: ConversationId | None
    person_id: PersonId | None
    case_number: str
    reason: str
    until_ms: int | None


class HoldLifted(Act, frozen=True, tag="hold_lifted"):
    """A legal hold was lifted."""

    hold_id: HoldId
    conversation_id: ConversationId | None
    person_id: PersonId | None
    case_number: str
    reason: str
