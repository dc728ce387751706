"""How a device names the answer about a person that it holds (docs/protocol.md). Pure."""

from collections.abc import Iterable

from copconnect.records.primitives.fields import sha256


def name_of(records: Iterable[bytes]) -> bytes:
    """Return SHA-256 over the SHA-256 hashes of the distinct records, ascending."""
    return sha256(b"".join(sorted({sha256(record) for record in records})))
