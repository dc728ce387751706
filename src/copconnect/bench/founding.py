"""A large conversation whose cells are real MLS groups: made once, cached, founded at every run.

The real Delivery Service assigns the cells, in process, on a copy of the force's database; the
client's own MLS code makes every cell under Node (client/bench/found-cells.ts). A run copies the
database and uploads the founding commits over HTTP with fresh key records, as the founders would.
"""

import asyncio
import contextlib
import hashlib
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.app import Container, command_line
from copconnect.bench import copying
from copconnect.bench.cells import public_key_of
from copconnect.bench.figures import say
from copconnect.bench.force import Device, Force
from copconnect.bench.http_client import HttpPool, request
from copconnect.clock import SystemClock
from copconnect.delivery import leaf_store, store, suites
from copconnect.delivery.roster_tree import RosterTree, leaf
from copconnect.delivery.suites import SUITES
from copconnect.ids import ClientId, ConversationId, Epoch, PersonId, new_id
from copconnect.principals import Caller
from copconnect.settings import Settings

NODE_PROCESSES = 2
SAY_S = 5  # Between two lines on how far they are.
AT_ONCE = 4  # Uploads on their way at a time.
_FORMAT = 2  # Of what this module makes.
_MOST_ADDED = 5000  # In one change of members.


class FoundedCell(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What found-cells.ts made of a cell."""

    cell_id: str
    commit: bytes
    group_info: bytes
    welcome: bytes | None
    seed: bytes
    tree_hash: bytes
    client_ids: list[str]  # The founder first.


class Founding(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that is ready to be founded."""

    conversation_id: str
    suite: int
    roster_key: bytes
    head: bytes
    trust: wire.Trust


@dataclass(frozen=True, slots=True)
class Conversation:
    """A large conversation with its cells and devices. ``folder`` is read only: copy to use."""

    folder: Path
    founding: Founding
    cells: Sequence[FoundedCell]  # Ascending by id.
    devices: Mapping[str, Device]  # By client id.

    @property
    def database(self) -> Path:
        """The database with the conversation, no cell founded."""
        return self.folder / "copconnect.sqlite3"

    @property
    def kem(self) -> int:
        """The KEM of its cell keys."""
        return SUITES[self.founding.suite].kem

    def tree(self) -> RosterTree:
        """Return the roster's Merkle tree."""
        return RosterTree(
            leaf(cell.cell_id, self.devices[client_id].certificate_hash)
            for cell in self.cells
            for client_id in cell.client_ids
        )


def cached(force: Force, suite: int, cell_size: int = wire.CELL_SIZE) -> Conversation:
    """Return a conversation of the whole force, made now if it is not in the cache."""
    smaller = f"-cells-of-{cell_size}" if cell_size < wire.CELL_SIZE else ""
    folder = force.folder / f"conversation-{suite}-{_FORMAT}{smaller}"
    founding = folder / "founding.msgpack"
    database = folder / "copconnect.sqlite3"
    if not (founding.is_file() and asyncio.run(copying.brought_up_to_date(database))):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        copying.to_file(force.database, database)
        asyncio.run(_create(force, folder, suite, cell_size))
    return with_cells(force, folder)


def with_cells(force: Force, folder: Path) -> Conversation:
    """Return the conversation that :func:`plan` has written, its cells made now where they lack."""
    _found_cells(folder)
    files = sorted((folder / "cells").glob("*.msgpack"))
    return Conversation(
        folder,
        msgspec.msgpack.decode((folder / "founding.msgpack").read_bytes(), type=Founding),
        [msgspec.msgpack.decode(file.read_bytes(), type=FoundedCell) for file in files],
        {device.client_id: device for device in force.devices},
    )


async def _create(force: Force, folder: Path, suite: int, cell_size: int) -> None:
    settings = Settings(
        data_dir=force.folder,
        database_url=f"sqlite+aiosqlite:///{folder}/copconnect.sqlite3",
        suite=suites.name_of(suite),
        cell_size=cell_size,
    )
    first, *others = force.devices
    caller = Caller(PersonId(first.person_id), ClientId(first.client_id), conduct_accepted=True)
    async with command_line(settings) as container:
        conversation_id = await _converse(container, caller, others)
        await plan(container, force, conversation_id, folder, suite)


async def plan(
    container: Container, force: Force, conversation_id: ConversationId, folder: Path, suite: int
) -> None:
    """Write into ``folder`` what founding the cells of a new conversation needs."""
    async with container.database.reading() as connection:
        found = await leaf_store.leaves_in(connection, [conversation_id])
        newest = await store.newest_roster(connection, conversation_id)
    trust = await container.auth.trust.trust()
    authority = container.authority.roster
    if newest is None:
        raise RuntimeError("the conversation was not made")
    cells: dict[str, list[str]] = {}
    for one in found[conversation_id]:
        cells.setdefault(one.cell_id, []).append(one.client_id)
    devices = {device.client_id: device for device in force.devices}
    cells_to_found = {
        "trust": trust,
        "conversationId": conversation_id,
        "suite": suite,
        "cells": [
            {"cellId": cell_id, "devices": [planned(devices[one]) for one in client_ids]}
            for cell_id, client_ids in cells.items()
        ],
    }
    (folder / "plan.msgpack").write_bytes(msgspec.msgpack.encode(cells_to_found))
    founding = Founding(
        conversation_id=conversation_id,
        suite=suite,
        roster_key=authority.public_key,
        head=newest[0],
        trust=trust,
    )
    (folder / "founding.msgpack").write_bytes(msgspec.msgpack.encode(founding))


async def _converse(
    container: Container, caller: Caller, others: Sequence[Device]
) -> ConversationId:
    membership = container.delivery.membership
    people = [device.person_id for device in others]
    made = await membership.create(
        caller,
        wire.CreateConversation(
            conversation_id=new_id(),
            kind="group",
            cell_id=new_id(),
            person_ids=people[:_MOST_ADDED],
            who_may_post="everyone",
        ),
    )
    for at in range(_MOST_ADDED, len(people), _MOST_ADDED):
        change = wire.ChangeMembers(
            change_id=new_id(),
            add=people[at : at + _MOST_ADDED],
            remove=[],
            make_admin=[],
            revoke_admin=[],
        )
        await membership.change_members(caller, made.conversation_id, change)
    return made.conversation_id


def planned(device: Device) -> dict[str, object]:
    """Return a device as the programs under Node read it."""
    return {
        "personId": device.person_id,
        "clientId": device.client_id,
        "certificate": device.certificate,
        "certificateHash": device.certificate_hash,
        "privateKey": device.private_key,
    }


def _found_cells(folder: Path) -> None:
    """Let Node make the cells that are not there yet."""
    made = folder / "cells"
    made.mkdir(exist_ok=True)
    if (made / ".all").exists():
        return
    began = time.monotonic()
    command = [
        "node",
        "--import",
        "tsx",
        "client/bench/found-cells.ts",
        str(folder / "plan.msgpack"),
        str(made),
    ]
    parts = [
        subprocess.Popen(  # noqa: S603 - our own program.
            [*command, str(part), str(NODE_PROCESSES)], stdout=subprocess.DEVNULL
        )
        for part in range(NODE_PROCESSES)
    ]
    try:
        while running := [process for process in parts if process.poll() is None]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running[0].wait(SAY_S)
            count = sum(1 for _ in made.glob("*.msgpack"))
            say(f"{count} cells are made.")
    finally:
        for process in parts:
            process.kill()
    if any(process.wait() for process in parts):
        raise RuntimeError("the cells were not made")
    say(f"Node needed {time.monotonic() - began:.0f} s.")
    (made / ".all").touch()


# --- Founding at a server -----------------------------------------------------------------------


def key_record(
    conversation: Conversation, cell: FoundedCell, signer: Device, created_ms: int
) -> bytes:
    """Return the cell key record of a founded cell's first epoch (docs/protocol.md)."""
    public_key = public_key_of(conversation.kem, cell.seed)
    unsigned = (
        b"\1"
        + conversation.kem.to_bytes(2, "big")
        + bytes.fromhex(conversation.founding.conversation_id + cell.cell_id)
        + (1).to_bytes(8, "big")
        + hashlib.sha256(cell.tree_hash).digest()
        + conversation.founding.head[17:25]
        + created_ms.to_bytes(8, "big")
        + len(public_key).to_bytes(2, "big")
        + public_key
        + bytes.fromhex(signer.certificate_hash)
    )
    key = Ed25519PrivateKey.from_private_bytes(signer.private_key)
    return unsigned + key.sign(b"CELLS-v1 cell-key\0" + unsigned)


def key_id(record: bytes) -> bytes:
    """Return the id by which seals name a record's key."""
    return hashlib.sha256(b"CELLS-v1 key-id\0" + record[:-64]).digest()[:16]


async def records(conversation: Conversation, address: tuple[str, int]) -> list[bytes]:
    """Return the newest key record of every cell, as a sender fetches them."""
    device = conversation.devices[conversation.cells[0].client_ids[0]]
    pool = HttpPool(*address)
    path = f"/v1/conversations/{conversation.founding.conversation_id}/keys"
    answer = await pool.ask(request("GET", path, device.token))
    pool.close()
    if answer.status != 200:
        raise RuntimeError(f"no keys: {answer.status} {answer.body[:300]!r}")
    keys = msgspec.msgpack.decode(answer.body, type=wire.CellKeys)
    return [key.record for key in keys.keys]


async def found(
    conversation: Conversation, addresses: Sequence[tuple[str, int]]
) -> dict[str, bytes]:
    """Upload every founding commit to the servers in turn; return key ids by cell id."""
    pools = [HttpPool(*address, most=AT_ONCE) for address in addresses]
    tree = conversation.tree()
    slots = asyncio.Semaphore(AT_ONCE)
    key_ids: dict[str, bytes] = {}

    async def one(number: int, cell: FoundedCell) -> None:
        founder = conversation.devices[cell.client_ids[0]]
        async with slots:
            record = key_record(conversation, cell, founder, SystemClock().now_ms())
            body = wire.UploadCommit(
                entry_id=new_id(),
                epoch=Epoch(0),
                founding=True,
                commit=cell.commit,
                group_info=cell.group_info,
                welcome=cell.welcome,
                welcome_clients=cell.client_ids[1:],
                key_record=record,
                signer_proof=tree.inclusion_proof(leaf(cell.cell_id, founder.certificate_hash)),
            )
            path = (
                f"/v1/conversations/{conversation.founding.conversation_id}"
                f"/cells/{cell.cell_id}/commits"
            )
            asked = request("POST", path, founder.token, msgspec.msgpack.encode(body))
            answer = await pools[number % len(pools)].ask(asked)
        if answer.status not in (200, 201):
            raise RuntimeError(f"a cell was not founded: {answer.status} {answer.body[:300]!r}")
        key_ids[cell.cell_id] = key_id(record)

    try:
        async with asyncio.TaskGroup() as group:
            for number, cell in enumerate(conversation.cells):
                group.create_task(one(number, cell))
    finally:
        for pool in pools:
            pool.close()
    return key_ids
