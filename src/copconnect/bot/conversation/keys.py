"""The keys of one conversation that the bot knows of: records, and the secrets that it could open.

Invariants: S matches its record's commitment (R6), C the public key too (C2); a key is kept as long
as the log may keep what it opens, then destroyed (K1). Runs inside the conversation's lock.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from copconnect.bot.context import Context
from copconnect.bot.failures import ServerRefused, has_code
from copconnect.bot.state.rows import CellKeyRow, KeyRow
from copconnect.ids import ConversationId
from copconnect.limits import CELL_KEY_AGE_MS
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.seals import parse_seal
from copconnect.records.primitives.fields import DAY_MS, HOUR_MS, KEY_ID_BYTES, Refused, require
from copconnect.sealing import hpke
from copconnect.sealing.keys import (
    cell_private_key,
    check_cell_secret,
    open_cell_key,
    open_conversation_key,
)

_KEPT_MS = 190 * DAY_MS  # A server keeps a log for 180 days at most.
_FORMER_CELL_MS = 48 * HOUR_MS
_LONGEST_CELL_MS = CELL_KEY_AGE_MS + 2 * DAY_MS
_NEWEST = 32  # Keys of which a sender chooses.


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A conversation key; ``secret`` is empty where S is missing."""

    key_id: bytes
    record: ConversationKey
    row: KeyRow

    @property
    def secret(self) -> bytes:
        """S, or nothing."""
        return self.row.secret


