"""A hostile member with a whole client: it is listed, holds the conversation's key, and does its
worst over HTTP and sockets, as fast as the server lets it.

A child process, asked by lines of JSON: ``begin`` (with a key whose seals open for nobody, and one
by an accomplice that is sealed as rubbish to its own cell alone, and a message under each; then
everything else, from now on), ``end`` (what was tried, by attack and what the server answered).
Arguments: file of the Plan (MessagePack), host, port.
Each attack runs in its own tasks, so that one that is slowed down slows no other.
"""

import asyncio
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from bench.crowd.recipients import now_ms
from bench.force.device import Device
from bench.machine.children import Answer, answer_lines
from bench.net.http_client import Answer as HttpAnswer
from bench.net.http_client import HttpPool, refusal_code, request
from bench.net.websocket import WebSocketClient, masked, upgrade_request
from copconnect import wire
from copconnect.ids import ChangeId, ConversationId, DeviceId, PersonId, SealKeyId, Seq
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.message import LOG_START, MessageHeader, message_hash
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives.fields import ZEROS
from copconnect.records.primitives.kem import PUBLIC_KEY_BYTES, XWING, seal_bytes
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.endorsement import Endorsement, EndorsementKind
from copconnect.sealing.keys import make_conversation_key, new_secret
from copconnect.sealing.messages import seal_message

TASKS = 2  # Tasks of each attack at a time.
MOST_REFUSED = 3  # Attempts at sending a key, each after a request for the key of the last refusal.
CANNOT_OPEN_S = 3.2  # After so long a request for a share shows that a key cannot be opened (D2).


class Plan(msgspec.Struct, frozen=True):
    """The secrets and knowledge of the hostile member: its device, an accomplice's, its cell, the
    conversation's key, the ids of all cells' keys, other people."""

    device: Device
    accomplice: Device
    conversation_id: ConversationId
    cell_id: str
    cell_key_id: bytes
    cell_keys: list[bytes]
    head: bytes
    key_id: bytes
    secret: bytes
    people: list[PersonId]
    devices: list[bytes]


class Request(NamedTuple):
    """Method, path and body."""

    method: str
    path: str
    body: object = None


class _Socket(WebSocketClient):
    """Says Hello with many positions, moves cursors, and is gone."""

    __slots__ = ("_said",)

    def __init__(self, upgrade: bytes, said: list[bytes]) -> None:
        super().__init__(upgrade)
        self._said = said

    def opened(self) -> None:
        """Say everything."""
        for one in self._said:
            self.transport.write(masked(one))


