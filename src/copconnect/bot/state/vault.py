"""The state file: a SQLite database whose rows are sealed under a key that the file lacks.

A random data key seals each row (AES-256-GCM, the row's place as associated data) and hides its
name (HMAC); a passphrase (Argon2id) or a key file wraps the data key. At rest the file shows sizes,
counts and order, nothing else. Reads and writes are synchronous and take well under a millisecond,
commits a few: a transaction never awaits, so that no other task sees half of it.

Crashes: WAL with full synchronisation; what a transaction wrote is whole or absent. One process at
a time: SQLite's exclusive lock is held while the file is open. Files that other users can read are
refused, because the key file stands beside them.
"""

import contextlib
import hmac
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from copconnect.bot.failures import StateFailure
from copconnect.records.primitives.fields import hkdf

T = TypeVar("T", bound=msgspec.Struct)

KEY_BYTES, SALT_BYTES, NONCE_BYTES = 32, 16, 12
_ARGON_KIB, _ARGON_PASSES = 32 * 1024, 2  # As the app's PIN.
_WRAP_LABEL = b"copconnect bot state v1\0"
_FORMAT = 1
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (
  store TEXT NOT NULL, part BLOB NOT NULL, name BLOB NOT NULL, place INTEGER NOT NULL,
  value BLOB NOT NULL, PRIMARY KEY (store, part, name)
) WITHOUT ROWID;
CREATE INDEX rows_by_place ON rows (store, part, place);
"""


@dataclass(frozen=True, slots=True)
class Passphrase:
    """The state is opened by words that an operator types."""

    words: str


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The state is opened by a file of 64 hexadecimal digits that its owner alone can read."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> "KeyFile":
        """Write a new key. Raises StateFailure if the file exists."""
        _make_private(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode())
        return cls(path)

    def read(self) -> bytes:
        """Return the key. Raises StateFailure."""
        require_private(self.path)
        try:
            key = bytes.fromhex(self.path.read_text(encoding="ascii").strip())
        except ValueError as error:
            raise StateFailure(f"{self.path} is not a key file") from error
        if len(key) != KEY_BYTES:
            raise StateFailure(f"{self.path} is not a key file")
        return key


Unlock = Passphrase | KeyFile


def require_private(path: Path) -> None:
    """Refuse a file that is missing, another user's, or readable by others. Raises StateFailure."""
    try:
        found = path.stat()
    except OSError as error:
        raise StateFailure(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise StateFailure(f"{path} is not a file")
    if found.st_mode & 0o077:
        raise StateFailure(f"{path} is open to other users: chmod 600 {path}")
    if found.st_uid != os.getuid():
        raise StateFailure(f"{path} belongs to another user")


def _make_private(path: Path, content: bytes = b"") -> None:
    """Make a file that its owner alone can read. Raises StateFailure if it exists."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise StateFailure(f"{path} cannot be made: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


class Vault:
    """The open file. :meth:`create` makes it, :meth:`open` opens it again, :meth:`close` ends it.

    A row lies in a store, under a name within a part (a conversation, or "" for none), at a place
    by which rows of one part are ordered.
    """

    def __init__(self, database: sqlite3.Connection, data_key: bytes) -> None:
        self._database = database
        self._cipher = AESGCM(hkdf(data_key, b"", b"copconnect bot rows v1\0"))
        self._names = hkdf(data_key, b"", b"copconnect bot names v1\0")
        self._depth = 0

    @classmethod
    def create(cls, path: Path, unlock: Unlock) -> "Vault":
        """Make a new state file. Raises StateFailure if the file exists."""
        _make_private(path)
        database = _connect(path)
        salt, data_key = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(KEY_BYTES)
        nonce = secrets.token_bytes(NONCE_BYTES)
        wrapped = nonce + AESGCM(_wrapping_key(unlock, salt)).encrypt(nonce, data_key, _WRAP_LABEL)
        rows = [("format", bytes([_FORMAT])), ("salt", salt), ("data key", wrapped)]
        with database:
            database.execute("BEGIN")
            for statement in filter(str.strip, _TABLES.split(";")):
                database.execute(statement)
            database.executemany("INSERT INTO meta VALUES (?, ?)", rows)
        return cls(database, data_key)

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> "Vault":
        """Open a state file. Raises StateFailure: missing, in use, wrong passphrase or key."""
        require_private(path)
        database = _connect(path)
        try:
            found = dict(database.execute("SELECT name, value FROM meta").fetchall())
            if found.get("format") != bytes([_FORMAT]):
                raise StateFailure(f"{path} is of another version of the SDK")
            wrapped = found["data key"]
            wrapping = AESGCM(_wrapping_key(unlock, found["salt"]))
            data_key = wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _WRAP_LABEL)
        except InvalidTag as error:
            database.close()
            raise StateFailure("wrong passphrase or key file") from error
        except (sqlite3.DatabaseError, KeyError) as error:
            database.close()
            raise StateFailure(f"{path} is not a bot's state") from error
        except StateFailure:
            database.close()
            raise
        return cls(database, data_key)

    def close(self) -> None:
        """End the use of the file; other processes may open it."""
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()

    def wipe(self) -> None:
        """Destroy every row and the wrapped key: nothing opens the file any more (E6)."""
        with self.transaction():
            self._database.execute("DELETE FROM rows")
            self._database.execute("DELETE FROM meta")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes of the block one transaction; blocks may nest. Never await inside."""
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        self._database.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        else:
            self._database.execute("COMMIT")
        finally:
            self._depth = 0

    def execute(self, statement: str, values: tuple[object, ...]) -> list[tuple[bytes, ...]]:
        """Run a statement of :class:`Table`; alone it is a transaction of its own."""
        return self._database.execute(statement, values).fetchall()

    def name(self, store: str, text: str) -> bytes:
        """Return the bytes that stand for a name in the file."""
        return hmac.digest(self._names, f"{store}\0{text}".encode(), "sha256")[:16]

    def seal(self, place: bytes, value: bytes) -> bytes:
        """Return a row's bytes; ``place``: store, part and name, to which they are bound."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, place)

    def open_row(self, place: bytes, sealed: bytes) -> bytes:
        """Return a row's value. Raises StateFailure for bytes that were changed or moved."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except InvalidTag as error:
            raise StateFailure("the state file is damaged") from error


class Table(Generic[T]):
    """The rows of one store, each a struct."""

    def __init__(self, vault: Vault, store: str, kind: type[T]) -> None:
        self._vault = vault
        self._store = store
        self._decoder = msgspec.msgpack.Decoder(kind)

    def get(self, name: str, part: str = "") -> T | None:
        """Return a row, or None."""
        ids = self._ids(part, name)
        rows = self._vault.execute(
            "SELECT value FROM rows WHERE store = ? AND part = ? AND name = ?", (self._store, *ids)
        )
        return self._value(ids, rows[0][0]) if rows else None

    def put(self, name: str, row: T, part: str = "", place: int = 0) -> None:
        """Write a row over the one of its name."""
        ids = self._ids(part, name)
        sealed = self._vault.seal(self._place(ids), msgspec.msgpack.encode(row))
        self._vault.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?) ON CONFLICT (store, part, name)"
            " DO UPDATE SET place = excluded.place, value = excluded.value",
            (self._store, *ids, place, sealed),
        )

    def delete(self, name: str, part: str = "") -> None:
        """Destroy a row, if there is one."""
        self._vault.execute(
            "DELETE FROM rows WHERE store = ? AND part = ? AND name = ?",
            (self._store, *self._ids(part, name)),
        )

    def delete_below(self, place: int, part: str = "") -> None:
        """Destroy the rows of a part at lower places."""
        self._vault.execute(
            "DELETE FROM rows WHERE store = ? AND part = ? AND place < ?",
            (self._store, self._vault.name(self._store, part), place),
        )

    def delete_above(self, place: int, part: str = "") -> None:
        """Destroy the rows of a part at higher places."""
        self._vault.execute(
            "DELETE FROM rows WHERE store = ? AND part = ? AND place > ?",
            (self._store, self._vault.name(self._store, part), place),
        )

    def all(self, part: str = "", *, newest: bool = False, limit: int = -1) -> list[T]:
        """Return the rows of a part by place, ascending, or the newest first; -1: all of them."""
        order = "DESC" if newest else "ASC"
        part_id = self._vault.name(self._store, part)
        rows = self._vault.execute(
            "SELECT name, value FROM rows WHERE store = ? AND part = ?"  # noqa: S608
            f" ORDER BY place {order} LIMIT ?",
            (self._store, part_id, limit),
        )
        return [self._value((part_id, name), value) for name, value in rows]

    def _ids(self, part: str, name: str) -> tuple[bytes, bytes]:
        return self._vault.name(self._store, part), self._vault.name(self._store, name)

    def _place(self, ids: tuple[bytes, bytes]) -> bytes:
        return self._store.encode() + b"\0" + ids[0] + ids[1]

    def _value(self, ids: tuple[bytes, bytes], sealed: bytes) -> T:
        try:
            return self._decoder.decode(self._vault.open_row(self._place(ids), sealed))
        except msgspec.MsgspecError as error:
            raise StateFailure("the state file is of another version of the SDK") from error


def _connect(path: Path) -> sqlite3.Connection:
    # Autocommit: transactions are begun by name. One loop's thread uses it.
    database = sqlite3.connect(path, isolation_level=None, timeout=0.2)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")
        database.execute("BEGIN EXCLUSIVE")
        database.execute("COMMIT")
    except sqlite3.OperationalError as error:
        database.close()
        raise StateFailure(f"{path} is in use by another process") from error
    except sqlite3.DatabaseError as error:
        database.close()
        raise StateFailure(f"{path} is not a bot's state") from error
    return database


def _wrapping_key(unlock: Unlock, salt: bytes) -> bytes:
    if isinstance(unlock, KeyFile):
        return hkdf(unlock.read(), salt, _WRAP_LABEL)
    derivation = Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=_ARGON_PASSES,
        lanes=1,
        memory_cost=_ARGON_KIB,
    )
    return derivation.derive(unlock.words.encode())
