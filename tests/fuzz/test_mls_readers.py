"""Readers of MLS bytes: real bytes read right, anything else refused with MalformedMls alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from copconnect.delivery.mls.codec import MalformedMls, Reader, vector
from copconnect.delivery.mls.external_remove import external_remove, external_sender
from copconnect.delivery.mls.group_info import read_group_info
from copconnect.delivery.mls.message import read_private_header, read_public_header
from tests.contract.delivery_world import SPEC

MESSAGES = json.loads((SPEC / "mls_messages.json").read_text())
REMOVE = json.loads((SPEC / "external_remove.json").read_text())
GROUP = bytes.fromhex(MESSAGES["conversationId"] + MESSAGES["cellId"])
READERS: list[Callable[[bytes], Any]] = [read_group_info, read_public_header, read_private_header]
REAL = [bytes.fromhex(one["bytes"]) for one in (*MESSAGES["messages"], *MESSAGES["groupInfos"])] + [
    bytes.fromhex(MESSAGES["welcome"]),
    bytes.fromhex(MESSAGES["keyPackage"]),
]


def group_info(*own: tuple[int, bytes], context: bytes = b"") -> bytes:
    """Return an MLSMessage(GroupInfo) with these extensions of its own, each (type, data)."""
    extensions = b"".join(kind.to_bytes(2, "big") + vector(data) for kind, data in own)
    return (
        bytes([0, 1, 0, 4, 0, 1, 0, 1])
        + vector(GROUP)
        + bytes(8)
        + 2 * vector(b"hash")
        + vector(context)
        + vector(extensions)
        + vector(b"tag")
        + bytes(4)
        + vector(b"signature")
    )


def tree(nodes: bytes) -> tuple[int, bytes]:
    """Return a ratchet_tree extension."""
    return 2, vector(nodes)


LEAF = b"\1\1" + 2 * vector(b"key") + b"\0\2" + vector(vector(b"der")) + bytes(5) + b"\2\0\0"


def test_what_is_many_and_small_is_refused_before_it_is_read() -> None:
    """Two megabytes of it would take seconds in which nobody else is answered."""
    assert len(read_group_info(group_info(tree(1022 * b"\0" + LEAF))).leaves) == 1
    for many in (
        group_info(tree(2_000_000 * b"\0" + LEAF)),
        group_info(tree(80_000 * (LEAF + b"\0") + LEAF)),
        group_info(tree(LEAF), *[(9, b"")] * 600_000),
        group_info(tree(LEAF), context=600_000 * b"\0\11\0"),
    ):
        with pytest.raises(MalformedMls, match="too many"):
            read_group_info(many)


@pytest.mark.parametrize("recorded", MESSAGES["messages"], ids=lambda one: one["name"])
def test_headers_of_the_clients_bytes(recorded: dict[str, Any]) -> None:
    data, header = bytes.fromhex(recorded["bytes"]), recorded["header"]
    if header["wire"] == "private":
        private = read_private_header(data)
        assert private.group_id == GROUP
        assert (private.epoch, private.content_type) == (header["epoch"], header["contentType"])
        return
    public = read_public_header(data)
    assert public.group_id == GROUP
    assert public.epoch == header["epoch"]
    assert (public.sender_type, public.sender_index) == (
        header["senderType"],
        header["senderIndex"],
    )
    assert public.content_type == header["contentType"]


@pytest.mark.parametrize("recorded", MESSAGES["groupInfos"], ids=lambda one: one["name"])
def test_trees_of_the_clients_bytes(recorded: dict[str, Any]) -> None:
    info = read_group_info(bytes.fromhex(recorded["bytes"]))
    assert (info.group_id, info.epoch, info.cipher_suite) == (GROUP, recorded["epoch"], 1)
    assert info.external_pub
    assert [{"index": one.index, "certificate": one.certificate.hex()} for one in info.leaves] == (
        recorded["leaves"]
    )
    sender = external_sender(
        bytes.fromhex(MESSAGES["authority"]["publicKey"]),
        bytes.fromhex(MESSAGES["authority"]["certificate"]),
    )
    assert (5, vector(sender)) in info.context_extensions


def test_external_remove_is_byte_for_byte_the_librarys() -> None:
    """ts-mls made and signed spec/external_remove.json; Ed25519 leaves no freedom."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(REMOVE["authority"]["privateKey"]))
    group = bytes.fromhex(REMOVE["conversationId"] + REMOVE["cellId"])
    made = external_remove(group, REMOVE["epoch"], REMOVE["leafIndex"], key.sign)
    assert made.hex() == REMOVE["proposal"]


def only_documented(data: bytes) -> None:
    for reader in READERS:
        try:
            reader(data)
        except MalformedMls:
            continue


@given(st.binary(max_size=600))
def test_junk(data: bytes) -> None:
    only_documented(data)


@given(st.sampled_from([b"\0\1\0\1", b"\0\1\0\2", b"\0\1\0\4", b"\0\1\0\4\0\1\0\1"]), st.binary())
def test_junk_behind_a_right_front(front: bytes, data: bytes) -> None:
    only_documented(front + data)


@given(st.sampled_from(REAL), st.data())
def test_bent_bytes(real: bytes, data: st.DataObject) -> None:
    bent = bytearray(real)
    for _ in range(data.draw(st.integers(1, 4))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    only_documented(bytes(bent))


@given(st.sampled_from(REAL), st.data())
def test_cut_and_extended_bytes_are_refused(real: bytes, data: st.DataObject) -> None:
    cut = real[: data.draw(st.integers(0, len(real) - 1))]
    longer = real + data.draw(st.binary(min_size=1, max_size=20))
    for reader in (read_group_info, read_private_header):
        for wrong in (cut, longer):
            with pytest.raises(MalformedMls):
                reader(wrong)
    only_documented(cut)


@pytest.mark.parametrize(
    "huge",
    [
        b"\0\1\0\4\0\1\0\1" + b"\xbf\xff\xff\xff",
        b"\0\1\0\2\xbf\xff\xff\xff" + bytes(100),
        b"\0\1\0\1" + vector(bytes(1 << 20)),
    ],
)
def test_huge_lengths_cost_nothing(huge: bytes) -> None:
    for reader in READERS:
        with pytest.raises(MalformedMls):
            reader(huge)


@given(st.integers(0, 70_000))
def test_lengths_round_trip_and_only_minimally(size: int) -> None:
    encoded = vector(bytes(size))
    reader = Reader(encoded)
    assert len(reader.vector()) == size
    reader.finish()
    if size < 1 << 14:
        with pytest.raises(MalformedMls, match="minimal"):
            Reader((size | 0x8000_0000).to_bytes(4, "big") + bytes(size)).vector()