class _Insider:
    """A listed device, and the number and hash of its last message."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.seq, self.previous = 0, ZEROS


class Hostile:
    """The attacks."""

    def __init__(self, plan: Plan, address: tuple[str, int]) -> None:
        self._plan = plan
        self._address = address
        self._head = RosterHead.parse(plan.head)
        self._conversation = f"/v1/conversations/{plan.conversation_id}"
        self._pool = HttpPool(*address, most=64)
        self._member = _Insider(plan.device)
        self._key_ids = [plan.key_id]
        self._answers: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        if asked["command"] == "begin":
            # In this order: members of other cells may make a key after the first of these.
            accomplice = _Insider(self._plan.accomplice)
            await self._silence(
                "key_sealed_to_own_cell", accomplice, self._rubbish([self._plan.cell_key_id])
            )
            await self._silence(
                "key_sealed_as_rubbish", self._member, self._rubbish(self._plan.cell_keys)
            )
            attacks: list[Callable[[], Request]] = [
                self._message_of_old_key,
                self._large_message,
                self._key_of_rubbish,
                self._cell_key_of_nobody,
                self._bad_device_key,
                self._share_request,
                self._share_of_rubbish,
                self._mark,
                self._change_members,
                self._endorse_itself,
                self._group_of_all,
                self._read_log,
                self._read_cells,
                self._read_people,
            ]
            for attack in attacks:
                for _ in range(TASKS):
                    self._tasks.append(asyncio.create_task(self._repeat(attack)))
            self._tasks.append(asyncio.create_task(self._flood()))
            self._tasks.append(asyncio.create_task(self._connect()))
            return {}
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pool.close()
        return {"answers": dict(self._answers)}

    async def _repeat(self, attack: Callable[[], Request]) -> None:
        name = attack.__name__.removeprefix("_")
        while True:
            await self._ask(name, attack())

    async def _ask(self, name: str, asked: Request, by: Device | None = None) -> bool:
        return 200 <= (await self._answer(name, asked, by)).status < 300

    async def _answer(self, name: str, asked: Request, by: Device | None) -> HttpAnswer:
        data = b"" if asked.body is None else msgspec.msgpack.encode(asked.body)
        token = (by or self._plan.device).token
        found = await self._pool.ask(request(asked.method, asked.path, token, data))
        accepted = 200 <= found.status < 300
        self._answers[f"{name}: {'accepted' if accepted else refusal_code(found)}"] += 1
        if not found.status:
            await asyncio.sleep(0.1)
        return found

    # --- Messages -------------------------------------------------------------------------

    async def _silence(self, name: str, insider: _Insider, seals: bytes) -> None:
        """K4: send a key that nobody else can open, and a message under it. The server accepts a
        next key only from a device that cannot open those before, so the insider pretends that,
        also of a key that a refusal names."""
        device, path, lacks = insider.device, self._conversation, self._key_ids
        for _ in range(MOST_REFUSED):
            named = [wire.ShareReference(kind=1, reference=one[:16].hex()) for one in lacks]
            asked = wire.ShareRequest(references=named)
            await self._ask(f"{name}_ask", Request("POST", f"{path}/share-requests", asked), device)
            await asyncio.sleep(CANNOT_OPEN_S)
            secret = new_secret()
            record = make_conversation_key(
                secret, device.signer, head=self._head, author=device.device, now=now_ms()
            )
            body = wire.SubmitKey(record=record.encode(), seals=seals, left_out=[])
            found = await self._answer(name, Request("POST", f"{path}/keys", body), device)
            if 200 <= found.status < 300:
                break
            if refusal_code(found) != "have_key":
                return
            refusal = msgspec.msgpack.decode(found.body, type=wire.ErrorBody)
            lacks = [bytes.fromhex(str(refusal.details["key_id"]))]
        else:
            return
        self._key_ids = [*self._key_ids, record.hash()]
        message = self._message(insider, b"Read this.", record.hash(), secret)
        sent = Request("POST", f"{path}/messages", message)
        if await self._ask(f"{name}_message", sent, device):
            insider.seq, insider.previous = 1, message_hash(message.message)

    def _rubbish(self, cell_keys: Sequence[bytes]) -> bytes:
        """Return seals to these cells' keys, of the right size, that open for nobody."""
        size = seal_bytes(XWING) - 16
        return b"".join(one + secrets.token_bytes(size) for one in sorted(cell_keys))

    async def _flood(self) -> None:
        """Messages that are right in everything, as many as there is room for."""
        member = self._member
        while True:
            message = self._message(member, b"x" * 200)
            if await self._ask(
                "message", Request("POST", f"{self._conversation}/messages", message)
            ):
                member.seq, member.previous = member.seq + 1, message_hash(message.message)

    def _message(
        self, insider: _Insider, text: bytes, key_id: bytes = b"", secret: bytes = b""
    ) -> wire.SendMessage:
        plan, head, device = self._plan, self._head, insider.device
        draft = MessageHeader(
            conversation_id=head.conversation_id,
            message_id=secrets.token_bytes(16),
            sender=device.device,
            seq=insider.seq + 1,
            attempt=1,
            previous=insider.previous,
            key_id=key_id or plan.key_id,
            epoch=head.epoch,
            head=head.hash(),
            log_position=0,
            log_hash=LOG_START,
            sent=now_ms(),
        )
        data = seal_message(draft, secret or plan.secret, text, device.signer)
        return wire.SendMessage(message=data, attachment_ids=[], wakes=[], state=False, order=None)

    def _message_of_old_key(self) -> Request:
        message = self._message(self._member, b"x", secrets.token_bytes(32))
        return Request("POST", f"{self._conversation}/messages", message)

    def _large_message(self) -> Request:
        message = self._message(self._member, bytes(250_000), secrets.token_bytes(32))
        return Request("POST", f"{self._conversation}/messages", message)

    # --- Records --------------------------------------------------------------------------

    def _key_of_rubbish(self) -> Request:
        """A conversation key whose seals are of the right size and open for nobody."""
        device = self._plan.device
        record = make_conversation_key(
            new_secret(), device.signer, head=self._head, author=device.device, now=now_ms()
        )
        seals = self._rubbish([self._plan.cell_key_id])
        body = wire.SubmitKey(record=record.encode(), seals=seals, left_out=[])
        return Request("POST", f"{self._conversation}/keys", body)

    def _cell_key_of_nobody(self) -> Request:
        """A key of its cell that nobody asked for, with a public key of small order."""
        device, head = self._plan.device, self._head
        record = CellKey(
            kem=XWING,
            conversation_id=head.conversation_id,
            cell_id=bytes.fromhex(self._plan.cell_id),
            epoch=head.epoch,
            generation=2,
            head=head.hash(),
            author=device.device,
            created=now_ms(),
            commit=secrets.token_bytes(32),
            pk=bytes(PUBLIC_KEY_BYTES[XWING]),
        ).signed(device.signer)
        body = wire.SubmitCellKey(record=record.encode(), seals=b"", left_out=[])
        return Request("POST", f"{self._conversation}/cells/own/keys", body)

    def _bad_device_key(self) -> Request:
        """A DeviceKey with a public key that is not reduced, in place of the right one."""
        device = self._plan.device
        record = DeviceKey(
            kem=XWING,
            device=device.device,
            generation=2,
            created=now_ms(),
            pk=b"\xff" * PUBLIC_KEY_BYTES[XWING],
        ).signed(device.signer)
        return Request("PUT", "/v1/device-keys", wire.PutDeviceKeys(keys=[record.encode()]))

    def _endorse_itself(self) -> Request:
        device = self._plan.device
        record = Endorsement(
            endorsed=device.device,
            endorser=secrets.choice(self._plan.devices),
            kind=EndorsementKind.ADMIN,
            created=now_ms(),
        ).signed(device.signer)
        body = wire.SubmitEndorsement(endorsement=record.encode(), revocations=[])
        return Request("POST", "/v1/endorsements", body)

    # --- Shares ---------------------------------------------------------------------------

    def _share_request(self) -> Request:
        names = [wire.ShareReference(kind=1, reference=secrets.token_hex(16)) for _ in range(400)]
        return Request(
            "POST",
            f"{self._conversation}/share-requests",
            wire.ShareRequest(references=names),
        )

    def _share_of_rubbish(self) -> Request:
        to = secrets.choice(self._plan.devices).hex()
        share = wire.DeviceShare(device=DeviceId(to), share=secrets.token_bytes(16_000))
        body = wire.SubmitShares(shares=[share])
        return Request("POST", f"{self._conversation}/shares", body)

    def _mark(self) -> Request:
        body = wire.FlagCellKey(key_id=SealKeyId(self._plan.cell_key_id.hex()))
        return Request("POST", f"{self._conversation}/cells/own/flags", body)

    # --- People ---------------------------------------------------------------------------

    def _change_members(self) -> Request:
        body = wire.ChangeMembers(
            change_id=ChangeId(secrets.token_hex(16)),
            add=[],
            remove=list(self._plan.people[:200]),
            make_admin=[self._plan.device.person_id],
            revoke_admin=[],
        )
        return Request("POST", f"{self._conversation}/members", body)

    def _group_of_all(self) -> Request:
        body = wire.CreateConversation(
            conversation_id=ConversationId(secrets.token_hex(16)),
            kind="group",
            person_ids=list(self._plan.people),
            who_may_send="everyone",
            history_days=0,
            audience=None,
        )
        return Request("POST", "/v1/conversations", body)

    # --- Reading --------------------------------------------------------------------------

    def _read_log(self) -> Request:
        return Request("GET", f"{self._conversation}/log?after=0&limit=200")

    def _read_cells(self) -> Request:
        return Request("GET", f"{self._conversation}/cells?since=0")

    def _read_people(self) -> Request:
        some = [wire.KnownPerson(person_id=one, held=b"") for one in self._plan.people[:500]]
        return Request("POST", "/v1/people/trust", wire.LookUpTrust(people=some, keys=True))

    # --- Sockets --------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Connect again and again, with Hellos and cursors of a thousand conversations."""
        plan = self._plan
        some = [ConversationId(secrets.token_hex(16)) for _ in range(999)]
        positions = [wire.Position(conversation_id=one, seq=Seq(0)) for one in some]
        hello = wire.Hello(
            version=wire.WIRE_VERSION, access_token=plan.device.token, positions=positions
        )
        updates = [
            wire.CursorUpdate(conversation_id=one, delivered_seq=Seq(2**50), read_seq=Seq(2**50))
            for one in (plan.conversation_id, *some)
        ]
        said = [msgspec.msgpack.encode(hello)]
        said += [msgspec.msgpack.encode(wire.Cursors(updates=updates))] * 5
        upgrade = upgrade_request(*self._address)
        while True:
            try:
                _, socket = await asyncio.get_running_loop().create_connection(
                    lambda: _Socket(upgrade, said), *self._address
                )
            except OSError:
                self._answers["socket: refused"] += 1
                await asyncio.sleep(0.05)
                continue
            await asyncio.sleep(0.02)
            self._answers[f"socket: {socket.close_code or 'open'}"] += 1
            socket.transport.abort()


async def _main(plan: Plan, host: str, port: str) -> None:
    await answer_lines(Hostile(plan, (host, int(port))).answer)


if __name__ == "__main__":
    told = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    uvloop.run(_main(told, *sys.argv[2:]))
