"""Truncated, extended and bent bytes: the Delivery Service refuses each with the right reason, and
nothing but SealedRefused ever leaves a parser."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from copconnect.bench.cells import CellKey, NotOpened, open_body, open_seal
from copconnect.delivery.sealed.format import X25519, XWING, SealedRefused
from copconnect.delivery.sealed.message import read_header, read_seals, verify_message
from copconnect.delivery.sealed.record import read_record, verify_record
from tests.cells.sealing import Cell, Sealed, Sender, certificate_of


@dataclass(frozen=True, slots=True)
class World:
    """A message to three cells."""

    sender: Sender
    cells: list[Cell]
    message: Sealed

    @property
    def seals(self) -> bytes:
        """All seals, one after another."""
        return b"".join(self.message.seals)


def _world(kem: int) -> World:
    sender = Sender(kem)
    cells = [sender.cell(f"cell {number}", 4) for number in range(3)]
    return World(sender, cells, sender.seal(b"whole", cells, "whole"))


WORLDS = {kem: _world(kem) for kem in (X25519, XWING)}
KEMS = pytest.mark.parametrize("kem", [X25519, XWING], ids=hex)


P = ParamSpec("P")


def reason(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> str | None:
    """Return why something was refused; any other error escapes."""
    try:
        work(*args, **kwargs)
    except (SealedRefused, NotOpened) as error:
        return error.reason if isinstance(error, SealedRefused) else error.code
    return None


def receive(
    world: World, header: bytes, body: bytes, seals: bytes, certificate: bytes | None = None
) -> str | None:
    """Return why the Delivery Service refuses an upload."""

    def work() -> None:
        parsed = read_header(header)
        read = read_seals(seals, parsed.kem)
        verify_message(parsed, body, read, certificate or world.sender.certificate)

    return reason(work)


def judge(world: World, record: bytes) -> str | None:
    """Return why the Delivery Service refuses a record."""

    def work() -> None:
        verify_record(read_record(record), world.sender.certificate)

    return reason(work)


def flip(data: bytes, bit: int) -> bytes:
    """Return the bytes with one bit turned."""
    bent = bytearray(data)
    bent[bit // 8] ^= 1 << (bit % 8)
    return bytes(bent)


@KEMS
def test_the_whole_is_accepted(kem: int) -> None:
    world = WORLDS[kem]
    message = world.message
    assert receive(world, message.header, message.body, world.seals) is None
    assert all(judge(world, cell.record) is None for cell in world.cells)


@KEMS
@given(data=st.data())
def test_any_cut_or_extension_is_refused(kem: int, data: st.DataObject) -> None:
    world = WORLDS[kem]
    message, record = world.message, world.cells[0].record
    more = data.draw(st.binary(min_size=1, max_size=60))
    for whole, parse in (
        (message.header, read_header),
        (record, read_record),
    ):
        cut = data.draw(st.integers(0, len(whole) - 1))
        assert reason(parse, whole[:cut]) == "malformed"
        assert reason(parse, whole + more) == "malformed"
    cut = data.draw(st.integers(0, len(world.seals) - 1))
    expected = "malformed" if cut % len(message.seals[0]) else "wrong_cells"
    assert receive(world, message.header, message.body, world.seals[:cut]) == expected
    assert receive(world, message.header, message.body, world.seals + more) == "malformed"
    assert receive(world, message.header, message.body + more, world.seals) == "body_mismatch"
    cut = data.draw(st.integers(0, len(message.body) - 1))
    assert receive(world, message.header, message.body[:cut], world.seals) == "body_mismatch"


@KEMS
@settings(max_examples=300)
@given(data=st.data())
def test_any_flipped_bit_is_refused_by_the_check_that_guards_it(
    kem: int, data: st.DataObject
) -> None:
    world = WORLDS[kem]
    message = world.message
    bit = data.draw(st.integers(0, len(message.header) * 8 - 1))
    byte = bit // 8
    refused = receive(world, flip(message.header, bit), message.body, world.seals)
    if byte < 3:
        assert refused in ("malformed", "wrong_kem")
    elif 35 <= byte < 67:
        assert refused == "sender_refused"
    else:
        assert refused in ("malformed", "bad_signature")

    bit = data.draw(st.integers(0, len(message.body) * 8 - 1))
    bent = flip(message.body, bit)
    assert receive(world, message.header, bent, world.seals) == "body_mismatch"

    # In the seals the digest guards the ids; enc and ciphertext only their receiver can judge.
    bit = data.draw(st.integers(0, len(world.seals) * 8 - 1))
    refused = receive(world, message.header, message.body, flip(world.seals, bit))
    inside = bit // 8 % len(message.seals[0])
    assert refused in (("wrong_cells", "malformed") if inside < 32 else (None,))

    record = world.cells[0].record
    bit = data.draw(st.integers(0, len(record) * 8 - 1))
    byte = bit // 8
    refused = judge(world, flip(record, bit))
    signer_at = len(record) - 64 - 32
    if byte < 3:
        assert refused in ("malformed", "wrong_kem")
    elif signer_at <= byte < signer_at + 32:
        assert refused == "signer_refused"
    else:
        assert refused in ("malformed", "bad_signature")


@KEMS
@settings(max_examples=300)
@given(data=st.data())
def test_receivers_refuse_a_bent_seal_or_body(kem: int, data: st.DataObject) -> None:
    world = WORLDS[kem]
    header = read_header(world.message.header)
    cell = min(world.cells, key=lambda one: one.cell_id)
    key, seal = CellKey.from_seed(kem, cell.seed), world.message.seals[0]
    assert open_seal(header, seal, key) == world.message.key
    bit = data.draw(st.integers(0, len(seal) * 8 - 1))
    assert reason(open_seal, header, flip(seal, bit), key) == "seal_broken"
    cut = data.draw(st.integers(0, len(seal) - 1))
    assert reason(open_seal, header, seal[:cut], key) == "seal_broken"
    body = world.message.body
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    bent = flip(body, bit)
    assert reason(open_body, header, bent, world.message.key) == "body_broken"


@KEMS
def test_receivers_refuse_a_key_that_was_not_committed_to(kem: int) -> None:
    world = WORLDS[kem]
    cell = min(world.cells, key=lambda one: one.cell_id)
    # The same header fields that a seal is bound to, but the commitment to another key.
    header = world.message.header
    other = header[:187] + bytes(32) + header[219:]
    key = CellKey.from_seed(kem, cell.seed)
    refused = reason(open_seal, read_header(other), world.message.seals[0], key)
    assert refused == "key_commit_mismatch"


@KEMS
def test_seals_ascend_and_no_cell_is_there_twice(kem: int) -> None:
    first, second, third = WORLDS[kem].message.seals
    assert [one.data for one in read_seals(first + second + third, kem)] == [first, second, third]
    assert read_seals(b"", kem) == []
    assert reason(read_seals, second + first, kem) == "malformed"
    assert reason(read_seals, first + first, kem) == "malformed"


@KEMS
def test_only_the_first_message_has_no_predecessor(kem: int) -> None:
    header = WORLDS[kem].message.header
    seq, prev = slice(67, 75), slice(75, 107)
    for number, before in ((0, bytes(32)), (2, bytes(32)), (1, b"\1" * 32), (2**53, b"\1" * 32)):
        bent = bytearray(header)
        bent[seq], bent[prev] = number.to_bytes(8, "big"), before
        assert reason(read_header, bytes(bent)) == "malformed"


def test_only_the_named_ed25519_certificate_will_do() -> None:
    world = WORLDS[X25519]
    message = world.message
    for certificate in (b"no certificate", world.sender.certificate + b"\0"):
        refused = receive(world, message.header, message.body, world.seals, certificate)
        assert refused == "sender_refused"
    for certificate, expected in (
        (b"no certificate", "sender_refused"),
        (certificate_of(ec.generate_private_key(ec.SECP256R1())), "sender_refused"),
        (certificate_of(Ed25519PrivateKey.generate()), "bad_signature"),
    ):
        sender = Sender(X25519)
        sender.certificate = certificate
        sender.certificate_hash = hashlib.sha256(certificate).digest()
        cell = sender.cell("cell", 1)
        sealed = sender.seal(b"whole", [cell], "whole")
        refused = receive(world, sealed.header, sealed.body, sealed.seals[0], certificate)
        assert refused == expected
        judged = reason(verify_record, read_record(cell.record), certificate)
        assert judged == expected.replace("sender", "signer")


@given(st.binary(max_size=1600), st.sampled_from([X25519, XWING]))
def test_junk_is_refused_and_nothing_else_escapes(junk: bytes, kem: int) -> None:
    assert reason(read_header, junk) in ("malformed", "wrong_kem")
    assert reason(read_record, junk) in ("malformed", "wrong_kem")
    assert reason(read_seals, junk, kem) in ("malformed", None)
    version_and_kem = b"\1" + kem.to_bytes(2, "big")
    assert reason(read_record, version_and_kem + junk) in ("malformed", None)
