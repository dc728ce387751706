"""The SDK's device "a" of the golden vectors, before a server that has the vectors alone.

People, heads, proofs, keys and the log come to it by the SDK's own paths; the server is in memory.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from msgspec.structs import replace as replace_struct

from copconnect import wire
from copconnect.bot.context import Context, Identity
from copconnect.bot.conversation.inbox import Inbox
from copconnect.bot.conversation.place import Place
from copconnect.bot.failures import ServerRefused
from copconnect.bot.net.api import Api
from copconnect.bot.net.http import Http
from copconnect.bot.state.rows import ConversationRow, LogPlace, OwnKeyRow
from copconnect.bot.state.stores import Stores
from copconnect.bot.state.vault import KeyFile
from copconnect.bot.trust.clock import Clocks, TrustedTime
from copconnect.bot.trust.department import DepartmentTrust
from copconnect.bot.trust.own_keys import OwnKeys
from copconnect.bot.trust.people import People
from copconnect.ids import ConversationId, PersonId, Seq
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.message import LOG_START, message_hash, next_log_hash
from copconnect.records.conversation.roster import Cell, CellLine, Leaf, lines_tree
from copconnect.records.primitives import merkle
from copconnect.records.primitives.fields import Reader
from copconnect.records.trust.department import Policy
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.time_record import TimeRecord
from tests.bot.enrolled import key_of
from tests.records import golden
from tests.records.vectors import Vectors, signing_key

ME = "a"
LOG = ("1", "2", "3")


class GoldenApi(Api):
    """A server that has one version of the vectors. ``log``: whole messages, in order."""

    def __init__(self, v: Vectors) -> None:
        super().__init__(Http("https://golden.invalid", lambda: None))
        self.v = v
        self.log: list[bytes] = [v["messages"][name]["message"] for name in LOG]
        self.records: dict[bytes, bytes] = {
            one["key_id"]: one["record"] for one in v["conversation_keys"].values()
        }
        self.sealing = True  # Whether keys come with the device's seal.
        self.spoil: Callable[[bytes], bytes] = lambda record: record  # Cell keys pass it.

    async def people_trust(
        self, _people: list[wire.KnownPerson], *, keys: bool
    ) -> list[wire.PersonTrust]:
        found = bundles(self.v)
        if not keys:
            return found
        of = {one.person_id: list[bytes]() for one in found}
        for one in self.v["devices"].values():
            if "device_key" in one:
                of[PersonId(one["person"].hex())].append(one["device_key"])
        return [replace_struct(one, version=2, keys=of[one.person_id]) for one in found]

    async def head(self, _conversation_id: ConversationId, epoch: int) -> bytes:
        one = self.v["roster"].get(str(epoch))
        if one is None:
            raise refusal("not_found")
        found: bytes = one["head"]
        return found

    async def proof(
        self, _conversation_id: ConversationId, epoch: int, device: bytes
    ) -> bytes | None:
        leaves = self.v["roster"].get(str(epoch), {"leaves": {}})["leaves"]
        names = {golden.device(self.v, name): proof for name, proof in leaves.items()}
        return names.get(device)

    async def key(self, _conversation_id: ConversationId, key_id: bytes | None) -> wire.Keys:
        record = self.records.get(key_id or b"")
        if record is None:
            raise refusal("not_found")
        seals = [
            one["seals"].get(ME) or one["seals"]["cell 1"]
            for one in self.v["conversation_keys"].values()
            if one["record"] == record
        ]
        seal = seals[0] if seals and self.sealing else None
        return wire.Keys(key=wire.KeyItem(record=record, seal=seal), head=None, proof=None)

    async def chain(self, _conversation_id: ConversationId) -> bytes | None:
        return None

    async def time(self, nonce: bytes) -> bytes:
        record = TimeRecord(nonce=nonce, time=self.v["now"], log_size=0, log_root=bytes(32))
        return record.signed(signing_key("roster authority")).encode()

    def _cell(self, cell: Cell) -> wire.CellLeaves:
        every = sorted(cells(self.v).values(), key=lambda one: one.line.cell_id)
        at = [one.line.cell_id for one in every].index(cell.line.cell_id)
        return wire.CellLeaves(
            head=self.v["roster"]["3"]["head"],
            stamp=b"",
            leaves=b"".join(cell.encoded),
            line=cell.line.encode(),
            path=lines_tree([one.line for one in every]).path(at),
        )

    async def own_cell(self, _conversation_id: ConversationId) -> wire.CellLeaves:
        return self._cell(cells(self.v)[self.v["cell_keys"]["1"]["cell"]])

    async def cell(self, _conversation_id: ConversationId, cell_id: bytes) -> wire.CellLeaves:
        return self._cell(cells(self.v)[cell_id])

    async def cell_keys(self, _conversation_id: ConversationId, _since: int) -> wire.CellKeys:
        every = cells(self.v)
        items: list[wire.CellKeyItem] = []
        for one in self.v["cell_keys"].values():
            record = self.spoil(one["record"])
            cell, author = every[one["cell"]], CellKey.parse(one["record"]).author
            at = [leaf.device for leaf in cell.leaves].index(author)
            proof = cell.encoded[at] + cell.tree.path(at)
            items.append(wire.CellKeyItem(record=record, author_proof=proof, seal=None))
        lines = b"".join(every[one].line.encode() for one in sorted(every))
        head = self.v["roster"]["3"]["head"]
        return wire.CellKeys(version=1, head=head, stamp=b"", lines=lines, keys=items)

    async def log_after(
        self, conversation_id: ConversationId, after: int, limit: int
    ) -> wire.LogPage:
        entries = [
            wire.LogEntry(
                conversation_id=conversation_id,
                seq=Seq(seq),
                sent_ms=self.v["now"],
                message=message,
            )
            for seq, message in enumerate(self.log, 1)
        ]
        return wire.LogPage(
            entries=entries[after : after + limit],
            heads=[],
            proofs=[],
            keys=[],
            log_hash=log_hash(self.log[:after]),
            last_seq=Seq(len(self.log)),
            more=after + limit < len(self.log),
        )


def refusal(code: str) -> ServerRefused:
    """Return a documented refusal."""
    body = wire.ErrorBody(
        code=code, message="", remedy="", retry=False, retry_after_ms=None, details={}
    )
    return ServerRefused(404, body)


def log_hash(messages: list[bytes]) -> bytes:
    """Return L after these messages."""
    found = LOG_START
    for one in messages:
        found = next_log_hash(found, message_hash(one))
    return found


def bundles(v: Vectors) -> list[wire.PersonTrust]:
    """Return the vectors' people as a server hands them out; d is not endorsed."""
    people: dict[bytes, dict[str, list[bytes]]] = {}

    def of(person: bytes) -> dict[str, list[bytes]]:
        kinds = ("devices", "certificates", "cards", "endorsements", "grants", "revocations")
        return people.setdefault(person, {kind: [] for kind in kinds})

    for name, one in v["devices"].items():
        of(one["person"])["certificates"].append(one["certificate"])
        if name in v["endorsements"] and name != "d":
            of(one["person"])["endorsements"].append(v["endorsements"][name])
        if name in v["revocations"]:
            of(one["person"])["revocations"].append(v["revocations"][name])
    for grant in v["grants"].values():
        of(Grant.parse(grant).person_id)["grants"].append(grant)
    for name, person in v["people"].items():
        of(person["person"])["devices"].append(v["person_devices"][name])
        of(person["person"])["cards"].append(person["card"])
    return [
        wire.PersonTrust(person_id=PersonId(person.hex()), version=1, keys=[], **lists)
        for person, lists in people.items()
    ]


