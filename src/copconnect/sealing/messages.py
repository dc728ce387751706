"""Sealing and opening message bodies. k comes from S and serves once, so its nonce is zeros."""

from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from copconnect.records.conversation.message import MessageHeader
from copconnect.records.primitives.fields import Refused, hkdf, sha256

_NONCE = bytes(12)


def body_key(header: MessageHeader, secret: bytes) -> bytes:
    """Return k, which encrypts this body alone."""
    return hkdf(secret, header.message_id, header.body_key_info())


def seal_message(
    draft: MessageHeader, secret: bytes, plaintext: bytes, signer: Ed25519PrivateKey
) -> bytes:
    """Return a whole message; the draft lacks commit, hash of the body and signature."""
    k = body_key(draft, secret)
    body = AESGCM(k).encrypt(_NONCE, plaintext, draft.aad())
    header = replace(draft, commit=draft.commit_to(k), body_hash=sha256(body)).signed(signer)
    return header.encode() + body


def open_body(header: MessageHeader, body: bytes, k: bytes, aad: bytes = b"") -> bytes:
    """Return the plaintext (R7); ``aad``: the header's, where it is known. Raises Refused."""
    header.check_body_key(k)
    try:
        return AESGCM(k).decrypt(_NONCE, body, aad or header.aad())
    except InvalidTag as error:
        raise Refused("R7", "body does not open") from error
