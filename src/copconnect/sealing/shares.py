"""Making and opening key shares (H1 to H3, H6)."""

from collections.abc import Sequence
from dataclasses import replace

from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import KeyShare, SecretName, Shareable, secret_name
from copconnect.records.primitives.fields import SECRET_BYTES
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from copconnect.sealing.keys import check_cell_secret


def make_share(
    conversation_id: bytes, to: DeviceKey, secrets: Sequence[tuple[Shareable, bytes]]
) -> KeyShare:
    """Return a share of secrets with their records. The caller checked H1 to H3."""
    draft, joined = drafted(conversation_id, to.key_id(), secrets)
    return replace(draft, sealed=hpke.seal(to.kem, to.pk, draft.info(), joined, "H2"))


def drafted(
    conversation_id: bytes, recipient: bytes, secrets: Sequence[tuple[Shareable, bytes]]
) -> tuple[KeyShare, bytes]:
    """Return a share that is not sealed yet, and the plaintext of its seal."""
    named = sorted((secret_name(record), secret) for record, secret in secrets)
    names = tuple([name for name, _ in named])
    draft = KeyShare(conversation_id=conversation_id, recipient=recipient, names=names)
    return draft, b"".join([secret for _, secret in named])


def open_share(kem: int, share: KeyShare, key: hpke.PrivateKey) -> dict[SecretName, bytes]:
    """Return the secrets by name, each still to be checked by :func:`check_shared` (H6)."""
    return secrets_of(share, hpke.open_sealed(kem, key, share.info(), share.sealed, "H1"))


def secrets_of(share: KeyShare, joined: bytes) -> dict[SecretName, bytes]:
    """Parse the decrypted body of a key share and return the secrets in it."""
    parts = [joined[at : at + SECRET_BYTES] for at in range(0, len(joined), SECRET_BYTES)]
    return dict(zip(share.names, parts, strict=True))


def check_shared(record: Shareable, secret: bytes) -> None:
    """Refuse a secret that is not the record's: R6 for S, C2 for C, R7 for k."""
    if isinstance(record, ConversationKey):
        record.check_secret(secret)
    elif isinstance(record, CellKey):
        check_cell_secret(record, secret)
    else:
        record.check_body_key(secret)