class Keys:
    """Conversation keys and the keys of the bot's own cell."""

    def __init__(self, context: Context, conversation_id: ConversationId) -> None:
        self._context = context
        self._id = conversation_id
        self._store = context.stores.keys
        self._cells = context.stores.cell_keys

    # --- Conversation keys ----------------------------------------------------------------------

    def find(self, key_id: bytes) -> HeldKey | None:
        """Return a key that is known, with or without S."""
        row = self._store.get(key_id.hex(), self._id)
        return None if row is None else _held(row)

    def newest(self) -> list[HeldKey]:
        """Return the newest keys, newest first."""
        return [_held(row) for row in self._store.all(self._id, newest=True, limit=_NEWEST)]

    def referred(self, references: set[bytes]) -> list[HeldKey]:
        """Return the keys whose ids begin with one of these 16 bytes."""
        if not references:
            return []
        held = [_held(row) for row in self._store.all(self._id)]
        return [one for one in held if one.key_id[:KEY_ID_BYTES] in references]

    async def fetch(self, key_id: bytes) -> HeldKey:
        """Return a key, its record asked for if it is not known. Raises Refused (R6)."""
        held = self.find(key_id)
        if held is not None:
            return held
        try:
            answer = await self._context.api.key(self._id, key_id)
        except ServerRefused as error:
            if not has_code(error, "not_found", "not_member"):
                raise
            raise Refused("R6", "record is unknown") from error
        if answer.key is None:
            raise Refused("R6", "record is unknown")
        found = self.learn(answer.key.record, answer.key.seal)
        require(found.key_id == key_id, "R6", "another record")
        return found

    def learn(self, data: bytes, seal: bytes | None) -> HeldKey:
        """Take in a record with the bot's or its cell's seal. A seal that does not open is as good
        as none: a share will bring S. Raises Refused (R6)."""
        record = ConversationKey.parse(data, "R6")
        same = record.conversation_id == bytes.fromhex(self._id)
        require(same, "R6", "record of another conversation")
        held = self.find(record.hash())
        if held is not None and (held.secret or seal is None):
            return held
        secret = b"" if seal is None else self._open(record, seal)
        row = held.row if held is not None else KeyRow(record=data, secret=b"")
        return self._put(record, replace(row, secret=secret))

    def take_secret(self, key_id: bytes, secret: bytes) -> None:
        """Keep S of a known record. Raises Refused (H6)."""
        held = self.find(key_id)
        if held is None or held.secret:
            return
        held.record.check_secret(secret)
        self._put(held.record, replace(held.row, secret=secret))

    def made(self, record: ConversationKey, secret: bytes) -> HeldKey:
        """Keep a key that the bot made."""
        return self._put(record, KeyRow(record=record.encode(), secret=secret))

    def author_proven(self, held: HeldKey, proof: bytes) -> None:
        """Remember the author's proof (S2)."""
        self._put(held.record, replace(held.row, author_proof=proof))

    def seen(self, key_id: bytes, position: int) -> None:
        """Note that an entry is under the key: the count of S2 begins with the first."""
        held = self.find(key_id)
        if held is not None and not 0 < held.row.first_seq <= position:
            self._put(held.record, replace(held.row, first_seq=position))

    def _put(self, record: ConversationKey, row: KeyRow) -> HeldKey:
        name = record.hash().hex()
        if self._store.get(name, self._id) is None:
            self._store.delete_below(self._context.time.best_now() - _KEPT_MS, self._id)
        self._store.put(name, row, self._id, place=record.created)
        return _held(row)

    def _open(self, record: ConversationKey, data: bytes) -> bytes:
        key_id = data[:KEY_ID_BYTES]
        opener = self._context.own_keys.opener(key_id) or self.cell_opener(key_id)
        if opener is None:
            return b""
        kem, private = opener
        try:
            seal = parse_seal(kem, data, "R6")
            return open_conversation_key(record, seal, kem, key_id, private)
        except Refused:
            return b""

    # --- Keys of the own cell -------------------------------------------------------------------

    def find_cell_key(self, key_id: bytes) -> tuple[CellKey, bytes] | None:
        """Return a cell key that is known, and C, which is empty where it is missing."""
        row = self._cells.get(key_id.hex(), self._id)
        return None if row is None else (CellKey.parse(row.record), row.secret)

    def cell_opener(self, key_id: bytes) -> tuple[int, hpke.PrivateKey] | None:
        """Return KEM and private key of a cell key whose C the bot has."""
        found = self.find_cell_key(key_id)
        if found is None or not found[1]:
            return None
        return found[0].kem, cell_private_key(*found)

    def learn_cell_key(self, data: bytes, seal: bytes | None) -> tuple[bytes, bool]:
        """Take in a record of the bot's cell with its seal; return the key's id and whether it
        opened. False: mark it and ask for a share (C2). Raises Refused (S4)."""
        record = CellKey.parse(data)
        same = record.conversation_id == bytes.fromhex(self._id)
        require(same, "S4", "another conversation's cell key")
        key_id = record.key_id()
        known = self.find_cell_key(key_id)
        if known is not None and known[1]:
            return key_id, True
        secret = b"" if seal is None else self._open_cell(record, seal)
        self._put_cell(record, secret)
        return key_id, bool(secret)

    def take_cell_secret(self, key_id: bytes, secret: bytes) -> None:
        """Keep C of a known record. Raises Refused (C2, H6)."""
        known = self.find_cell_key(key_id)
        if known is not None and not known[1]:
            check_cell_secret(known[0], secret)
            self._put_cell(known[0], secret)

    def made_cell_key(self, record: CellKey, secret: bytes) -> None:
        """Keep a cell key that the bot made."""
        self._put_cell(record, secret)

    def without_cell_secret(self) -> Iterable[bytes]:
        """Return the ids of cell keys whose C is missing."""
        for row in self._cells.all(self._id):
            if not row.secret:
                yield CellKey.parse(row.record).key_id()

    def _put_cell(self, record: CellKey, secret: bytes) -> None:
        name = record.key_id().hex()
        row = CellKeyRow(record=record.encode(), secret=secret)
        self._cells.put(name, row, self._id, place=record.created)
        now = self._context.time.best_now()
        if secret and now - record.created > _FORMER_CELL_MS:
            self._cells.delete_below(record.created, self._id)
        self._cells.delete_below(now - _LONGEST_CELL_MS, self._id)

    def _open_cell(self, record: CellKey, data: bytes) -> bytes:
        key_id = data[:KEY_ID_BYTES]
        own = self._context.own_keys.opener(key_id)
        if own is None or own[0] != record.kem:
            return b""
        try:
            return open_cell_key(record, parse_seal(record.kem, data, "C2"), key_id, own[1])
        except Refused:
            return b""


def _held(row: KeyRow) -> HeldKey:
    record = ConversationKey.parse(row.record, "R6")
    return HeldKey(record.hash(), record, row)
