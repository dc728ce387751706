"""Duties of connected devices for one another and for themselves when rosters and keys change.

A device that is asked makes its cell's key (C1) or the conversation's (D7) and answers share
requests (H1 to H4); a newly listed device starts with the newest messages, and asks for shares that
the server has not asked for, as does a device that a new key does not cover. All over HTTP.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from bench.crowd.device import Place, SimulatedDevice
from bench.crowd.parts import Crowd
from bench.crowd.reading import KEM
from bench.crowd.recipients import (
    Recipient,
    cells_of,
    keys_of,
    leaves,
    now_ms,
    sealed,
    usable_of,
)
from bench.crowd.sharing import expected, lacking, reference, share_for
from bench.net.http_client import Answer, refusal_code, request
from copconnect import wire
from copconnect.ids import CellId, ConversationId, DeviceId, PersonId
from copconnect.limits import AWAITED_MS
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.key_share import (
    KeyShare,
    SecretKind,
)
from copconnect.records.conversation.message import LOG_START
from copconnect.records.conversation.roster import RosterHead, check_proof
from copconnect.records.conversation.seals import parse_seal
from copconnect.records.primitives.fields import Refused
from copconnect.sealing.keys import (
    check_cell_secret,
    make_cell_key,
    make_conversation_key,
    new_secret,
)

T = TypeVar("T", bound=msgspec.Struct)
NEWEST = 20  # Messages that a newcomer fetches first.
ASK_AFTER_S = 1.0  # A key may still be on its way.
# As devices wait (S9).
AWAITED_S = AWAITED_MS / 1_000
FAILED_S = 10.0
TRIES = 5
CAUSES = ("awaited", "failed", "sealed", "entry", "start")


class Duties:
    """The duties of a process's devices."""

    def __init__(self, simulator: Crowd) -> None:
        self._simulator = simulator
        self._reading = simulator.reading
        self._phones = simulator.reading.phones
        self.failed: Counter[str] = Counter()  # Requests that were refused: path's end and code.
        self.cell_keys_made = 0
        self.keys_made = 0
        self.seals_added = 0
        self.share_posts = 0
        # Requests for shares by their cause: a seal that has not come ("awaited") or does not open
        # ("failed"), a seal to a cell key that has not come ("sealed"), a message ("entry"), or a
        # secret that the server did not request from others when the device joined ("start").
        self.asked: Counter[str] = Counter(dict.fromkeys(CAUSES, 0))
        self.requests: Counter[str] = Counter()  # By end of path, with repeated ones.
        # Frames of conversations that devices begin with; they are taken once the answer has come.
        self._starting: dict[tuple[SimulatedDevice, ConversationId], list[tuple[bytes, int]]] = {}

    def receive(self, device: SimulatedDevice, frame: wire.ServerFrame) -> None:
        """Do what a frame asks for."""
        spawn = self._simulator.connections.spawn
        match frame:
            case wire.ConversationFrame(conversation_id=conversation_id):
                place, starting = device.places.get(conversation_id), (device, conversation_id)
                if (place is None or place.gone) and starting not in self._starting:
                    self._starting[starting] = []
                    spawn(self._join(device, conversation_id))
            case wire.CellKeyFrame(conversation_id=conversation_id, record=record, seal=seal):
                place = device.places.get(conversation_id)
                if place is not None and seal is not None:
                    self._learn_cell_key(device, place, record, seal)
            case wire.CellKeyWanted():
                spawn(self._make_cell_key(device, frame))
            case wire.KeyWanted(conversation_id=conversation_id):
                spawn(self._make_key(device, conversation_id))
            case wire.ShareWanted():
                spawn(self._share(device, frame))
            case wire.SealsWanted():
                spawn(self._seal_late(device, frame))
            case wire.ShareFrame(conversation_id=conversation_id, share=share):
                spawn(self._receive_share(device, conversation_id, share))
            case _:
                pass

    # --- HTTP -----------------------------------------------------------------------------

    async def _ask(
        self, device: SimulatedDevice, method: str, path: str, kind: type[T], body: object = None
    ) -> T | None:
        found = await self._raw(device, method, path, body)
        return None if found is None else msgspec.msgpack.decode(found, type=kind)

    async def _raw(
        self, device: SimulatedDevice, method: str, path: str, body: object = None
    ) -> bytes | None:
        data = b"" if body is None else msgspec.msgpack.encode(body)
        answer = Answer(0, b"")
        for _ in range(TRIES):
            self.requests[f"{method} {path.partition('?')[0].rpartition('/')[2]}"] += 1
            pool = self._simulator.starting if path.endswith("/start") else self._simulator.http
            answer = await pool.ask(request(method, path, device.token, data))
            device.bytes += len(answer.body)
            if answer.status == 0 or answer.status >= 500 or answer.status == 429:
                await asyncio.sleep(0.5 + random.random())  # noqa: S311 - jitter.
                continue
            if 200 <= answer.status < 300:
                return answer.body
            break
        self.failed[f"{method} {path.rpartition('/')[2]}: {refusal_code(answer)}"] += 1
        return None

    # --- Joining --------------------------------------------------------------------------

    async def _join(self, device: SimulatedDevice, conversation_id: ConversationId) -> None:
        path = f"/v1/conversations/{conversation_id}/start"
        body = wire.StartConversation(entries=NEWEST)
        start = await self._ask(device, "POST", path, wire.Start, body)
        if start is None or start.conversation.roster is None:
            del self._starting[device, conversation_id]
            return
        page, roster = start.page, start.conversation.roster
        view = self._reading.view(conversation_id)
        leaf, _ = check_proof(view.add_head(roster.head), device.planned.device, roster.proof, "S1")
        cell_id, begins = CellId(leaf.cell_id.hex()), (0, LOG_START)  # Until the page is taken.
        place = self._reading.joined(device, conversation_id, cell_id, begins)
        place.held = []  # Messages that sockets bring meanwhile.
        await self._simulator.learn_senders(device, page)
        first = page.entries[0].seq - 1 if page.entries else page.last_seq
        self._reading.begin(place, (first, page.log_hash))
        self._receive_cell_keys(device, place, start.cell_keys)
        self._simulator.receive_page(device, place, page)
        unasked = set(lacking(place)) - set(expected(start))
        await self._simulator.catch_up(device, place, conversation_id, page.last_seq)
        for payload, now_ns in self._starting.pop((device, conversation_id)):
            self._simulator.receive(device, payload, now_ns)
        if unasked:
            await self._ask_for_shares(device, place, conversation_id, "start")
        if start.awaited:
            self._awaits(device, conversation_id, place)

    def hold(
        self, device: SimulatedDevice, conversation_id: ConversationId, payload: bytes, now_ns: int
    ) -> bool:
        """Keep a frame for later if a device is beginning with its conversation; return whether
        it is."""
        frames = self._starting.get((device, conversation_id))
        if frames is not None:
            frames.append((payload, now_ns))
        return frames is not None

    def fetch(self, device: SimulatedDevice, conversation_id: ConversationId, place: Place) -> None:
        """Let a device fetch heads, proofs and keys for which an entry waits, unless it asks for a
        share of a key already."""
        if not place.fetching and not place.lacking:
            place.fetching = True
            self._simulator.connections.spawn(self._fetch(device, conversation_id, place))

    async def _fetch(
        self, device: SimulatedDevice, conversation_id: ConversationId, place: Place
    ) -> None:
        await asyncio.sleep(ASK_AFTER_S)
        if place.waiting and not place.lacking:
            after = min(place.waiting) - 1
            path = f"/v1/conversations/{conversation_id}/log?after={after}"
            page = await self._ask(device, "GET", path, wire.LogPage)
            if page is not None:
                await self._simulator.learn_senders(device, page)
                self._simulator.receive_page(device, place, page)
                self._reading.retry(device, place)
        place.fetching = False
        if place.lacking:
            self.lacks(device, conversation_id, place, "entry", ASK_AFTER_S)

    async def _fetch_cell_keys(
        self, device: SimulatedDevice, place: Place, conversation_id: ConversationId
    ) -> None:
        path = f"/v1/conversations/{conversation_id}/cells/own/keys"
        own = await self._ask(device, "GET", path, wire.OwnCellKeys)
        if own is not None:
            self._receive_cell_keys(device, place, own.keys)

    def _receive_cell_keys(
        self, device: SimulatedDevice, place: Place, items: Sequence[wire.CellKeyItem]
    ) -> None:
        for item in items:
            record = CellKey.parse(item.record)
            self._reading.cell_records[record.key_id()] = record
            if item.seal is not None:
                self._learn_cell_key(device, place, item.record, item.seal)
            elif record.key_id() not in place.cell_keys:
                place.cell_records[record.key_id()] = record

    def _learn_cell_key(
        self, device: SimulatedDevice, place: Place, data: bytes, sealed_to: bytes
    ) -> None:
        record, seal = CellKey.parse(data), parse_seal(KEM, sealed_to, "C2")
        key_id = record.key_id()
        if key_id in place.cell_keys:
            return
        try:
            secret = self._phones.open_cell_key(device.planned, record, seal)
        except Refused as refused:
            self._reading.refused[str(refused)] += 1
            return
        self._reading.cell_records[key_id] = record
        self._reading.cell_key(device, place, key_id, secret)

    # --- Asking for shares ----------------------------------------------------------------

    def key_came(self, device: SimulatedDevice, place: Place, frame: wire.KeyFrame) -> None:
        """Let a device ask for a share of a key that it cannot open soon (S9)."""
        c, key_id = frame.conversation_id, self._reading.key_id(frame.record)
        if key_id not in place.lacking:
            if frame.first:
                self._simulator.connections.spawn(self._say_opened(device, c, key_id))
            return
        chance = random.random()  # noqa: S311 - jitter.
        held = frame.seal is not None and frame.seal[:16] in place.cell_keys
        if frame.awaited:
            self._awaits(device, c, place)
        elif held or frame.first:
            self.lacks(device, c, place, "failed", 0.0 if frame.first else FAILED_S * chance)
        else:
            self.lacks(device, c, place, "sealed", ASK_AFTER_S * (1 + chance))

    def _awaits(self, device: SimulatedDevice, c: ConversationId, place: Place) -> None:
        """Let a device wait for the seal of its cell (S9)."""
        chance = random.random()  # noqa: S311 - jitter.
        self.lacks(device, c, place, "awaited", AWAITED_S * (1 + chance))

    async def _say_opened(
        self, device: SimulatedDevice, conversation_id: ConversationId, key_id: bytes
    ) -> None:
        path = f"/v1/conversations/{conversation_id}/share-requests/done"
        opened = reference(SecretKind.CONVERSATION_KEY, key_id[:16])
        await self._raw(device, "POST", path, wire.ShareRequest(references=[opened]))

    def lacks(
        self,
        device: SimulatedDevice,
        conversation_id: ConversationId,
        place: Place,
        cause: str,
        after_s: float,
    ) -> None:
        """Let a device ask after a while for a share of a key, unless it can open it by then."""
        place.ask_at, place.ask_cause = asyncio.get_running_loop().time() + after_s, cause
        if not place.asking:
            place.asking = True
            self._simulator.connections.spawn(self._ask_later(device, conversation_id, place))

    async def _ask_later(
        self, device: SimulatedDevice, conversation_id: ConversationId, place: Place
    ) -> None:
        while place.lacking:
            left_s = place.ask_at - asyncio.get_running_loop().time()
            if left_s <= 0:
                break
            await asyncio.sleep(min(left_s, 1.0))
        place.asking = False
        if place.lacking and not place.gone:
            await self._fetch_cell_keys(device, place, conversation_id)
            self._reading.try_lacking(device, place)
            await self._ask_for_shares(device, place, conversation_id, place.ask_cause)

    async def _ask_for_shares(
        self, device: SimulatedDevice, place: Place, conversation_id: ConversationId, cause: str
    ) -> None:
        wanted = lacking(place)
        if wanted:
            self.asked[cause] += 1
            path = f"/v1/conversations/{conversation_id}/share-requests"
            await self._raw(device, "POST", path, wire.ShareRequest(references=wanted))

    async def _receive_share(
        self, device: SimulatedDevice, conversation_id: ConversationId, data: bytes
    ) -> None:
        place = device.places.get(conversation_id)
        if place is None:
            return
        try:
            share = KeyShare.parse(KEM, data)
            secrets = self._phones.open_share(device.planned, share)
        except Refused as refused:
            self._reading.refused[str(refused)] += 1
            return
        done: list[wire.ShareReference] = []
        for name, secret in secrets.items():
            if self._learn_secret(device, place, name.kind, name.reference, secret):
                done.append(reference(name.kind, name.reference))
        if done:
            path = f"/v1/conversations/{conversation_id}/share-requests/done"
            await self._raw(device, "POST", path, wire.ShareRequest(references=done))

    def _learn_secret(
        self,
        device: SimulatedDevice,
        place: Place,
        kind: SecretKind,
        reference: bytes,
        secret: bytes,
    ) -> bool:
        """Keep a secret that matches its record (H6)."""
        try:
            if kind == SecretKind.CELL_KEY:
                record = place.cell_records.get(reference)
                if record is None:
                    return reference in place.cell_keys
                check_cell_secret(record, secret)
                self._reading.cell_key(device, place, reference, secret)
                return True
            for key_id in place.lacking:
                if key_id.startswith(reference):
                    self._reading.learn_secret(device, place, key_id, secret)
                    return True
            return self._reading.held(place, kind, reference) is not None
        except Refused as refused:
            self._reading.refused[str(refused)] += 1
        return False

    # --- Helping others -------------------------------------------------------------------

    async def _share(self, device: SimulatedDevice, asked: wire.ShareWanted) -> None:
        place = device.places.get(asked.conversation_id)
        if place is None or place.gone:
            return
        head = place.receiver.view.add_head(asked.head)
        lacks_record = [
            one
            for one in asked.references
            if SecretKind(one.kind) == SecretKind.CELL_KEY
            and bytes.fromhex(one.reference) in place.cell_keys
            and bytes.fromhex(one.reference) not in self._reading.cell_records
        ]
        if lacks_record:
            await self._fetch_cell_keys(device, place, asked.conversation_id)
        held = [
            self._reading.held(place, one.kind, bytes.fromhex(one.reference))
            for one in asked.references
        ]
        secrets = [one for one in held if one is not None]
        if not secrets:
            return
        self._simulator.say(device, wire.Working(conversation_id=asked.conversation_id))
        made = [(one.device, share_for(self._phones, one, head, secrets)) for one in asked.askers]
        shares = [wire.DeviceShare(device=one, share=share) for one, share in made if share]
        if not shares:
            return
        self.share_posts += 1
        path = f"/v1/conversations/{asked.conversation_id}/shares"
        await self._raw(device, "POST", path, wire.SubmitShares(shares=shares))

    async def _seal_late(self, device: SimulatedDevice, asked: wire.SealsWanted) -> None:
        """S9: seal a key that this device holds to cell keys that were made after it."""
        place = device.places.get(asked.conversation_id)
        key_id = bytes.fromhex(asked.key_id)
        secret = None if place is None else place.receiver.secrets.get(key_id)
        if place is None or secret is None or place.gone:
            return
        head, record = place.receiver.view.add_head(asked.head), place.receiver.view.record(key_id)
        if record.epoch < head.rekey_epoch or record.created < head.latest_history_from:
            return
        self._simulator.say(device, wire.Working(conversation_id=asked.conversation_id))
        path = f"/v1/conversations/{asked.conversation_id}"
        found = await self._ask(device, "GET", f"{path}/cells?since=0", wire.CellKeys)
        if found is None:
            return
        wanted = {bytes.fromhex(one) for one in asked.cell_keys}
        usable = usable_of(found, head.kem)
        seals = sealed(secret, record, [one for one in usable if one.key_id in wanted])
        body = wire.SubmitLateSeals(key_id=asked.key_id, seals=seals, refused=[])
        if await self._raw(device, "POST", f"{path}/keys/seals", body) is not None:
            self.seals_added += len(wanted)

    async def _make_cell_key(self, device: SimulatedDevice, asked: wire.CellKeyWanted) -> None:
        path = f"/v1/conversations/{asked.conversation_id}/cells/own"
        cell = await self._ask(device, "GET", path, wire.CellLeaves)
        if cell is None:
            return
        self._simulator.say(device, wire.Working(conversation_id=asked.conversation_id))
        listed = leaves(cell.leaves)
        keys = await self._device_keys(device, {leaf.person_id.hex() for leaf in listed})
        recipients = [keys[leaf.device] for leaf in listed if leaf.device in keys]
        secret = new_secret()
        record = make_cell_key(
            secret,
            device.planned.signer,
            head=RosterHead.parse(cell.head),
            cell_id=bytes.fromhex(asked.cell_id),
            generation=asked.generation,
            author=device.planned.device,
            now=now_ms(),
        )
        left_out = [DeviceId(leaf.device.hex()) for leaf in listed if leaf.device not in keys]
        seals = self._phones.cell_key_seals(secret, record, recipients)
        body = wire.SubmitCellKey(record=record.encode(), seals=seals, left_out=left_out)
        if await self._raw(device, "POST", f"{path}/keys", body) is not None:
            self.cell_keys_made += 1

    async def _make_key(self, device: SimulatedDevice, conversation_id: ConversationId) -> None:
        path = f"/v1/conversations/{conversation_id}"
        found = await self._ask(device, "GET", f"{path}/cells?since=0", wire.CellKeys)
        if found is None:
            return
        head = RosterHead.parse(found.head)
        if len(cells_of(found.lines)) > 1:
            recipients = usable_of(found, head.kem)
        else:
            cell = await self._ask(device, "GET", f"{path}/cells/own", wire.CellLeaves)
            listed = leaves(cell.leaves) if cell is not None else []
            keys = await self._device_keys(device, {leaf.person_id.hex() for leaf in listed})
            recipients = [keys[leaf.device] for leaf in listed if leaf.device in keys]
        secret = new_secret()
        record = make_conversation_key(
            secret, device.planned.signer, head=head, author=device.planned.device, now=now_ms()
        )
        seals = sealed(secret, record, recipients)
        body = wire.SubmitKey(record=record.encode(), seals=seals, left_out=[])
        if await self._raw(device, "POST", f"{path}/keys", body) is not None:
            self.keys_made += 1

    async def _device_keys(
        self, device: SimulatedDevice, people: set[str]
    ) -> dict[bytes, Recipient]:
        known = [wire.KnownPerson(person_id=PersonId(one), held=b"") for one in sorted(people)]
        body = wire.LookUpTrust(people=known, keys=True)
        found = await self._ask(device, "POST", "/v1/people/trust", wire.PeopleTrust, body)
        return keys_of(found.people) if found is not None else {}
