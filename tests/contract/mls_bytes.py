"""Commits and group infos with just the framing that the Delivery Service reads."""

from copconnect.delivery.mls.codec import vector
from copconnect.delivery.mls.external_remove import external_sender
from tests.contract.delivery_world import Authority


def leaf_node(certificate: bytes, key: bytes) -> bytes:
    """A LeafNode (RFC 9420 section 7.2) with an x509 credential."""
    chain = vector(vector(certificate))
    return (
        vector(key)
        + vector(bytes(32))
        + b"\0\2"
        + chain
        + vector(b"") * 5
        + b"\3"
        + vector(b"parent hash")
        + vector(b"")
        + vector(bytes(64))
    )


def group_info(group: bytes, epoch: int, leaves: dict[int, tuple[bytes, bytes]]) -> bytes:
    """An MLSMessage(GroupInfo) with these leaves as index → (certificate, HPKE key)."""
    authority = Authority()
    sender = vector(external_sender(authority.public_key, authority.certificate))
    nodes = b""
    for node in range(2 * max(leaves) + 1):
        if node % 2 or node // 2 not in leaves:
            nodes += b"\0"
        else:
            nodes += b"\1\1" + leaf_node(*leaves[node // 2])
    context = (
        b"\0\1\0\1"
        + vector(group)
        + epoch.to_bytes(8, "big")
        + vector(bytes(32))
        + vector(bytes(32))
        + vector(b"\0\5" + vector(sender))
    )
    own = b"\0\2" + vector(vector(nodes)) + b"\0\4" + vector(bytes(32))
    return b"\0\1\0\4" + context + vector(own) + vector(bytes(32)) + bytes(4) + vector(bytes(64))


def commit(group: bytes, epoch: int, sender: int | None) -> bytes:
    """The front of an MLSMessage(PublicMessage) with a commit."""
    who = b"\4" if sender is None else b"\1" + sender.to_bytes(4, "big")
    return (
        b"\0\1\0\1" + vector(group) + epoch.to_bytes(8, "big") + who + vector(b"") + b"\3" + b"body"
    )
