"""The trust above every person's records: pinned root, issuing CAs, roster authority, department
records. Pure.

Invariants: the root is the one of registration, byte for byte; a department record is replaced only
by one with a higher number, and a record that was held stays even if the server leaves it out; the
roster authority is the newest record's. Failures are Untrusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from copconnect import wire
from copconnect.bot.failures import Untrusted
from copconnect.records.primitives import ed25519
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.department import Department, authority_of
from copconnect.records.trust.incarnation import Incarnation

_AUTHORITY_URI = "urn:copconnect:roster-authority"


@dataclass(frozen=True, slots=True)
class DepartmentTrust:
    """``issuing_keys``: raw public keys of the CAs that the root issued, expired ones too."""

    version: int
    root_key: bytes
    issuing_keys: tuple[bytes, ...]
    departments: tuple[Department, ...]
    incarnation: Incarnation | None = None  # The highest that was taken (S8).

    @property
    def newest(self) -> Department:
        """The department record in force."""
        return self.departments[-1]

    @classmethod
    def open(
        cls,
        trust: wire.Trust,
        pinned_root: bytes,
        held: Sequence[bytes] = (),
        taken: bytes | None = None,
    ) -> "DepartmentTrust":
        """Judge what the server serves, against the pinned root and the records that are held.
        ``taken``: the Incarnation with the highest number that was taken.

        At registration the root that ``trust`` brings is pinned: pass it. Raises Untrusted.
        """
        if trust.root != pinned_root:
            raise Untrusted("the server's root certificate is not the pinned one")
        try:
            root = x509.load_der_x509_certificate(pinned_root)
            root_key = _key(root)
            _require_ca(root, "root")
            _require_issued(root, root)
            if not trust.issuing:
                _refuse("there is no issuing CA")
            issuing = tuple([_issuing_key(der, root) for der in trust.issuing])
            former = None if taken is None else Incarnation.parse(taken)
            incarnation = _newest(trust.incarnation, former)
            departments = _merged(trust.departments, held, root_key, incarnation)
            if incarnation is not None and incarnation is not former:
                incarnation.verify(authority_of(departments[-1:], incarnation.number, "S8"))
            _check_authority(trust.roster_authority, root, departments[-1])
        except Refused as error:
            raise Untrusted(str(error)) from error
        except (ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature) as error:
            raise Untrusted(f"a certificate of the department is malformed: {error}") from error
        return cls(trust.version, root_key, issuing, departments, incarnation)


def _newest(served: bytes | None, taken: Incarnation | None) -> Incarnation | None:
    """Return the served one, not yet verified, if its number is higher than the taken one's."""
    found = None if served is None else Incarnation.parse(served)
    higher = found is not None and found.number > (taken.number if taken else 0)
    return found if higher else taken


def _merged(
    served: Sequence[bytes],
    held: Sequence[bytes],
    root_key: bytes,
    incarnation: Incarnation | None,
) -> tuple[Department, ...]:
    """A restored backup may lack a record older than the restore: it stays in force here."""
    known = {record.number: record for record in map(Department.parse, held)}
    before = max(known, default=0)
    highest = 0
    for record in map(Department.parse, served):
        if known.setdefault(record.number, record) != record:
            _refuse("two department records have one number")
        record.check(root_key)
        highest = max(highest, record.number)
    created = known[before].created if before else 0
    lost = incarnation is not None and incarnation.created > created
    if (highest < before and not lost) or not known:
        _refuse("the department record went back")
    return tuple([known[number] for number in sorted(known)])


def _issuing_key(der: bytes, root: x509.Certificate) -> bytes:
    certificate = x509.load_der_x509_certificate(der)
    _require_ca(certificate, "issuing CA")
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    if basic.path_length != 0:
        _refuse("an issuing CA may not have CAs below it")
    _require_issued(certificate, root)
    return _key(certificate)


def _check_authority(der: bytes, root: x509.Certificate, newest: Department) -> None:
    certificate = x509.load_der_x509_certificate(der)
    _require_issued(certificate, root)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if uris != [_AUTHORITY_URI] or _is_ca(certificate):
        _refuse("not the roster authority's certificate")
    if _key(certificate) != newest.authority:
        _refuse("the roster authority is not the department record's")


def _require_ca(certificate: x509.Certificate, what: str) -> None:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    if not _is_ca(certificate) or not usage.key_cert_sign:
        _refuse(f"the {what} is no CA")


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _require_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    if certificate.issuer != issuer.subject:
        _refuse("issuer is another")
    ed25519.verify(_key(issuer), certificate.signature, certificate.tbs_certificate_bytes, "E0")


def _key(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key.public_bytes_raw()


def _refuse(reason: str) -> NoReturn:
    raise Untrusted(reason)
