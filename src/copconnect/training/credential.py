"""Certificates as Open Badges 3.0 credentials: a JWT that anybody verifies with the department's
key.

The JWT proof of Open Badges 3.0 (section 8.2): header ``alg`` EdDSA; the payload is the credential,
with ``iss``, ``jti``, ``nbf`` and ``sub``. The issuer is the ``did:key`` of the roster authority.
Pure: the same facts give the same bytes, because Ed25519 is deterministic.
"""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from copconnect import wire
from copconnect.ids import PersonId

CONTEXT = (
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519 = b"\xed\x01"  # Multicodec ed25519-pub.
_SPACE = uuid.UUID("5b1d6a9e-6c0f-4b86-9d5e-2f7f4a1f2c10")  # The namespace of the names below.


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a certificate. ``course`` and ``criteria``: in English, which takes the least
    room in a code."""

    person_id: PersonId
    name: str
    course_id: wire.CourseName
    course: str
    criteria: str
    completed_ms: int
    department: str


def did_key(public_key: bytes) -> str:
    """Return the ``did:key`` of an Ed25519 key."""
    number, text = int.from_bytes(_ED25519 + public_key, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return f"did:key:z{text}"


def credential(facts: Facts, issuer: str) -> dict[str, object]:
    """Return the payload of the JWT."""
    seconds = facts.completed_ms // 1000
    subject = _urn(f"person {facts.person_id}")
    jti = _urn(f"{facts.course_id} {facts.person_id} {seconds}")
    return {
        "iss": issuer,
        "jti": jti,
        "nbf": seconds,
        "sub": subject,
        "@context": list(CONTEXT),
        "id": jti,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": facts.course,
        "issuer": {"id": issuer, "type": ["Profile"], "name": facts.department},
        "validFrom": datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "credentialSubject": {
            "id": subject,
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "hashed": False,
                    "identityHash": facts.name,
                    "identityType": "name",
                }
            ],
            "achievement": {
                "id": _urn(f"course {facts.course_id}"),
                "type": ["Achievement"],
                "name": facts.course,
                "description": facts.course,
                "criteria": {"narrative": facts.criteria},
            },
        },
    }


def signed(facts: Facts, public_key: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return the certificate as a JWT. ``sign``: an Ed25519 signature by the key of
    ``public_key``."""
    issuer = did_key(public_key)
    header = {"alg": "EdDSA", "typ": "JWT", "kid": f"{issuer}#{issuer.removeprefix('did:key:')}"}
    body = credential(facts, issuer)
    signing = f"{_part(msgspec.json.encode(header))}.{_part(msgspec.json.encode(body))}"
    return f"{signing}.{_part(sign(signing.encode()))}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid.uuid5(_SPACE, name)}"
