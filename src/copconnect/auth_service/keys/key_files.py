"""Files of the keys folder: written once, readable by this account alone."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class AuthorityMissing(Exception):
    """The keys folder does not hold a certificate authority. The text says what to do."""


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key. Raises AuthorityMissing for one of another kind."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise AuthorityMissing(f"{path} is not an Ed25519 key")
    return key


def write_once(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
