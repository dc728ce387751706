"""Certificates of devices (docs/protocol.md, "Certificates"). Pure."""

from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from spec.keys.reference.basics import H, Refused, T, require


def spki_hash(key: bytes) -> bytes:
    """Return H(SPKI) of a raw Ed25519 public key."""
    return H(bytes.fromhex("302a300506032b6570032100") + key)


def device_id(person: bytes, client: bytes, key: bytes) -> bytes:
    return H(T("copconnect device v1") + person + client + key)


@dataclass(frozen=True)
class Certificate:
    device: bytes
    person: bytes
    public_key: bytes
    not_before: int
    not_after: int


@cache
def read_certificate(der: bytes, issuing_keys: tuple[bytes, ...]) -> Certificate:
    """Return a device certificate that one of these issuing CAs signed. Convention: person id and
    client id stand in the URI as 32 lower-case hexadecimal digits each."""
    try:
        parsed = x509.load_der_x509_certificate(der)
        signed = any(_signed_by(parsed, issuing_key) for issuing_key in issuing_keys)
        require(signed, "E0", "certificate is not of this department")
        key = parsed.public_key()
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        ids = uri.removeprefix("urn:copconnect:client:")
        person, client = (bytes.fromhex(part) for part in ids.split(":"))
    except Refused:
        raise
    except (ValueError, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
        raise Refused("E0", "not a device's certificate") from error
    right = uri == f"urn:copconnect:client:{person.hex()}:{client.hex()}"
    if not (right and isinstance(key, Ed25519PublicKey) and len(person) == len(client) == 16):
        raise Refused("E0", "not a device's certificate")
    ends = (parsed.not_valid_before_utc, parsed.not_valid_after_utc)
    since, until = (int(end.timestamp()) * 1000 for end in ends)
    raw = key.public_bytes_raw()
    return Certificate(device_id(person, client, raw), person, raw, since, until)


def _signed_by(certificate: x509.Certificate, issuing_key: bytes) -> bool:
    try:
        issuer = Ed25519PublicKey.from_public_bytes(issuing_key)
        issuer.verify(certificate.signature, certificate.tbs_certificate_bytes)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True
