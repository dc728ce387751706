"""Conversations of several cells with devices that have real certificates, sign key records and
seal messages. Seals hold noise: the Delivery Service cannot tell, and must not need to."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.database import Database
from copconnect.delivery import roster_head
from copconnect.delivery.roster_tree import RosterTree, leaf
from copconnect.delivery.sealed.format import X25519
from copconnect.delivery.sealed.record import read_record
from copconnect.ids import CellId, ConversationId, Epoch, new_id
from copconnect.principals import Caller
from tests.cells.sealing import certificate_of
from tests.contract.delivery_world import World
from tests.contract.mls_bytes import commit, group_info

TREE_HASH = hashlib.sha256(bytes(32)).digest()  # Of the tree hash that mls_bytes writes.

NONE_BENT: Mapping[str, bytes] = {}


@dataclass
class Device:
    """A registered device, and the end of its chain."""

    caller: Caller
    key: Ed25519PrivateKey
    certificate: bytes
    certificate_hash: str
    seq: int = 0
    prev: bytes = bytes(32)


@dataclass
class Tree:
    """What a cell's members know of it: its epoch and its leaves."""

    epoch: int
    leaves: dict[int, tuple[Device, bytes]] = field(default_factory=dict)


class SealedWorld(World):
    """A world whose devices can do all that several cells need."""

    def __init__(self, database: Database, *, cell_size: int = 8, **more: Any) -> None:
        super().__init__(database, cell_size=cell_size, **more)
        self.trees: dict[CellId, Tree] = {}

    def device(self, person_id: str | None = None, days: int = 90) -> Device:
        """Register a device with a certificate of its own, for so many days."""
        key = Ed25519PrivateKey.generate()
        certificate = certificate_of(key, days)
        caller = self.registry.register(person_id, certificate=certificate)
        return Device(caller, key, certificate, hashlib.sha256(certificate).hexdigest())

    async def large(self, people: int) -> tuple[ConversationId, list[Device]]:
        """Create a group of so many people, with no cell founded."""
        devices = [self.device() for _ in range(people)]
        made = await self.group(devices[0].caller, [one.caller for one in devices[1:]])
        return made.conversation_id, devices

    async def ready(self, people: int) -> tuple[ConversationId, list[Device]]:
        """Create a group of several cells, each founded by one device and then full."""
        conversation_id, devices = await self.large(people)
        for cell_id, those in (await self.cells(conversation_id, devices)).items():
            await self.found(conversation_id, cell_id, those)
        return conversation_id, devices

    async def cell_of(self, conversation_id: ConversationId, device: Device) -> CellId:
        """Return a device's cell."""
        found = await self.service.membership.conversation(device.caller, conversation_id)
        return found.cells[0].cell_id

    async def cells(
        self, conversation_id: ConversationId, devices: Sequence[Device]
    ) -> dict[CellId, list[Device]]:
        """Return the devices by cell."""
        found: dict[CellId, list[Device]] = {}
        for one in devices:
            found.setdefault(await self.cell_of(conversation_id, one), []).append(one)
        return dict(sorted(found.items()))

    # --- Commits and key records --------------------------------------------------------------

    async def proof(self, conversation_id: ConversationId, device: Device) -> tuple[bytes, bytes]:
        """Return the newest head and the device's inclusion proof under it."""
        cell_id = await self.cell_of(conversation_id, device)
        roster = await self.service.rosters.of_cell(device.caller, conversation_id, cell_id)
        async with self.database.reading() as connection:
            tree: RosterTree = await self.service.trees.tree(
                connection, conversation_id, roster.head
            )
        return roster.head, tree.inclusion_proof(leaf(cell_id, device.certificate_hash))

    async def record(
        self,
        conversation_id: ConversationId,
        cell_id: CellId,
        epoch: int,
        signer: Device,
        bent: Mapping[str, bytes] = NONE_BENT,
    ) -> tuple[bytes, bytes]:
        """Return a key record by ``signer`` with its proof; ``bent`` replaces fields."""
        head, proof = await self.proof(conversation_id, signer)
        fields: dict[str, bytes] = {
            "version": b"\1",
            "kem": X25519.to_bytes(2, "big"),
            "conversation_id": bytes.fromhex(conversation_id),
            "cell_id": bytes.fromhex(cell_id),
            "epoch": epoch.to_bytes(8, "big"),
            "tree_hash": TREE_HASH,
            "roster_epoch": head[17:25],
            "created_ms": self.clock.at.to_bytes(8, "big"),
            "length": (32).to_bytes(2, "big"),
            "public_key": os.urandom(32),
            "signer": bytes.fromhex(signer.certificate_hash),
        }
        unsigned = b"".join((fields | dict(bent)).values())
        return unsigned + signer.key.sign(b"CELLS-v1 cell-key\0" + unsigned), proof

    async def upload(
        self,
        conversation_id: ConversationId,
        cell_id: CellId,
        device: Device,
        after: Mapping[int, tuple[Device, bytes]],
        *,
        founding: bool = False,
        external: bool = False,
        key: tuple[bytes | None, bytes | None] | None = None,
    ) -> wire.Accepted:
        """Upload a commit that leaves these leaves; ``key``: another record and proof."""
        epoch = 0 if founding else self.trees[cell_id].epoch
        group = bytes.fromhex(conversation_id + cell_id)
        index = next(i for i, (one, _) in after.items() if one is device)
        if key is None:
            key = await self.record(conversation_id, cell_id, epoch + 1, device)
        welcomed = sorted(
            one.caller.client_id
            for at, (one, _) in after.items()
            if at != index and at not in self.trees.get(cell_id, Tree(0)).leaves
        )
        body = wire.UploadCommit(
            entry_id=new_id(),
            epoch=Epoch(epoch),
            founding=founding,
            commit=commit(group, epoch, None if external else index),
            group_info=group_info(
                group, epoch + 1, {i: (one.certificate, k) for i, (one, k) in after.items()}
            ),
            welcome=b"welcome" if welcomed else None,
            welcome_clients=list[str](welcomed),
            key_record=key[0],
            signer_proof=key[1],
        )
        accepted = await self.service.commits.upload(device.caller, conversation_id, cell_id, body)
        self.trees[cell_id] = Tree(epoch + 1, dict(after))
        return accepted

    async def found(
        self, conversation_id: ConversationId, cell_id: CellId, devices: Sequence[Device]
    ) -> wire.Accepted:
        """Let the first device found the cell, welcoming the others."""
        leaves = {at: (one, os.urandom(16)) for at, one in enumerate(devices)}
        return await self.upload(conversation_id, cell_id, devices[0], leaves, founding=True)

    async def rotate(
        self,
        conversation_id: ConversationId,
        device: Device,
        *,
        without: Sequence[Device] = (),
        **more: Any,
    ) -> wire.Accepted:
        """Let a device commit, carrying out the Removes of ``without``."""
        cell_id = await self.cell_of(conversation_id, device)
        after = {
            at: (one, os.urandom(16) if one is device else leaf_key)
            for at, (one, leaf_key) in self.trees[cell_id].leaves.items()
            if one not in without
        }
        return await self.upload(conversation_id, cell_id, device, after, **more)

    # --- Messages -----------------------------------------------------------------------------

    async def sealed(
        self,
        conversation_id: ConversationId,
        device: Device,
        *,
        keys: wire.CellKeys | None = None,
        **more: Any,
    ) -> wire.PostSealed:
        """Return the device's next message for the cells that need it now."""
        if keys is None:
            keys = await self.service.keys.newest(device.caller, conversation_id, 0)
        key_of = {one.cell_id: one.key_id for one in keys.keys}
        seals = [
            bytes.fromhex(cell_id) + key_of[cell_id] + os.urandom(80) for cell_id in keys.cells
        ]
        head, proof = await self.proof(conversation_id, device)
        return seal(conversation_id, device, seals, head, proof, self.clock.at, **more)

    async def send(
        self, conversation_id: ConversationId, device: Device, **more: Any
    ) -> tuple[wire.PostSealed, wire.Accepted]:
        """Post the device's next message, announced when this returns, and go on in its chain."""
        post = await self.sealed(conversation_id, device, **more)
        accepted = await self.service.sealed.post(device.caller, conversation_id, post)
        await self.service.sealed.close()
        went(device, post)
        return post, accepted


