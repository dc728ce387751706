"""The department's certificate authority: keys on disk, X.509 out.

Root (20 years) → issuing CA (path length 0) → device certificates; root → roster authority and
department records (:mod:`copconnect.auth_service.keys.department_files`). Ed25519 throughout.
Invariants: private keys are written once, mode 0600, and never read by anything but this module;
serving needs the issuing and the roster key, never the root's, which ``copconnect init`` tells the
operator to take offline.
"""

import datetime
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from copconnect.auth_service.keys import department_files, push_key
from copconnect.auth_service.keys.key_files import AuthorityMissing, load_key, write_once
from copconnect.auth_service.keys.push_key import PUSH_KEY, PushSigner
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.signed import RosterSigner
from copconnect.records.trust.department import Department, Policy
from copconnect.records.trust.device import spki_hash

ROSTER_AUTHORITY_URI = "urn:copconnect:roster-authority"
ROOT_YEARS = 20
ISSUING_YEARS = 10
BACKDATE_MS = 3_600_000  # Phones whose clock is an hour slow still accept the certificate.

NAME_LENGTH = 40  # A common name has at most 64 characters, a part's suffix included.
ROOT_SUFFIX = " Root CA"

ROOT_KEY = "root.key.pem"
ROOT = "root.pem"
ISSUING_KEY = "issuing.key.pem"
ISSUING = "issuing.pem"
ROSTER_KEY = "roster-authority.key.pem"
ROSTER = "roster-authority.pem"
SERVER_KEY = "server-secret.bin"


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A new device certificate. Times in ms."""

    der: bytes
    hash: str
    not_after_ms: int


class CertificateAuthority:
    """The issuing CA of this server, the roster authority, the key for pushes, and the secret that
    keys hashes."""

    def __init__(self, keys: Path) -> None:
        """Load. Raises AuthorityMissing."""
        missing = [
            name
            for name in (ROOT, ISSUING, ISSUING_KEY, ROSTER, ROSTER_KEY, SERVER_KEY, PUSH_KEY)
            if not (keys / name).is_file()
        ]
        if missing:
            raise AuthorityMissing(
                f"no certificate authority in {keys} (missing: {', '.join(missing)}); "
                "run `copconnect init`"
            )
        self.secret = (keys / SERVER_KEY).read_bytes()
        self.push = PushSigner(keys / PUSH_KEY)
        self._issuing_key = load_key(keys / ISSUING_KEY)
        self._issuing = _load_certificate(keys / ISSUING)
        if self._issuing.public_key() != self._issuing_key.public_key():
            raise AuthorityMissing(
                f"{keys / ISSUING} and {keys / ISSUING_KEY} do not belong together; "
                "run `copconnect admin next-issuing-ca` again"
            )
        root = _load_certificate(keys / ROOT)
        self.root = _der(root)
        self.department = _common_name(root).removesuffix(ROOT_SUFFIX)
        """The department's name, as officers read it."""
        # Certificates of former issuing CAs stay valid until they expire.
        self.issuing = [_der(_load_certificate(path)) for path in _issuing_files(keys)]
        self.roster = RosterSigner(load_key(keys / ROSTER_KEY))
        self.roster_certificate = _der(_load_certificate(keys / ROSTER))
        self.root_key = key_of(keys / ROOT)
        self.issuing_keys = _issuing_keys(keys)
        self.departments = department_files.load(keys, self.root_key)
        newest = self.departments[-1] if self.departments else None
        if newest is None or newest.authority != self.roster.public_key:
            raise AuthorityMissing(f"no department record in {keys} names {ROSTER_KEY}")
        if spki_hash(public_bytes(self._issuing_key)) not in newest.issuers:
            raise AuthorityMissing(f"the newest department record in {keys} lacks {ISSUING_KEY}")

    def issue(
        self, person_id: str, client_id: str, public_key: bytes, now_ms: int, days: int
    ) -> IssuedCertificate:
        """Issue a device certificate for a raw Ed25519 public key."""
        not_before = now_ms - BACKDATE_MS
        not_after = now_ms + days * 24 * 3_600_000
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(person_id))
            .issuer_name(self._issuing.subject)
            .public_key(Ed25519PublicKey.from_public_bytes(public_key))
            .serial_number(_serial())
            .not_valid_before(_time(not_before))
            .not_valid_after(_time(not_after))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName(
                    [
                        x509.UniformResourceIdentifier(
                            f"urn:copconnect:client:{person_id}:{client_id}"
                        )
                    ]
                ),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._issuing_key.public_key()),
                critical=False,
            )
            .sign(self._issuing_key, None)
        )
        return IssuedCertificate(
            der=_der(certificate),
            hash=certificate.fingerprint(hashes.SHA256()).hex(),
            not_after_ms=int(certificate.not_valid_after_utc.timestamp()) * 1000,
        )


