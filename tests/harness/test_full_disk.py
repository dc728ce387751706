"""A server whose disk takes no more: the kernel refuses its writes, blobs and database alike.

The fate of messages meanwhile: client/test/full-disk.test.ts, with whole clients.
"""

import pytest
from msgspec.structs import replace

from copconnect import wire
from copconnect.attachments import rules
from copconnect.ids import AttachmentId, ConversationId, PersonId, new_id
from copconnect.records.conversation.roster import direct_id
from tests.harness import databank
from tests.harness.disk import no_file_grows_beyond
from tests.harness.officer import Device, Refused
from tests.harness.server import ServerProcess

BODY = bytes(rules.CHUNK_BYTES)


def ask_for(server: ServerProcess, number: str) -> int:
    """Ask for a code: a write of the database. Returns the status."""
    with Device(server, databank.officers()[0]) as device:
        body = {"number": number, "language": "en"}
        answer = device.http.post("/v1/registration/numbers", json=body)
        if answer.status_code != 200:
            refusal = device.http.post(
                "/v1/registration/numbers", json=body, headers={"accept": "application/json"}
            ).json()
            assert (refusal["code"], refusal["retry"]) in (
                ("storage_full", True),
                ("overloaded", True),
            )
        return answer.status_code


def conversations(device: Device) -> list[wire.Conversation]:
    """Return what the device is shown, without the stamps, which a server makes again."""
    shown = device.call("GET", "/v1/conversations", None, wire.Conversations).conversations
    assert all(one.roster is not None for one in shown)
    return [replace(one, roster=one.roster and replace(one.roster, stamp=b"")) for one in shown]


def test_a_full_disk_is_told_and_loses_nothing(server: ServerProcess) -> None:
    alice, bob, later = databank.officers()[30:33]
    with Device(server, alice) as one, Device(server, bob) as two:
        one.register()
        two.register()
        made = one.call(
            "POST",
            "/v1/conversations",
            wire.CreateConversation(
                conversation_id=ConversationId(
                    direct_id(*map(bytes.fromhex, (one.person_id, two.person_id))).hex()
                ),
                kind="direct",
                person_ids=[PersonId(two.person_id)],
                who_may_send="everyone",
                history_days=None,
                audience=None,
            ),
            wire.Conversation,
        )
        begin = wire.BeginAttachment(
            attachment_id=AttachmentId(new_id()),
            conversation_id=made.conversation_id,
            size=len(BODY),
        )

        def begun() -> wire.AttachmentStatus:
            return one.call("POST", "/v1/attachments", begin, wire.AttachmentStatus)

        assert not begun().complete
        path = f"/v1/attachments/{begin.attachment_id}"
        with no_file_grows_beyond(server, len(BODY) // 2):
            refused = one.http.put(
                f"{path}/chunks/0", content=BODY, headers={"accept": "application/json"}
            )
            assert refused.status_code == 507
            assert refused.json()["code"] == "storage_full"
            assert refused.json()["retry"]
        assert begun().received == []
        assert one.http.put(f"{path}/chunks/0", content=BODY).status_code == 200
        assert begun().complete
        before = conversations(one)
        with no_file_grows_beyond(server, 4096):
            assert ask_for(server, later.number) in (503, 507)
            # Everything that was stored can still be read.
            assert conversations(one) == before
            assert one.http.get(f"{path}/chunks/0").content == BODY
        assert ask_for(server, later.number) == 200
        server.restart()
        assert conversations(one) == before
        assert one.http.get(f"{path}/chunks/0").content == BODY
    with pytest.raises(Refused), Device(server, later) as nobody:
        nobody.call("GET", "/v1/me", None, wire.Me)
