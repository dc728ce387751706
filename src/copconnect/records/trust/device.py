"""A device's id, and its certificate as rules need it. Pure.

Invariant: the id binds person, client and public key, so every certificate of a device has the same
key, and a signature verified once under a device's id never needs its certificate again.
"""

from dataclasses import dataclass
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import SignatureAlgorithmOID

from copconnect.records.primitives import ed25519
from copconnect.records.primitives.fields import (
    ID_BYTES,
    KEY_BYTES,
    Refused,
    exact,
    require,
    sha256,
    tag,
)

_LABEL = tag("copconnect device v1")
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: Ed25519.
_URI = "urn:copconnect:client:"
_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)


def device_id(person_id: bytes, client_id: bytes, public_key: bytes) -> bytes:
    """Return a device's id (32)."""
    ids = exact(person_id, ID_BYTES) + exact(client_id, ID_BYTES)
    return sha256(_LABEL + ids + exact(public_key, KEY_BYTES))


def spki_hash(public_key: bytes) -> bytes:
    """Return H(SPKI) of a raw Ed25519 public key, by which a department record names a CA."""
    return sha256(_SPKI_PREFIX + exact(public_key, KEY_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The fields of a device's certificate. Times in ms, both ends included."""

    device: bytes
    person_id: bytes
    public_key: bytes
    not_before: int
    not_after: int

    def covers(self, at: int) -> bool:
        """Return whether the certificate is valid at this time."""
        return self.not_before <= at <= self.not_after

    @classmethod
    def parse(cls, der: bytes, issuing_keys: tuple[bytes, ...]) -> Self:
        """Return a device's certificate that one of these issuing CAs signed. Raises Refused.

        The URI holds person id and client id as 32 lower-case hexadecimal digits each.
        """
        try:
            parsed = x509.load_der_x509_certificate(der)
            signed = any(_signed_by(parsed, key) for key in issuing_keys)
            require(signed, "E0", "certificate is not of this department")
            key = parsed.public_key()
            names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
            person, client = map(bytes.fromhex, uri.removeprefix(_URI).split(":"))
        except Refused:
            raise
        except _MALFORMED as error:
            raise Refused("E0", "not a device's certificate") from error
        if not isinstance(key, Ed25519PublicKey) or len(person) != ID_BYTES:
            raise Refused("E0", "not a device's certificate")
        right = uri == f"{_URI}{person.hex()}:{client.hex()}" and len(client) == ID_BYTES
        require(right, "E0", "not a device's certificate")
        raw = key.public_bytes_raw()
        return cls(
            device=device_id(person, client, raw),
            person_id=person,
            public_key=raw,
            not_before=int(parsed.not_valid_before_utc.timestamp()) * 1000,
            not_after=int(parsed.not_valid_after_utc.timestamp()) * 1000,
        )


def _signed_by(certificate: x509.Certificate, issuing_key: bytes) -> bool:
    try:
        # The name of the algorithm beside the signature is not signed.
        require(certificate.signature_algorithm_oid == SignatureAlgorithmOID.ED25519, "E0", "")
        ed25519.verify(issuing_key, certificate.signature, certificate.tbs_certificate_bytes, "E0")
    except (Refused, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
