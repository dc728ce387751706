"""The department's certificate authority: keys on disk, X.509 out.

Root (20 years) → issuing CA (path length 0) → device certificates; root → roster authority.
Ed25519 throughout. Invariants: private keys are written once, mode 0600, and never read by
anything but this module; serving needs the issuing and the roster key, never the root's, which
``copconnect init`` tells the operator to take offline.
"""

import datetime
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROSTER_AUTHORITY_URI = "urn:copconnect:roster-authority"
ROOT_YEARS = 20
ISSUING_YEARS = 10
BACKDATE_MS = 3_600_000  # Phones whose clock is an hour slow still accept the certificate.
CRL_DAYS = 7

ROOT_KEY = "root.key.pem"
ROOT = "root.pem"
ISSUING_KEY = "issuing.key.pem"
ISSUING = "issuing.pem"
ROSTER_KEY = "roster-authority.key.pem"
ROSTER = "roster-authority.pem"
SERVER_KEY = "server-secret.bin"


class AuthorityMissing(Exception):
    """The keys folder does not hold a certificate authority. The text says what to do."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A new device certificate. Times in ms."""

    der: bytes
    hash: str
    serial: str
    not_before_ms: int
    not_after_ms: int


class RosterSigner:
    """Signs roster heads and Removes."""

    def __init__(self, certificate: x509.Certificate, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.certificate = certificate.public_bytes(serialization.Encoding.DER)
        self.public_key = _raw(key.public_key())

    def sign(self, data: bytes) -> bytes:
        """Return an Ed25519 signature."""
        return self._key.sign(data)


class CertificateAuthority:
    """The issuing CA of this server, the roster authority, and the secret that keys hashes."""

    def __init__(self, keys: Path) -> None:
        """Load. Raises AuthorityMissing."""
        missing = [
            name
            for name in (ROOT, ISSUING, ISSUING_KEY, ROSTER, ROSTER_KEY, SERVER_KEY)
            if not (keys / name).is_file()
        ]
        if missing:
            raise AuthorityMissing(
                f"no certificate authority in {keys} (missing: {', '.join(missing)}); "
                "run `copconnect init`"
            )
        self.secret = (keys / SERVER_KEY).read_bytes()
        self._issuing_key = _load_key(keys / ISSUING_KEY)
        self._issuing = _load_certificate(keys / ISSUING)
        if self._issuing.public_key() != self._issuing_key.public_key():
            raise AuthorityMissing(
                f"{keys / ISSUING} and {keys / ISSUING_KEY} do not belong together; "
                "run `copconnect admin next-issuing-ca` again"
            )
        self.root = _der(_load_certificate(keys / ROOT))
        # Certificates of former issuing CAs stay valid until they expire.
        self.issuing = [
            _der(_load_certificate(path))
            for path in sorted(keys.glob("issuing*.pem"))
            if not path.name.endswith(".key.pem")
        ]
        self.roster = RosterSigner(_load_certificate(keys / ROSTER), _load_key(keys / ROSTER_KEY))

    def issue(
        self, person_id: str, client_id: str, public_key: bytes, now_ms: int, days: int
    ) -> IssuedCertificate:
        """Issue a device certificate for a raw Ed25519 public key."""
        not_before = now_ms - BACKDATE_MS
        not_after = now_ms + days * 24 * 3_600_000
        serial = _serial()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(person_id))
            .issuer_name(self._issuing.subject)
            .public_key(Ed25519PublicKey.from_public_bytes(public_key))
            .serial_number(serial)
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
            serial=f"{serial:x}",
            not_before_ms=_ms(certificate.not_valid_before_utc),
            not_after_ms=_ms(certificate.not_valid_after_utc),
        )

    def crl(self, revoked: Iterable[tuple[str, int]], number: int, now_ms: int) -> bytes:
        """Return the revocation list (DER) of (serial, revoked ms), signed by the issuing CA.

        It counts for what every issuing CA of the department issued, former ones too: serials are
        random and do not repeat. It tells seconds, and the next full one is told: whoever reads the
        log later must not refuse what the device did in this second before it was revoked.
        """
        # All entries at once: to add one copies those before it.
        entries = [
            x509.RevokedCertificateBuilder()
            .serial_number(int(serial, 16))
            .revocation_date(_time(revoked_ms + 999))
            .build()
            for serial, revoked_ms in revoked
        ]
        builder = (
            x509.CertificateRevocationListBuilder(revoked_certificates=entries)
            .issuer_name(self._issuing.subject)
            .last_update(_time(now_ms - BACKDATE_MS))
            .next_update(_time(now_ms + CRL_DAYS * 24 * 3_600_000))
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._issuing_key.public_key()),
                critical=False,
            )
        )
        return builder.sign(self._issuing_key, None).public_bytes(serialization.Encoding.DER)


