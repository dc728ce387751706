"""What one simulated device does with a sealed message: the receiver's steps of docs/protocol.md,
"Sealed messages", with its own seal, chain and counters.

What is the same for everybody is done once for the process: the sender's certificate chain and
inclusion proof (each distinct certificate and proof), reading the roster head, and, while
``sharing``, reading and verifying the same signed header: real devices have a processor each.
Everything else each device does for itself: body hash, chain, seal, commitment, body; without
``sharing`` the header and its signature, too.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from copconnect import wire
from copconnect.bench.cells import CellKey, NotOpened, open_body, open_seal
from copconnect.delivery.roster_head import RosterHead
from copconnect.delivery.roster_tree import MalformedProof, proven_cell
from copconnect.delivery.sealed.format import SealedRefused, tag
from copconnect.delivery.sealed.message import SignedHeader, read_header

_TO_BE_SIGNED = tag("CELLS-v1 message")
_PAYLOAD = msgspec.msgpack.Decoder(wire.SealedPayload)

Refusal = Literal[
    "malformed",
    "sender_refused",
    "bad_signature",
    "body_mismatch",
    "unknown_roster",
    "chain_broken",
    "no_seal",
    "unknown_key",
    "seal_broken",
    "key_commit_mismatch",
    "body_broken",
]


class Refused(ValueError):
    """A device shows nothing; ``code`` says at which step."""

    def __init__(self, code: Refusal) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Chain:
    """One sender as one device has heard it last."""

    seq: int = 0
    hash: bytes = bytes(32)


class Conversation:
    """What every device of a process knows of the conversation.

    ``heads``: roster hash → head, verified by the caller. ``issuing``: DER of the issuing CAs.
    """

    def __init__(
        self,
        conversation_id: str,
        kem: int,
        heads: Mapping[bytes, RosterHead],
        issuing: list[bytes],
    ) -> None:
        self.conversation_id = conversation_id
        self.kem = kem
        self.heads = dict(heads)
        self._issuing = [x509.load_der_x509_certificate(one) for one in issuing]
        self._senders: dict[bytes, Ed25519PublicKey] = {}
        self._proven: set[tuple[bytes, bytes, bytes]] = set()
        self.sharing = True
        self._verified: dict[tuple[bytes, bytes, bytes], SignedHeader] = {}

    def header(self, payload: wire.SealedPayload) -> SignedHeader:
        """Return the header, once its sender and signature have been verified (receiver's steps 1
        to 3 up to the body's hash). Raises Refused, SealedRefused."""
        known = (payload.sealed, payload.certificate, payload.proof)
        if self.sharing and known in self._verified:
            return self._verified[known]
        header = read_header(payload.sealed)
        if header.kem != self.kem or header.conversation_id != self.conversation_id:
            raise Refused("malformed")
        key = self.sender_key(header, payload)
        try:
            key.verify(header.signature, _TO_BE_SIGNED + header.unsigned)
        except InvalidSignature as error:
            raise Refused("bad_signature") from error
        self._verified[known] = header
        return header

    def sender_key(self, header: SignedHeader, payload: wire.SealedPayload) -> Ed25519PublicKey:
        """Return the key of a sender whom the CA and the roster vouch for. Raises Refused."""
        head = self.heads.get(header.roster_hash)
        if head is None or head.roster_epoch != header.roster_epoch:
            raise Refused("unknown_roster")
        key = self._senders.get(payload.certificate)
        if key is None:
            key = self._senders[payload.certificate] = self._judge(payload.certificate)
        if hashlib.sha256(payload.certificate).hexdigest() != header.sender:
            raise Refused("sender_refused")
        proven = (header.roster_hash, payload.proof, payload.certificate)
        if proven not in self._proven:
            try:
                proven_cell(payload.proof, header.sender, head.leaf_count, head.root)
            except MalformedProof as error:
                raise Refused("sender_refused") from error
            self._proven.add(proven)
        return key

    def _judge(self, der: bytes) -> Ed25519PublicKey:
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError as error:
            raise Refused("sender_refused") from error
        for issuer in self._issuing:
            if certificate.issuer == issuer.subject:
                try:
                    certificate.verify_directly_issued_by(issuer)
                except (InvalidSignature, ValueError, TypeError):
                    continue
                key = certificate.public_key()
                if isinstance(key, Ed25519PublicKey):
                    return key
        raise Refused("sender_refused")


def open_sealed(
    conversation: Conversation,
    keys: Mapping[bytes, CellKey],
    chains: dict[str, Chain],
    data: bytes,
) -> tuple[SignedHeader, bytes]:
    """Return header and plaintext of a sealed entry's payload, and note the sender's chain.

    ``keys``: key id → key of the device's cell; ``chains``: by sender, this device's own. Raises
    Refused, and notes nothing then.
    """
    try:
        payload = _PAYLOAD.decode(data)
        header = conversation.header(payload)
    except (msgspec.MsgspecError, SealedRefused) as error:
        raise Refused("malformed") from error
    if hashlib.sha256(payload.body).digest() != header.body_hash:
        raise Refused("body_mismatch")
    chain = chains.get(header.sender)
    if chain is not None and (
        header.seq <= chain.seq or (header.seq == chain.seq + 1 and header.prev != chain.hash)
    ):
        raise Refused("chain_broken")
    if payload.seal is None:
        raise Refused("no_seal")
    cell_key = keys.get(payload.seal[16:32])
    if cell_key is None:
        raise Refused("unknown_key")
    try:
        plaintext = open_body(header, payload.body, open_seal(header, payload.seal, cell_key))
    except NotOpened as error:
        raise Refused(error.code) from error
    chains[header.sender] = Chain(header.seq, header.hash)
    return header, plaintext
