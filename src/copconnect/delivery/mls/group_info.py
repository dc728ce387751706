"""Reads MLSMessage(GroupInfo) with its ratchet tree (RFC 9420 sections 12.4.3 and 7.8).

Gives what the Delivery Service checks: group id, epoch, suite, GroupContext extensions and the
certificate in each leaf. Signatures and hashes are the joining client's to verify, not ours.
"""

from dataclasses import dataclass

from copconnect.delivery.mls import codec
from copconnect.delivery.mls.codec import MalformedMls, Reader

_NODE_LEAF = 1
_NODE_PARENT = 2
_SOURCE_KEY_PACKAGE = 1
_SOURCE_UPDATE = 2
_SOURCE_COMMIT = 3
# A cell of 256 has 511, as who comes in takes the first place that is free. Reading two million
# blank ones would hold everybody up.
MOST_NODES = 2048


@dataclass(frozen=True, slots=True)
class TreeLeaf:
    """One occupied leaf: the only certificate of its x509 credential and its HPKE key."""

    index: int
    certificate: bytes
    encryption_key: bytes
    signature_key: bytes


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """What a GroupInfo says about its group."""

    group_id: bytes
    epoch: int
    cipher_suite: int
    tree_hash: bytes
    context_extensions: tuple[tuple[int, bytes], ...]
    leaves: tuple[TreeLeaf, ...]  # Ascending by index.
    signer: int
    external_pub: bool


def read_group_info(message: bytes) -> GroupInfo:
    """Read an MLSMessage that holds a GroupInfo with a ratchet_tree extension.

    Raises MalformedMls, and nothing else, for anything that is not one.
    """
    reader = Reader(message)
    if reader.uint(2) != codec.PROTOCOL_VERSION or reader.uint(2) != codec.WIRE_GROUP_INFO:
        raise MalformedMls("not a GroupInfo")
    if reader.uint(2) != codec.PROTOCOL_VERSION:
        raise MalformedMls("unknown version")
    suite = reader.uint(2)
    group_id = reader.vector()
    epoch = reader.uint(8)
    tree_hash = reader.vector()
    reader.skip_vector()  # confirmed_transcript_hash
    context_extensions = codec.extensions(reader)
    own = codec.extensions(reader)
    reader.skip_vector()  # confirmation_tag
    signer = reader.uint(4)
    reader.skip_vector()  # signature
    reader.finish()
    trees = [data for kind, data in own if kind == codec.EXTENSION_RATCHET_TREE]
    if len(trees) != 1:
        raise MalformedMls("needs one ratchet_tree")
    return GroupInfo(
        group_id=group_id,
        epoch=epoch,
        cipher_suite=suite,
        tree_hash=tree_hash,
        context_extensions=tuple(context_extensions),
        leaves=_read_tree(trees[0]),
        signer=signer,
        external_pub=any(kind == codec.EXTENSION_EXTERNAL_PUB for kind, _ in own),
    )


def _read_tree(extension: bytes) -> tuple[TreeLeaf, ...]:
    outer = Reader(extension)
    reader = Reader(outer.vector())
    outer.finish()
    leaves: list[TreeLeaf] = []
    node = 0
    blank = True
    while not reader.empty:
        if node == MOST_NODES:
            raise MalformedMls("too many nodes")
        present = reader.uint(1)
        blank = present == 0
        if present == 1:
            kind = reader.uint(1)
            if kind != (_NODE_PARENT if node % 2 else _NODE_LEAF):
                raise MalformedMls("node of the wrong type")
            if kind == _NODE_LEAF:
                leaves.append(_read_leaf(reader, node // 2))
            else:
                for _ in range(3):  # encryption_key, parent_hash, unmerged_leaves
                    reader.skip_vector()
        elif present != 0:
            raise MalformedMls("invalid optional")
        node += 1
    if blank:
        raise MalformedMls("last node is blank")
    return tuple(leaves)


def _read_leaf(reader: Reader, index: int) -> TreeLeaf:
    encryption_key = reader.vector()
    signature_key = reader.vector()
    if reader.uint(2) != codec.CREDENTIAL_X509:
        raise MalformedMls("credential is not x509")
    chain = Reader(reader.vector())
    certificate = chain.vector()
    if not chain.empty:
        raise MalformedMls("more than one certificate")
    for _ in range(5):  # capabilities: versions, suites, extensions, proposals, credentials
        reader.skip_vector()
    source = reader.uint(1)
    if source == _SOURCE_KEY_PACKAGE:
        reader.take(16)  # lifetime
    elif source == _SOURCE_COMMIT:
        reader.skip_vector()  # parent_hash
    elif source != _SOURCE_UPDATE:
        raise MalformedMls("invalid leaf_node_source")
    reader.skip_vector()  # extensions
    reader.skip_vector()  # signature
    return TreeLeaf(index, certificate, encryption_key, signature_key)