class GoldenDevice:
    """Device a, its state in a file."""

    def __init__(self, v: Vectors, folder: Path) -> None:
        self.v = v
        self.api = GoldenApi(v)
        path = folder / "golden.bot"
        self.stores = Stores.create(path, KeyFile.make(key_of(path).path))
        unsigned = replace(golden.department(v), policy=Policy.NONE)
        signed = unsigned.signed(signing_key("offline root"))
        department = DepartmentTrust(1, v["root_key"], (v["issuing_key"],), (signed,))
        clocks = Clocks(wall=lambda: v["now"], monotonic=lambda: 0)

        async def nothing_newer() -> bool:
            return False

        people = People(
            self.api, self.stores, department, now=lambda: 0, refresh_department=nothing_newer
        )
        time = TrustedTime(self.api, self.stores, lambda: people.authority, clocks)
        device, signer = golden.device(v, ME), golden.signer(v, ME)
        own_keys = OwnKeys(
            self.api, self.stores, time, device=device, signer=signer, lowest_kem=lambda: v["kem"]
        )
        key = golden.device_key(v, ME)
        row = OwnKeyRow(
            key_id=key.key_id(),
            kem=v["kem"],
            generation=key.generation,
            created_ms=key.created,
            record=key.encode(),
            private_key=v["devices"][ME]["key_seed"],
            published=True,
            former_since_ms=None,
        )
        self.stores.own_keys.put(key.key_id().hex(), row)
        identity = Identity(v["people"]["A"]["person"], device, signer)
        self.context = Context(self.api, self.stores, people, time, own_keys, identity)
        conversation = ConversationRow(
            conversation_id=ConversationId(v["conversation"].hex()),
            kind="group",
            listed=True,
            name="",
            direct_person_id=None,
            may_post=True,
            cells=2,
            members=3,
            info_version="",
            log=LogPlace(cursor=0, hash=LOG_START, epoch=0),
        )
        self.stores.conversations.put(conversation.conversation_id, conversation)
        self.place = Place(self.context, conversation)
        self.missing: list[Place] = []
        self.inbox = Inbox(
            self.context,
            on_missing=self.missing.append,
            on_message=lambda _: None,
            on_own=lambda *_: None,
        )


def cells(v: Vectors, epoch: int = 3) -> dict[bytes, Cell]:
    """Return the cells of the roster, made from the vectors' leaves."""
    proofs = [Reader(proof, "S3") for proof in v["roster"][str(epoch)]["leaves"].values()]
    leaves = [Leaf.read(reader) for reader in proofs]
    lines: dict[bytes, CellLine] = {}
    for leaf, reader in zip(leaves, proofs, strict=True):
        merkle.climb(merkle.leaf_hash(leaf.encode()), reader)
        lines[leaf.cell_id] = CellLine.read(reader)
    return {
        cell_id: Cell(cell_id, line.rekey_epoch, [one for one in leaves if one.cell_id == cell_id])
        for cell_id, line in lines.items()
    }
