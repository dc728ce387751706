"""Sealed envelopes: a text or a proof for the devices of a few people, outside any conversation
(O2, F2 and F3).

A secret A is sealed to the DeviceKey of each reader's device; the content is encrypted under a key
that is derived from A. Every seal and the key are bound to the place (an order and a person, a
report) that the envelope belongs to, and open nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from copconnect.records.conversation.envelope import (
    AddedSeal,
    EnvelopeKind,
    SealedEnvelope,
    check_added,
)
from copconnect.records.primitives.fields import Reader, Refused, hkdf, require, tag, uint
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke

_VERSION = 1
_NONCE = bytes(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopePlace:
    """The place of an envelope: ``salt`` names it, ``joined`` binds it to all it belongs to."""

    salt: bytes
    joined: bytes


def _info(kind: EnvelopeKind, place: EnvelopePlace, key_id: bytes) -> bytes:
    return tag(f"copconnect {kind.name}-seal v1") + place.joined + key_id


def _commit(kind: EnvelopeKind, place: EnvelopePlace, secret: bytes) -> bytes:
    return hkdf(secret, place.salt, tag(f"copconnect {kind.name}-commit v1"))


def _key(kind: EnvelopeKind, place: EnvelopePlace, secret: bytes) -> AESGCM:
    info = tag(f"copconnect {kind.name}-body v1") + place.joined
    return AESGCM(hkdf(secret, place.salt, info))


def seal_envelope(
    kind: EnvelopeKind,
    place: EnvelopePlace,
    content: bytes,
    to: Sequence[DeviceKey],
    secret: bytes,
) -> bytes:
    """Return content sealed to checked DeviceKeys of one KEM (S3). ``secret``: 32 random bytes that
    serve this envelope alone. Raises ValueError for too many keys or too much content."""
    kems = {key.kem for key in to}
    if len(kems) != 1 or len(to) > kind.most_seals:
        raise ValueError(f"sealed to 1 to {kind.most_seals} devices, under one KEM")
    if len(content) > kind.most_content:
        raise ValueError("the content is too long")
    padded = uint(len(content), kind.length_bytes) + content
    padded += bytes(-len(padded) % kind.padding)
    seals = sorted(
        key.key_id()
        + hpke.seal(key.kem, key.pk, _info(kind, place, key.key_id()), secret, kind.rule)
        for key in to
    )
    opening = (
        uint(_VERSION, 1),
        uint(kems.pop(), 2),
        _commit(kind, place, secret),
        uint(len(seals), 1),
    )
    return b"".join((*opening, *seals, _key(kind, place, secret).encrypt(_NONCE, padded, None)))


def open_envelope(
    kind: EnvelopeKind,
    envelope: SealedEnvelope,
    place: EnvelopePlace,
    key_id: bytes,
    key: hpke.PrivateKey,
) -> bytes:
    """Return the content of an envelope that is sealed to this key. Raises Refused."""
    sealed = envelope.seals.get(key_id)
    if sealed is None:
        raise Refused(kind.rule, "sealed to another key")
    added = AddedSeal(kem=envelope.kem, key_id=key_id, seal=sealed)
    return open_added(kind, envelope, place, added, key)


def add_seal(kind: EnvelopeKind, place: EnvelopePlace, secret: bytes, to: DeviceKey) -> AddedSeal:
    """Return the secret of an envelope, sealed to one more checked DeviceKey of any KEM (F3)."""
    key_id = to.key_id()
    seal = hpke.seal(to.kem, to.pk, _info(kind, place, key_id), secret, kind.rule)
    return AddedSeal(kem=to.kem, key_id=key_id, seal=seal)


def open_added(
    kind: EnvelopeKind,
    envelope: SealedEnvelope,
    place: EnvelopePlace,
    added: AddedSeal,
    key: hpke.PrivateKey,
) -> bytes:
    """Return the content of an envelope by a seal that a reader added (F3). Raises Refused, also
    where the seal holds another secret than the envelope commits to."""
    check_added(kind, added)
    info = _info(kind, place, added.key_id)
    secret = hpke.open_sealed(added.kem, key, info, added.seal, kind.rule)
    committed = _commit(kind, place, secret) == envelope.commit
    require(committed, kind.rule, "the secret is another envelope's")
    try:
        content = _key(kind, place, secret).decrypt(_NONCE, envelope.body, None)
    except InvalidTag as error:
        raise Refused(kind.rule, "the content does not open") from error
    reader = Reader(content, kind.rule)
    return reader.read(reader.uint(kind.length_bytes))
