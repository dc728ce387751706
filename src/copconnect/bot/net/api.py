"""The routes that a bot uses, one method each (docs/protocol.md). Raises what ``Http`` raises."""

from collections.abc import Iterable, Sequence
from typing import Literal

from copconnect import wire
from copconnect.bot.net.http import Http
from copconnect.ids import (
    AttachmentId,
    ChallengeId,
    ConfirmationId,
    ConversationId,
    DeviceId,
    Epoch,
    MessageId,
    PersonId,
    SealKeyId,
)
from copconnect.records.conversation.key_share import SecretName

_END = 10**14  # Past every position.


def reference_of(name: SecretName) -> wire.ShareReference:
    """Return a secret's name as requests carry it."""
    kinds: dict[int, Literal[1, 2, 3]] = {1: 1, 2: 2, 3: 3}
    return wire.ShareReference(kind=kinds[name.kind], reference=name.reference.hex())


class Api:
    """The server, as one device sees it."""

    def __init__(self, http: Http) -> None:
        self.http = http

    # --- Registration and the account -----------------------------------------------------------

    async def request_code(self, number: str) -> wire.CodeRequested:
        body = wire.RequestCode(number=number, language="en")
        return await self.http.call("POST", "/v1/registration/numbers", wire.CodeRequested, body)

    async def submit_code(self, challenge_id: ChallengeId, code: str) -> wire.RegistrationStep:
        body = wire.SubmitCode(challenge_id=challenge_id, code=code)
        return await self.http.call("POST", "/v1/registration/codes", wire.RegistrationStep, body)

    async def submit_enrolment_code(self, ticket: str, code: str) -> wire.RegistrationStep:
        body = wire.SubmitEnrolmentCode(ticket=ticket, enrolment_code=code)
        path = "/v1/registration/enrolment-codes"
        return await self.http.call("POST", path, wire.RegistrationStep, body)

    async def register(self, body: wire.RegisterClient) -> wire.ClientRegistered:
        path = "/v1/registration/clients"
        return await self.http.call("POST", path, wire.ClientRegistered, body)

    async def conduct(self) -> wire.ConductCode:
        return await self.http.call("GET", "/v1/conduct?language=en", wire.ConductCode)

    async def accept_conduct(self, version: int) -> wire.Me:
        body = wire.AcceptConduct(version=version, language="en")
        return await self.http.call("POST", "/v1/conduct/acceptances", wire.Me, body)

    async def me(self) -> wire.Me:
        return await self.http.call("GET", "/v1/me", wire.Me)

    async def renew_certificate(self, body: wire.RenewCertificate) -> wire.CertificateRenewed:
        return await self.http.call("POST", "/v1/certificates", wire.CertificateRenewed, body)

    async def trust(self) -> wire.Trust:
        return await self.http.call("GET", "/v1/trust", wire.Trust)

    async def time(self, nonce: bytes) -> bytes:
        body = wire.AskTime(nonce=nonce.hex())
        return (await self.http.call("POST", "/v1/time", wire.TimeAnswer, body)).time

    async def put_device_keys(self, keys: list[bytes]) -> None:
        body = wire.PutDeviceKeys(keys=keys)
        await self.http.tell("PUT", "/v1/device-keys", body)

    async def people_trust(
        self, people: list[wire.KnownPerson], *, keys: bool
    ) -> list[wire.PersonTrust]:
        body = wire.LookUpTrust(people=people, keys=keys)
        return (await self.http.call("POST", "/v1/people/trust", wire.PeopleTrust, body)).people

    async def confirmations(self) -> list[wire.Confirmation]:
        found = await self.http.call("GET", "/v1/confirmations", wire.Confirmations)
        return found.confirmations

    async def answer_confirmation(
        self, confirmation_id: ConfirmationId, half: bytes
    ) -> wire.Confirmation:
        body = wire.AnswerConfirmation(answer=half)
        path = f"/v1/confirmations/{confirmation_id}/answer"
        return await self.http.call("POST", path, wire.Confirmation, body)

    async def find_people(self, text: str, limit: int) -> list[wire.Person]:
        query: dict[str, str | int] = {"text": text, "limit": limit}
        return (await self.http.call("GET", "/v1/people", wire.People, query=query)).people

    # --- Conversations --------------------------------------------------------------------------

    async def conversations(self) -> list[wire.Conversation]:
        found = await self.http.call("GET", "/v1/conversations", wire.Conversations)
        return found.conversations

    async def conversation(self, conversation_id: ConversationId) -> wire.Conversation:
        return await self.http.call("GET", _path(conversation_id), wire.Conversation)

    async def create_conversation(self, body: wire.CreateConversation) -> wire.Conversation:
        return await self.http.call("POST", "/v1/conversations", wire.Conversation, body)

    async def newest_head(self, conversation_id: ConversationId) -> wire.RosterState:
        return await self.http.call("GET", _path(conversation_id, "head"), wire.RosterState)

    async def head(self, conversation_id: ConversationId, epoch: int) -> bytes:
        path = _path(conversation_id, f"heads/{epoch}")
        return (await self.http.call("GET", path, wire.Head)).head

    async def proof(
        self, conversation_id: ConversationId, epoch: int, device: bytes
    ) -> bytes | None:
        body = wire.AskProofs(epoch=Epoch(epoch), devices=[DeviceId(device.hex())])
        path = _path(conversation_id, "proofs")
        found = await self.http.call("POST", path, wire.Proofs, body)
        return found.proofs[0] if found.proofs else None

    async def own_cell(self, conversation_id: ConversationId) -> wire.CellLeaves:
        return await self.http.call("GET", _path(conversation_id, "cells/own"), wire.CellLeaves)

    async def cell(self, conversation_id: ConversationId, cell_id: bytes) -> wire.CellLeaves:
        path = _path(conversation_id, f"cells/{cell_id.hex()}")
        return await self.http.call("GET", path, wire.CellLeaves)

    async def cell_keys(self, conversation_id: ConversationId, since: int) -> wire.CellKeys:
        path = _path(conversation_id, "cells")
        return await self.http.call("GET", path, wire.CellKeys, query={"since": since})

    async def own_cell_keys(self, conversation_id: ConversationId) -> list[wire.CellKeyItem]:
        path = _path(conversation_id, "cells/own/keys")
        return (await self.http.call("GET", path, wire.OwnCellKeys)).keys

    async def post_cell_key(self, conversation_id: ConversationId, body: wire.PostCellKey) -> None:
        await self.http.tell("POST", _path(conversation_id, "cells/own/keys"), body)

    async def mark_cell_key(self, conversation_id: ConversationId, key_id: bytes) -> None:
        body = wire.MarkCellKey(key_id=SealKeyId(key_id.hex()))
        await self.http.tell("POST", _path(conversation_id, "cells/own/marks"), body)

    # --- Messages and keys ----------------------------------------------------------------------

    async def post(self, conversation_id: ConversationId, body: bytes) -> wire.Accepted:
        """Post an encoded PostMessage, byte for byte."""
        path = _path(conversation_id, "messages")
        return await self.http.send(path, wire.Accepted, body)

    async def log_after(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> wire.LogPage:
        query = {"after": after, "limit": limit}
        return await self.http.call("GET", _path(conversation_id, "log"), wire.LogPage, query=query)

    async def log_before(
        self, conversation_id: ConversationId, limit: int, before: int = _END
    ) -> wire.LogPage:
        query = {"before": before, "limit": limit}
        return await self.http.call("GET", _path(conversation_id, "log"), wire.LogPage, query=query)

    async def chain(self, conversation_id: ConversationId) -> bytes | None:
        path = _path(conversation_id, "chain")
        return (await self.http.call("GET", path, wire.SenderChain)).header

    async def post_key(self, conversation_id: ConversationId, body: wire.PostKey) -> None:
        await self.http.call("POST", _path(conversation_id, "keys"), wire.KeyAccepted, body)

    async def key(self, conversation_id: ConversationId, key_id: bytes | None) -> wire.Keys:
        """Return a conversation key; None: the newest usable one."""
        query = None if key_id is None else {"id": key_id.hex()}
        return await self.http.call("GET", _path(conversation_id, "keys"), wire.Keys, query=query)

    async def request_shares(
        self, conversation_id: ConversationId, names: Iterable[SecretName]
    ) -> None:
        body = wire.ShareRequest(references=[reference_of(one) for one in names])
        await self.http.tell("POST", _path(conversation_id, "share-requests"), body)

    async def shares_done(
        self, conversation_id: ConversationId, names: Iterable[SecretName]
    ) -> None:
        body = wire.ShareRequest(references=[reference_of(one) for one in names])
        await self.http.tell("POST", _path(conversation_id, "share-requests/done"), body)

    async def post_share(
        self, conversation_id: ConversationId, device: DeviceId, share: bytes
    ) -> None:
        body = wire.PostShare(device=device, share=share)
        await self.http.tell("POST", _path(conversation_id, "shares"), body)

    async def shares(self, conversation_id: ConversationId) -> Sequence[bytes]:
        return (await self.http.call("GET", _path(conversation_id, "shares"), wire.Shares)).shares

    # --- Orders ---------------------------------------------------------------------------------

    async def order_records(self, order_id: MessageId, after: str) -> wire.OrderRecords:
        path = f"/v1/orders/{order_id}/acknowledgements"
        query = {"after": after} if after else None
        return await self.http.call("GET", path, wire.OrderRecords, query=query)

    async def order_people(self, order_id: MessageId, after: str) -> wire.OrderPeople:
        query: dict[str, str | int] = {"state": "acknowledged"}
        if after:
            query["after"] = after
        path = f"/v1/orders/{order_id}/people"
        return await self.http.call("GET", path, wire.OrderPeople, query=query)

    async def acknowledge(self, order_id: MessageId, record: bytes) -> wire.AcknowledgementOutcome:
        item = wire.AcknowledgementItem(record=record, answer=None)
        body = wire.PostAcknowledgements(acknowledgements=[item])
        path = f"/v1/orders/{order_id}/acknowledgements"
        found = await self.http.call("POST", path, wire.AcknowledgementOutcomes, body)
        return found.outcomes[0]

    # --- Attachments ----------------------------------------------------------------------------

    async def begin_attachment(self, body: wire.BeginAttachment) -> wire.AttachmentStatus:
        return await self.http.call("POST", "/v1/attachments", wire.AttachmentStatus, body)

    async def put_chunk(self, attachment_id: AttachmentId, index: int, sealed: bytes) -> None:
        await self.http.raw("PUT", f"/v1/attachments/{attachment_id}/chunks/{index}", sealed)

    async def chunk(self, attachment_id: AttachmentId, index: int) -> bytes:
        return await self.http.raw("GET", f"/v1/attachments/{attachment_id}/chunks/{index}", None)


def known(person_id: PersonId, version: int) -> wire.KnownPerson:
    """Return what the asker has of a person."""
    return wire.KnownPerson(person_id=person_id, version=version)


def _path(conversation_id: ConversationId, rest: str = "") -> str:
    return f"/v1/conversations/{conversation_id}" + (f"/{rest}" if rest else "")
