"""Files that devices exported, and the keys that verify them."""

from pathlib import Path
from typing import Annotated

import typer

from copconnect.auth_service.keys import authority
from copconnect.auth_service.keys.key_files import AuthorityMissing
from copconnect.commands.options import settings_of, stop

Keys = Annotated[
    Path | None,
    typer.Option(help="A folder with root.pem and issuing*.pem (default: keys in the data)."),
]


def read(file: Path, data: Path | None, keys: Path | None) -> tuple[bytes, list[bytes]]:
    """Return a file's content and the public keys of the issuing authorities. Ends the program
    where either cannot be read."""
    _, found = certificate_keys(data, keys)
    try:
        return file.read_bytes(), found
    except OSError as error:
        raise stop(f"This cannot be read: {error}.") from error


def certificate_keys(data: Path | None, keys: Path | None) -> tuple[bytes, list[bytes]]:
    """Return the public keys of the offline root and of the issuing authorities. Ends the program
    where they cannot be read."""
    folder = keys or settings_of(data).data_dir / "keys"
    try:
        return root_key(data, keys), authority.issuing_keys(folder)
    except (OSError, ValueError, AuthorityMissing) as error:
        raise stop(f"This cannot be read: {error}.") from error


def root_fingerprint(data: Path | None, keys: Path | None) -> str:
    """Return the SHA-256 of the root's certificate, which a department publishes."""
    folder = keys or settings_of(data).data_dir / "keys"
    return authority.fingerprint(folder / authority.ROOT)


def root_key(data: Path | None, keys: Path | None) -> bytes:
    """Return the public key of the offline root. Ends the program where it cannot be read."""
    folder = keys or settings_of(data).data_dir / "keys"
    try:
        return authority.key_of(folder / authority.ROOT)
    except (OSError, ValueError, AuthorityMissing) as error:
        raise stop(f"This cannot be read: {error}.") from error
