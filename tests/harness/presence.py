"""Proofs of presence that tests give: a PIN's key of each device, or a WebAuthn credential."""

import hashlib
import json
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from copconnect import wire
from copconnect.limits import ACTS_OF_WEIGHT
from copconnect.records.trust.admin_act import SignedAct
from copconnect.records.trust.authenticator import Authenticator
from copconnect.records.trust.presence import (
    EDDSA,
    ES256,
    PIN,
    Presence,
    challenge_of,
    cose_key,
    enrolment_challenge,
)

HOST, ORIGIN = "cop.example", "https://cop.example"
_FLAG = AuthenticatorData.FLAG


def posted(record: SignedAct, presence: bytes | None = None) -> wire.SubmitAct:
    """Return an act as it is sent; an act of weight with its device's PIN, unless told."""
    if presence is None:
        presence = by_pin(record) if weighs(record) else b""
    return wire.SubmitAct(act=record.encode(), presence=presence)


def weighs(record: SignedAct) -> bool:
    """Return whether an act asks for the person."""
    try:
        return msgspec.json.decode(record.body)["act"] in ACTS_OF_WEIGHT
    except (msgspec.DecodeError, KeyError, TypeError):
        return False


def by_pin(record: SignedAct, pin: bytes = b"") -> bytes:
    """Return the proof by a PIN of the act's device."""
    seed = hashlib.sha256(b"a test's PIN" + record.device + pin).digest()
    key = Ed25519PrivateKey.from_private_bytes(seed)
    signature = key.sign(challenge_of(record.encode()))
    public_key = key.public_key().public_bytes_raw()
    return Presence(algorithm=PIN, public_key=public_key, signature=signature).encode()


@dataclass
class Credential:
    """A credential of a software authenticator that verifies its user. ``seed``: of an Ed25519 key,
    whose signatures are always the same; else a key of P-256."""

    host: str = HOST
    origin: str = ORIGIN
    name: bytes = b"credential of a test"
    seed: bytes = b""
    made: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def algorithm(self) -> int:
        return EDDSA if self.seed else ES256

    @property
    def public_key(self) -> bytes:
        return self._public().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def record(self, device: bytes, key: Ed25519PrivateKey, created: int) -> Authenticator:
        """Return what a device signs of it."""
        return Authenticator(
            device=device,
            created=created,
            algorithm=self.algorithm,
            public_key=self.public_key,
            credential=self.name,
            rp_id=self.host,
        ).signed(key)

    def added(self, record: Authenticator) -> wire.AddAuthenticator:
        """Return a record with the proof that the credential was made."""
        made = cose_key(self.algorithm, self.public_key)
        credential = AttestedCredentialData.create(Aaguid.NONE, self.name, made)
        flags = _FLAG.UP | _FLAG.UV | _FLAG.AT
        data = AuthenticatorData.create(self._host_hash, flags, 0, credential)
        client = self._client_data("webauthn.create", enrolment_challenge(record.device))
        return wire.AddAuthenticator(
            authenticator=record.encode(),
            attestation=bytes(AttestationObject.create("none", data, {})),
            client_data=client,
        )

    def proves(self, record: SignedAct, *, verified: bool = True) -> bytes:
        """Return the proof for an act."""
        flags = _FLAG.UP | _FLAG.UV if verified else _FLAG.UP
        data = bytes(AuthenticatorData.create(self._host_hash, flags, 1))
        client = self._client_data("webauthn.get", challenge_of(record.encode()))
        return Presence(
            algorithm=self.algorithm,
            public_key=self.public_key,
            rp_id=self.host,
            authenticator_data=data,
            client_data=client,
            signature=self._sign(data + hashlib.sha256(client).digest()),
        ).encode()

    def _public(self) -> Ed25519PublicKey | ec.EllipticCurvePublicKey:
        if self.seed:
            return Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return self.made.public_key()

    def _sign(self, data: bytes) -> bytes:
        if self.seed:
            return Ed25519PrivateKey.from_private_bytes(self.seed).sign(data)
        return self.made.sign(data, ec.ECDSA(hashes.SHA256()))

    @property
    def _host_hash(self) -> bytes:
        return hashlib.sha256(self.host.encode()).digest()

    def _client_data(self, kind: str, challenge: bytes) -> bytes:
        text = {"type": kind, "challenge": websafe_encode(challenge), "origin": self.origin}
        return json.dumps(text).encode()
