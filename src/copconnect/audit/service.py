"""Records administrative acts, reads them and verifies the log. Stateless."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import msgspec
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit import store
from copconnect.audit.acts import Act
from copconnect.audit.filters import AuditFilter
from copconnect.audit.rules import (
    SALT_BYTES,
    Broken,
    Entry,
    EntryContent,
    LogVerifier,
    Noted,
    entry_hash,
)
from copconnect.audit.signatures import Signatures
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.principals import Principal, Signer, named
from copconnect.records.primitives.merkle import consistency_nodes, edge_root
from copconnect.records.trust.admin_act import SignedAct

_PAGE = 1_000
_ENCODER = msgspec.json.Encoder(order="deterministic")


class DeviceKeys(Protocol):
    """The public keys of devices; the Authentication Service knows them."""

    async def public_key(self, connection: AsyncConnection, device: bytes) -> bytes | None:
        """Return a device's Ed25519 key, also of a revoked device; None for an unknown one."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A whole log: the newest entry, and how many entries are signed."""

    number: int
    hash: bytes
    signed: int
    unsigned: int


class Audit:
    """The audit log."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(
        self, connection: AsyncConnection, by: Principal, act: Act, path: str = ""
    ) -> int:
        """Append an entry in the transaction of the act and return its number. Call it last there:
        other administrators wait for the log's row until the transaction ends.

        ``path``: of a unit at or above all that the act touched, where a signer does not say it.
        """
        number, previous, edge = await store.next_place(connection)
        now_ms = self._clock.now_ms()
        signer = by if isinstance(by, Signer) else None
        content = EntryContent(
            salt=secrets.token_bytes(SALT_BYTES),
            by=named(by),
            path=signer.path if signer else path,
            act=_ENCODER.encode(act).decode(),
            signed_as=signer.signed_as if signer else "",
            signed=signer.record if signer else b"",
            presence=signer.presence if signer else b"",
        )
        chained = entry_hash(previous, number, now_ms, content.digest())
        kind = str(type(act).__struct_config__.tag)
        await store.add(
            connection,
            Entry(number, now_ms, content, chained),
            edge,
            kind=kind,
            act_id=_act_id(content),
            device=signer.device if signer else None,
        )
        return number

    async def verify(self, keys: DeviceKeys, noted: Noted | None = None) -> Verified:
        """Verify the whole chain, every signature, and that an entry is the one that was noted.
        Raises Broken."""
        chain, signatures = LogVerifier(noted), Signatures()
        async with self._database.reading() as connection:
            _, newest = await store.head(connection)
            while entries := await store.after(connection, chain.number, _PAGE):
                for one in entries:
                    chain.follow(one.number, one.made_ms, one.content.digest(), one.hash)
                    device = signatures.device_of(one)
                    key = None if device is None else await keys.public_key(connection, device)
                    signatures.follow(one, key)
            chain.end(*await self.tree_head(connection))
        if chain.hash != newest:
            raise Broken(chain.number, "is not the newest that the log names")
        signatures.end(chain.number)
        return Verified(chain.number, chain.hash, signatures.signed, signatures.unsigned)

    async def entries(self, after: int = 0) -> AsyncIterator[Entry]:
        """Yield the entries after a number, the oldest first."""
        while True:
            async with self._database.reading() as connection:
                found = await store.after(connection, after, _PAGE)
            if not found:
                return
            for one in found:
                yield one
            after = found[-1].number

    def signer_of(self, entry: Entry) -> bytes | None:
        """Return the device that signed an entry; None for an unsigned one. Raises Broken."""
        return Signatures().device_of(entry)

    def signers(self) -> Select[tuple[bytes]]:
        """Return a statement of the devices that signed entries: their certificates are kept."""
        return store.signers()

    # --- In the caller's transaction ----------------------------------------------------------

    async def head(self, connection: AsyncConnection) -> tuple[int, bytes]:
        """Return the newest entry's number and hash; zeros before the first."""
        return await store.head(connection)

    async def tree_head(self, connection: AsyncConnection) -> tuple[int, bytes]:
        """Return how many entries there are, and the root of the tree over them (RFC 6962). Reads
        one row."""
        size, edge = await store.tree(connection)
        return size, edge_root(edge)

    async def consistency(
        self, connection: AsyncConnection, first: int, second: int
    ) -> list[bytes]:
        """Return the proof that the log of ``second`` entries continues that of ``first``; both
        are not above the present one. Reads as many nodes as the tree is deep, squared."""
        proof = consistency_nodes(first, second)
        found = await store.nodes(connection, {one for edge in proof for one in edge})
        return [edge_root([found[one] for one in edge]) for edge in proof]

    async def after(self, connection: AsyncConnection, number: int, limit: int) -> list[Entry]:
        """Return the entries after a number, the oldest first."""
        return await store.after(connection, number, limit)

    async def found(
        self, connection: AsyncConnection, wanted: AuditFilter, before: int | None, limit: int
    ) -> list[Entry]:
        """Return the newest entries before a number that a filter finds, the newest first."""
        return await store.found(connection, wanted, before, limit)


def _act_id(content: EntryContent) -> str | None:
    if content.signed_as != "act":
        return None
    return SignedAct.parse(content.signed).act_id.hex()
