"""A registered device with what only the device itself knows."""

import time
from functools import cached_property

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.auth_service.rules import sign_out_proof
from copconnect.ids import ClientId, PersonId
from copconnect.principals import NOTHING, Caller
from copconnect.records.primitives.ed25519 import public_bytes


class Device(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """``seed``: of its Ed25519 key; ``hpke_seed``: of its DeviceKey, whose id is ``key_id``."""

    person_id: PersonId
    client_id: ClientId
    device: bytes
    token: str
    seed: bytes
    hpke_seed: bytes
    key_id: bytes

    @cached_property
    def signer(self) -> Ed25519PrivateKey:
        """Its signature key."""
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign_out(self) -> wire.SignOut:
        """Return its word that it leaves, signed now."""
        created_ms = time.time_ns() // 1_000_000
        proof = self.signer.sign(sign_out_proof(self.client_id, created_ms))
        return wire.SignOut(client_id=self.client_id, created_ms=created_ms, proof=proof)

    @property
    def caller(self) -> Caller:
        """The device as the server's services know it."""
        return Caller(
            self.person_id,
            self.client_id,
            self.device,
            outstanding=NOTHING,
            public_key=public_bytes(self.signer),
        )
