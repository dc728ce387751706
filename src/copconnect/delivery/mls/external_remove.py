"""Writes the roster authority's external Remove: MLSMessage(PublicMessage) with sender
external(0) and content Proposal(Remove) (RFC 9420 sections 6, 6.2 and 12.1.8.1).

The signature is SignWithLabel(., "FramedContentTBS", TBS) as in section 5.1.2, where the TBS of an
external sender carries no GroupContext (section 6.1).
"""

from collections.abc import Callable

from copconnect.delivery.mls import codec
from copconnect.delivery.mls.codec import vector

_PROPOSAL_REMOVE = 3
_SENDER_INDEX = 0  # `external_senders` holds the roster authority alone.


def sign_content(label: str, content: bytes) -> bytes:
    """Return the SignContent that a signature with ``label`` covers (RFC 9420 section 5.1.2)."""
    return vector(b"MLS 1.0 " + label.encode("ascii")) + vector(content)


def external_remove(
    group_id: bytes, epoch: int, leaf_index: int, sign: Callable[[bytes], bytes]
) -> bytes:
    """Return the signed proposal to remove ``leaf_index`` from the group at ``epoch``."""
    framed_content = (
        vector(group_id)
        + epoch.to_bytes(8, "big")
        + bytes([codec.SENDER_EXTERNAL])
        + _SENDER_INDEX.to_bytes(4, "big")
        + vector(b"")  # authenticated_data
        + bytes([codec.CONTENT_PROPOSAL])
        + _PROPOSAL_REMOVE.to_bytes(2, "big")
        + leaf_index.to_bytes(4, "big")
    )
    head = codec.PROTOCOL_VERSION.to_bytes(2, "big") + codec.WIRE_PUBLIC_MESSAGE.to_bytes(2, "big")
    signature = sign(sign_content("FramedContentTBS", head + framed_content))
    return head + framed_content + vector(signature)


def external_sender(public_key: bytes, certificate: bytes) -> bytes:
    """Return the ExternalSender (section 12.1.8.1) of an x509 credential with one certificate."""
    chain = vector(vector(certificate))
    return vector(public_key) + codec.CREDENTIAL_X509.to_bytes(2, "big") + chain
