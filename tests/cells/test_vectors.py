"""The golden bytes of the cell format: what the prototype, the client and Python itself sealed."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from copconnect.bench.cells import CellKey, open_body, open_seal, seal_info
from copconnect.delivery.sealed.format import X25519, XWING
from copconnect.delivery.sealed.message import (
    Seal,
    SignedHeader,
    cells_digest,
    read_header,
    read_seals,
    verify_message,
)
from copconnect.delivery.sealed.record import read_record, verify_record
from tests.cells.sealing import SPEC, Sender, hpke_seal_x25519, public_key_of

GOLDEN = [json.loads((SPEC / f"sealed_{n}.json").read_text()) for n in ("classic", "xwing")]
FROM_CLIENT = json.loads((SPEC / "cells.json").read_text())["suites"]
unhex = bytes.fromhex


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda one: hex(one["kem"]))
def test_the_prototypes_message(golden: dict[str, Any]) -> None:
    certificate, body = unhex(golden["cert"]), unhex(golden["body"])
    header = read_header(unhex(golden["hdr"] + golden["sig"]))
    assert header.kem == golden["kem"]
    cells = {one["cid"]: one for one in golden["seals"]}
    ordered = "".join(one["cid"] + one["kid"] + one["seal"] for _, one in sorted(cells.items()))
    seals = read_seals(unhex(ordered), header.kem)
    verify_message(header, body, seals, certificate)
    for seal in seals:
        key = CellKey.from_seed(header.kem, unhex(cells[seal.cell_id]["seed"]))
        opened = open_seal(header, seal.data, key)
        assert open_body(header, body, opened) == b"hello all cells"


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda one: hex(one["kem"]))
def test_the_prototypes_record(golden: dict[str, Any]) -> None:
    record = read_record(unhex(golden["rec"] + golden["recSig"]))
    verify_record(record, unhex(golden["cert"]))
    (seal,) = (one for one in golden["seals"] if one["cid"] == record.cell_id)
    assert record.key_id.hex() == seal["kid"]
    assert record.public_key == public_key_of(golden["kem"], unhex(seal["seed"]))
    assert record.unsigned.hex() == golden["rec"]


@pytest.mark.parametrize("made", FROM_CLIENT, ids=lambda one: hex(one["kem"]))
def test_the_clients_messages(made: dict[str, Any]) -> None:
    public_key = Ed25519PublicKey.from_public_bytes(unhex(made["publicKey"]))
    cells = {one["keyId"]: one for one in made["cells"]}
    for cell in made["cells"]:
        record = read_record(unhex(cell["record"]))
        public_key.verify(record.signature, b"CELLS-v1 cell-key\0" + record.unsigned)
        assert record.key_id.hex() == cell["keyId"]
        assert (record.cell_id, record.epoch) == (cell["cellId"], cell["epoch"])
        assert record.public_key == public_key_of(made["kem"], unhex(cell["seed"]))
    for message in made["messages"]:
        header = read_header(unhex(message["header"]))
        public_key.verify(header.signature, b"CELLS-v1 message\0" + header.unsigned)
        assert header.hash.hex() == message["headerHash"]
        assert (header.message_id, header.sender) == (message["messageId"], made["sender"])
        assert (header.roster_epoch, header.roster_hash.hex()) == tuple(made["roster"].values())
        joined = "".join(one["bytes"] for one in message["seals"])
        seals = read_seals(unhex(joined), made["kem"])
        assert cells_digest(seals) == header.cells_digest
        for seal in seals:
            key = CellKey.from_seed(made["kem"], unhex(cells[seal.key_id.hex()]["seed"]))
            opened = open_seal(header, seal.data, key)
            assert opened.hex() == message["key"]
            plaintext = open_body(header, unhex(message["body"]), opened)
            assert plaintext.decode() == message["plaintext"]
    first, second, resealed = (read_header(unhex(one["header"])) for one in made["messages"])
    assert second.prev == resealed.prev == first.hash
    assert second.seq == resealed.seq == 2
    assert second.message_id == resealed.message_id
    assert second.cells_digest != resealed.cells_digest


def test_the_clients_seals_are_rfc_9180_byte_for_byte() -> None:
    (made,) = (one for one in FROM_CLIENT if one["kem"] == X25519)
    seeds = {one["keyId"]: unhex(one["seed"]) for one in made["cells"]}
    compared = 0
    for message in made["messages"]:
        header = read_header(unhex(message["header"]))
        for one in message["seals"]:
            (seal,) = read_seals(unhex(one["bytes"]), X25519)
            # What a reseal leaves alone was sealed with the same ephemeral, all others as well.
            info = seal_info(header, seal.data[:32])
            public_key = public_key_of(X25519, seeds[seal.key_id.hex()])
            made_here = hpke_seal_x25519(
                public_key, info, unhex(message["key"]), unhex(one["ephemeral"])
            )
            assert seal.data[32:] == made_here
            compared += 1
    assert compared == 9


@pytest.mark.parametrize("kem", [X25519, XWING], ids=hex)
def test_what_python_seals_python_reads(kem: int) -> None:
    sender = Sender(kem)
    cells = [sender.cell(f"cell {number}", 4) for number in range(3)]
    previous: SignedHeader | None = None
    for text in (b"one", b"two"):
        sealed = sender.seal(text, cells, text.decode())
        header = read_header(sealed.header)
        seals = read_seals(b"".join(sealed.seals), kem)
        verify_message(header, sealed.body, seals, sender.certificate)
        assert header.prev == (previous.hash if previous else bytes(32))
        previous = header
        for cell in cells:
            verify_record(read_record(cell.record), sender.certificate)
            (seal,) = (one for one in seals if one.cell_id == cell.cell_id.hex())
            assert isinstance(seal, Seal)
            assert seal.key_id == read_record(cell.record).key_id
            opened = open_seal(header, seal.data, CellKey.from_seed(kem, cell.seed))
            assert open_body(header, sealed.body, opened) == text