def went(device: Device, post: wire.PostSealed) -> None:
    """The message was accepted: the device's next one follows it."""
    device.seq += 1
    device.prev = hashlib.sha256(post.sealed).digest()


def seal(
    conversation_id: str,
    device: Device,
    seals: Sequence[bytes],
    head: bytes,
    proof: bytes,
    sent_ms: int,
    *,
    body: bytes = b"body",
    signed_body: bytes | None = None,
    certificate: bytes | None = None,
    attachment_ids: Sequence[str] = (),
    bent: Mapping[str, bytes] = NONE_BENT,
) -> wire.PostSealed:
    """Return a sealed message; ``bent`` replaces fields of the header before it is signed."""
    digest = hashlib.sha256(b"CELLS-v1 cells\0" + b"".join(one[:32] for one in seals)).digest()
    fields: dict[str, bytes] = {
        "version": b"\1",
        "kem": X25519.to_bytes(2, "big"),
        "conversation_id": bytes.fromhex(conversation_id),
        "message_id": os.urandom(16),
        "sender": bytes.fromhex(device.certificate_hash),
        "seq": (device.seq + 1).to_bytes(8, "big"),
        "prev": device.prev,
        "roster_epoch": head[17:25],
        "roster_hash": roster_head.roster_hash(head),
        "sent_ms": sent_ms.to_bytes(8, "big"),
        "cells_digest": digest,
        "key_commit": os.urandom(32),
        "iv": os.urandom(12),
        "body_hash": hashlib.sha256(body if signed_body is None else signed_body).digest(),
    }
    unsigned = b"".join((fields | dict(bent)).values())
    return wire.PostSealed(
        sealed=unsigned + device.key.sign(b"CELLS-v1 message\0" + unsigned),
        body=body,
        seals=b"".join(seals),
        certificate=device.certificate if certificate is None else certificate,
        sender_proof=proof,
        attachment_ids=list(attachment_ids),
    )


def key_id(record: bytes) -> bytes:
    """Return the id of a record."""
    return read_record(record).key_id