def next_issuing(keys: Path, root_key: Path, now_ms: int) -> str:
    """Make the next issuing CA; the former one's certificate stays, its key goes. Returns its name.

    The certificate is put in its place before the key, each at once. After a crash between them
    the server refuses to start and calling this again finishes. Raises AuthorityMissing.
    """
    key_file, fresh_key = keys / ISSUING_KEY, keys / f"{ISSUING_KEY}.new"
    current = _load_certificate(keys / ISSUING)
    if fresh_key.is_file() and _load_key(fresh_key).public_key() == current.public_key():
        fresh_key.replace(key_file)
        return _common_name(current)
    root, signer = _load_certificate(keys / ROOT), _load_key(root_key)
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
    _write(fresh_key, _pem(key), 0o600)
    _write(fresh, made.public_bytes(serialization.Encoding.PEM), 0o644)
    kept = keys / f"issuing-{len(former) + 1}.pem"
    if not any(path.read_bytes() == (keys / ISSUING).read_bytes() for path in former):
        os.link(keys / ISSUING, kept)
    fresh.replace(keys / ISSUING)
    fresh_key.replace(key_file)
    return name


def create(keys: Path, department: str, now_ms: int) -> None:
    """Make a certificate authority in a folder that holds none. Raises FileExistsError.

    Every file is written once; a crash in the middle leaves an incomplete folder, which
    :class:`CertificateAuthority` refuses and the next ``create`` reports.
    """
    keys.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys.mkdir(exist_ok=True, mode=0o700)
    if any(keys.iterdir()):
        raise FileExistsError(f"{keys} is not empty")
    root_key = Ed25519PrivateKey.generate()
    root_name = _name(f"{department} Root CA")
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
    roster = (
        x509.CertificateBuilder()
        .subject_name(_name(f"{department} Roster Authority"))
        .issuer_name(root_name)
        .public_key(roster_key.public_key())
        .serial_number(_serial())
        .not_valid_before(_time(now_ms - BACKDATE_MS))
        .not_valid_after(_time(now_ms + ISSUING_YEARS * 365 * 24 * 3_600_000))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ROSTER_AUTHORITY_URI)]),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
            critical=False,
        )
        .sign(root_key, None)
    )
    _write(keys / SERVER_KEY, secrets.token_bytes(32), 0o600)
    for key_name, key in (
        (ROOT_KEY, root_key),
        (ISSUING_KEY, issuing_key),
        (ROSTER_KEY, roster_key),
    ):
        _write(keys / key_name, _pem(key), 0o600)
    for name, certificate in ((ROOT, root), (ISSUING, issuing), (ROSTER, roster)):
        _write(keys / name, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: Ed25519PrivateKey,
    signer: Ed25519PrivateKey,
    now_ms: int,
    years: int,
    path_length: int,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(_serial())
        .not_valid_before(_time(now_ms - BACKDATE_MS))
        .not_valid_after(_time(now_ms + years * 365 * 24 * 3_600_000))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(digital_signature=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, None)
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
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _time(ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)


def _ms(time: datetime.datetime) -> int:
    return int(time.timestamp()) * 1000


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


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


def _load_key(path: Path) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise AuthorityMissing(f"{path} is not an Ed25519 key")
    return key


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
