"""Department records as files beside the certificates: ``department-<number>.record``.

The offline root signs them (docs/keys.md). Invariants: a record is written once and never
changed; each has the next number; all are kept, because an earlier signature is judged by the
record that was in force then. A server copies them into its database at its start, so a node needs
a copy of the folder only for the certificates.
"""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.auth_service.keys.key_files import AuthorityMissing, write_once
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.department import ANY_APP, AppVersion, Department, Policy


def load(keys: Path, root_key: bytes) -> list[Department]:
    """Return all records, ascending. Raises AuthorityMissing for one that the root did not sign."""
    found: list[Department] = []
    for path in keys.glob("department-*.record"):
        try:
            record = Department.parse(path.read_bytes())
            record.check(root_key)
        except Refused as error:
            raise AuthorityMissing(f"{path} is not a record of this department: {error}") from error
        found.append(record)
    return sorted(found, key=lambda one: one.number)


def write_first(
    keys: Path,
    root: Ed25519PrivateKey,
    now_ms: int,
    *,
    authority: bytes,
    issuer: bytes,
    policy: Policy,
    kem: int,
) -> None:
    """Make record 1, which names no root admin."""
    first = Department(
        number=1,
        created=now_ms,
        authority_number=0,
        authority=authority,
        kem=kem,
        policy=policy,
        lowest_app=ANY_APP,
        issuers=(issuer,),
        admins=(),
    )
    _write(keys, first.signed(root))


def write_next(
    keys: Path,
    root: Ed25519PrivateKey,
    now_ms: int,
    *,
    issuers: Collection[bytes] | None = None,
    admins: Collection[bytes] | None = None,
    authority: bytes | None = None,
    lowest_app: AppVersion | None = None,
) -> Department:
    """Make the record that replaces the newest, with other issuing CAs, root admins' devices,
    roster authority or lowest version of the app.

    Raises AuthorityMissing where there is none, or the key is not the root's.
    """
    before = load(keys, public_bytes(root))
    if not before:
        raise AuthorityMissing(f"no department record in {keys}")
    newest = before[-1]
    record = replace(
        newest,
        number=newest.number + 1,
        created=max(now_ms, newest.created + 1),
        authority_number=newest.authority_number + (authority is not None),
        authority=newest.authority if authority is None else authority,
        lowest_app=newest.lowest_app if lowest_app is None else lowest_app,
        issuers=newest.issuers if issuers is None else tuple(sorted(issuers)),
        admins=newest.admins if admins is None else tuple(sorted(admins)),
    ).signed(root)
    _write(keys, record)
    return record


def _write(keys: Path, record: Department) -> None:
    write_once(keys / f"department-{record.number}.record", record.encode(), 0o644)
