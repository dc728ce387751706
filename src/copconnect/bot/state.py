"""The files of a bot: its state, which the core keeps encrypted, and what opens it.

Files that other users can read are refused, because the key file is in the folder of the state.
"""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from copconnect.bot.failures import StateFailure

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Passphrase:
    """The state is opened by words that an operator types."""

    words: str

    def secret(self) -> str:
        """Return what the core opens the state with."""
        return self.words


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The state is opened by a file of 64 hexadecimal digits that its owner alone can read."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> "KeyFile":
        """Write a new key. Raises StateFailure if the file exists."""
        make_private(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode())
        return cls(path)

    def secret(self) -> bytes:
        """Return what the core opens the state with. Raises StateFailure."""
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


def make_private(path: Path, content: bytes = b"") -> None:
    """Make a file that its owner alone can read. Raises StateFailure if it exists."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise StateFailure(f"{path} cannot be made: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