def next_issuing(keys: Path, root_key: Path, now_ms: int) -> str:
    """Make the next issuing CA; the former one's certificate stays, its key goes. Returns its name.

    The certificate is put in its place before the key, each at once. After a crash between them
    the server refuses to start and calling this again finishes. Raises AuthorityMissing.
    """
    key_file, fresh_key = keys / ISSUING_KEY, keys / f"{ISSUING_KEY}.new"
    current = _load_certificate(keys / ISSUING)
    if fresh_key.is_file() and load_key(fresh_key).public_key() == current.public_key():
        fresh_key.replace(key_file)
        return _common_name(current)
    root, signer = _load_certificate(keys / ROOT), load_key(root_key)
    if root.public_key() != signer.public_key():
        raise AuthorityMissing(f"{root_key} is not the key of {keys / ROOT}")
    former = [path for path in keys.glob("issuing-*.pem") if path.suffix == ".pem"]
    stem, _, number = _common_name(current).rpartition(" ")
    name = f"{stem} {int(number) + 1}"
    key = Ed25519PrivateKey.generate()
    made = _authority(_name(name), root.subject, key, signer, now_ms, ISSUING_YEARS, path_length=0)
    fresh = keys / f"{ISSUING}.new"
    for path in (fresh, fresh_key):
        path.unlink(missing_ok=True)
    # The department record first: one that names a CA that is not there yet harms nothing.
    issuers = {spki_hash(one) for one in (*_issuing_keys(keys), public_bytes(key))}
    department_files.write_next(keys, signer, now_ms, issuers=issuers)
    write_once(fresh_key, _pem(key), 0o600)
    write_once(fresh, made.public_bytes(serialization.Encoding.PEM), 0o644)
    kept = keys / f"issuing-{len(former) + 1}.pem"
    if not any(path.read_bytes() == (keys / ISSUING).read_bytes() for path in former):
        os.link(keys / ISSUING, kept)
    fresh.replace(keys / ISSUING)
    fresh_key.replace(key_file)
    return name


def next_roster(keys: Path, root_key: Path, now_ms: int) -> Department:
    """Replace the roster authority's key, and name the new one in the next department record, which
    is returned.

    The record comes before the key. After a crash between them the server refuses to start and
    calling this again finishes. Raises AuthorityMissing.
    """
    fresh_key, fresh = keys / f"{ROSTER_KEY}.new", keys / f"{ROSTER}.new"
    root, signer = _load_certificate(keys / ROOT), load_key(root_key)
    if root.public_key() != signer.public_key():
        raise AuthorityMissing(f"{root_key} is not the key of {keys / ROOT}")
    record = department_files.load(keys, public_bytes(signer))[-1]
    made = fresh_key.is_file() and public_bytes(load_key(fresh_key)) == record.authority
    if not made:
        for path in (fresh, fresh_key):
            path.unlink(missing_ok=True)
        key = Ed25519PrivateKey.generate()
        subject = _load_certificate(keys / ROSTER).subject
        certificate = _roster_authority(subject, root.subject, key, signer, now_ms)
        write_once(fresh_key, _pem(key), 0o600)
        write_once(fresh, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        authority = public_bytes(key)
        record = department_files.write_next(keys, signer, now_ms, authority=authority)
    if fresh.is_file():
        fresh.replace(keys / ROSTER)
    fresh_key.replace(keys / ROSTER_KEY)
    return record


def create(keys: Path, department: str, now_ms: int, policy: Policy, kem: int) -> None:
    """Make a certificate authority in a folder that holds none, and department record 1 with this
    policy and lowest KEM. Raises FileExistsError, and ValueError for a name that is empty, too
    long or not printable.

    Every file is written once; a crash in the middle leaves an incomplete folder, which
    :class:`CertificateAuthority` refuses and the next ``create`` reports.
    """
    department = department.strip()
    if not 0 < len(department) <= NAME_LENGTH or not department.isprintable():
        raise ValueError(f"The department's name takes 1 to {NAME_LENGTH} printable characters.")
    keys.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys.mkdir(exist_ok=True, mode=0o700)
    if any(keys.iterdir()):
        raise FileExistsError(f"{keys} is not empty")
    root_key = Ed25519PrivateKey.generate()
    root_name = _name(f"{department}{ROOT_SUFFIX}")
    root = _authority(root_name, root_name, root_key, root_key, now_ms, ROOT_YEARS, path_length=1)
    issuing_key = Ed25519PrivateKey.generate()
    issuing = _authority(
        _name(f"{department} Issuing CA 1"),
        root_name,
        issuing_key,
        root_key,
        now_ms,
        ISSUING_YEARS,
        path_length=0,
    )
    roster_key = Ed25519PrivateKey.generate()
    subject = _name(f"{department} Roster Authority")
    roster = _roster_authority(subject, root_name, roster_key, root_key, now_ms)
    write_once(keys / SERVER_KEY, secrets.token_bytes(32), 0o600)
    push_key.write_new(keys)
    for key_name, key in (
        (ROOT_KEY, root_key),
        (ISSUING_KEY, issuing_key),
        (ROSTER_KEY, roster_key),
    ):
        write_once(keys / key_name, _pem(key), 0o600)
    department_files.write_first(
        keys,
        root_key,
        now_ms,
        authority=public_bytes(roster_key),
        issuer=spki_hash(public_bytes(issuing_key)),
        policy=policy,
        kem=kem,
    )
    for name, certificate in ((ROOT, root), (ISSUING, issuing), (ROSTER, roster)):
        write_once(keys / name, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: Ed25519PrivateKey,
    signer: Ed25519PrivateKey,
    now_ms: int,
    years: int,
    path_length: int,
) -> x509.Certificate:
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _begun(subject, issuer, key, signer, now_ms, years)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(digital_signature=False), critical=True)
        .add_extension(key_id, critical=False)
        .sign(signer, None)
    )


def _roster_authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: Ed25519PrivateKey,
    signer: Ed25519PrivateKey,
    now_ms: int,
) -> x509.Certificate:
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ROSTER_AUTHORITY_URI)])
    return (
        _begun(subject, issuer, key, signer, now_ms, ISSUING_YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(name, critical=False)
        .sign(signer, None)
    )


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: Ed25519PrivateKey,
    signer: Ed25519PrivateKey,
    now_ms: int,
    years: int,
) -> x509.CertificateBuilder:
    """Begin a certificate whose issuer is an authority of the department."""
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(_serial())
        .not_valid_before(_time(now_ms - BACKDATE_MS))
        .not_valid_after(_time(now_ms + years * 365 * 24 * 3_600_000))
        .add_extension(issuer_key, critical=False)
    )


def _usage(*, digital_signature: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=not digital_signature,
        crl_sign=not digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _serial() -> int:
    """Return 16 random bytes as a positive serial of constant length."""
    return int.from_bytes(secrets.token_bytes(16), "big") >> 1 | 1 << 126


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _time(ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _load_certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def key_of(certificate: Path) -> bytes:
    """Return the raw Ed25519 public key of a certificate's file. Raises AuthorityMissing."""
    key = _load_certificate(certificate).public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise AuthorityMissing(f"{certificate} is not of an Ed25519 key")
    return key.public_bytes_raw()


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a certificate's file, as openssl prints it. Raises AuthorityMissing."""
    return _load_certificate(certificate).fingerprint(hashes.SHA256()).hex(":").upper()


def issuing_keys(keys: Path) -> list[bytes]:
    """Return the public keys of the issuing CAs whose certificates lie in a folder, each issued by
    the root that lies there. No private key is read. Raises AuthorityMissing, OSError, ValueError.
    """
    root = _load_certificate(keys / ROOT)
    found = _issuing_files(keys)
    for path in found:
        try:
            _load_certificate(path).verify_directly_issued_by(root)
        except InvalidSignature as error:
            raise AuthorityMissing(f"{path} was not issued by {keys / ROOT}") from error
    if not found:
        raise AuthorityMissing(f"{keys} has no certificate of an issuing CA")
    return [key_of(path) for path in found]


def _issuing_files(keys: Path) -> list[Path]:
    found = sorted(keys.glob("issuing*.pem"))
    return [path for path in found if not path.name.endswith(".key.pem")]


def _issuing_keys(keys: Path) -> list[bytes]:
    return [key_of(path) for path in _issuing_files(keys)]
