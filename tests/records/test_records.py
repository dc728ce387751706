"""Each record of the golden vectors: bytes, hash, signature, and what its parser refuses."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import KeyShare
from copconnect.records.conversation.message import next_log_hash, parse_message
from copconnect.records.conversation.roster import (
    Cell,
    HeadStamp,
    RosterHead,
    check_proof,
    direct_id,
    lines_tree,
    prove,
)
from copconnect.records.conversation.seals import join_seals, parse_seals
from copconnect.records.primitives import ed25519, merkle
from copconnect.records.primitives.fields import ZEROS, Reader, Refused, sha256, uint
from copconnect.records.primitives.kem import ENC_BYTES, PUBLIC_KEY_BYTES, XWING
from copconnect.records.primitives.signed import SignedRecord
from copconnect.records.trust.department import Department
from copconnect.records.trust.device import Certificate, device_id, spki_hash
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.sas import sas_commitment, sas_digits
from tests.records.vectors import ALL, Vectors, signing_key

DAY = 86_400_000


@pytest.fixture(params=ALL)
def v(request: pytest.FixtureRequest) -> Vectors:
    found: Vectors = ALL[request.param]
    return found


RECORDS: dict[type[SignedRecord], tuple[Callable[[Vectors], bytes], str]] = {
    Department: (lambda v: v["department"], "offline root"),
    Grant: (lambda v: v["grants"]["2"], "a"),
    Endorsement: (lambda v: v["endorsements"]["b"], "a"),
    PersonCard: (lambda v: v["people"]["A"]["card"], "roster authority"),
    DeviceKey: (lambda v: v["devices"]["a"]["device_key"], "a"),
    RosterHead: (lambda v: v["roster"]["2"]["head"], "roster authority"),
    HeadStamp: (lambda v: v["roster"]["2"]["stamp"], "roster authority"),
    ConversationKey: (lambda v: v["conversation_keys"]["1"]["record"], "a"),
    CellKey: (lambda v: v["cell_keys"]["1"]["record"], "a"),
}


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_a_record_keeps_its_bytes_and_bears_its_signature(
    v: Vectors, kind: type[SignedRecord]
) -> None:
    of, signer = RECORDS[kind]
    data, key = of(v), signing_key(signer)
    record = kind.parse(data)
    assert record.encode() == data
    assert record.hash() == sha256(data)
    record.verify(ed25519.public_bytes(key))
    assert replace(record, signature=b"").signed(key) == record
    with pytest.raises(Refused) as found:
        record.verify(ed25519.public_bytes(signing_key("x")))
    assert found.value.rule == kind.RULE
    with pytest.raises(ValueError, match="instead of 64"):
        replace(record, signature=b"").encode()


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_other_length_is_refused(v: Vectors, kind: type[SignedRecord]) -> None:
    data = RECORDS[kind][0](v)
    for wrong in [*(data[:end] for end in range(len(data))), data + b"\0"]:
        with pytest.raises(Refused):
            kind.parse(wrong)


def test_lengths(v: Vectors) -> None:
    pk, enc = PUBLIC_KEY_BYTES[v["kem"]], ENC_BYTES[v["kem"]]
    keys = v["conversation_keys"]
    assert len(v["roster"]["1"]["head"]) == 119 + 64
    assert len(v["roster"]["3"]["leaves"]["c"]) == 74 + 35 + 58 + 35
    assert {len(seal) for seal in keys["1"]["seals"].values()} == {16 + enc + 48}
    assert len(v["cell_keys"]["1"]["record"]) == 151 + pk + 64
    assert len(v["share_to_d"]) == 35 + 3 * 17 + enc + 3 * 32 + 16


def test_devices(v: Vectors) -> None:
    department = Department.parse(v["department"])
    assert department.issuers == (spki_hash(v["issuing_key"]),)
    for name, one in v["devices"].items():
        certificate = Certificate.parse(one["certificate"], (v["issuing_key"],))
        assert certificate.person_id == one["person"]
        assert certificate.device == one["device"]
        key = certificate.public_key
        assert key == ed25519.public_bytes(signing_key(name))
        assert device_id(one["person"], one["client"], key) == one["device"]
        ed25519.check_public_key(key)
        if "device_key" in one:
            record = DeviceKey.parse(one["device_key"])
            record.check(one["device"], key, v["kem"])
            record.check_usable(v["now"], record)
            assert record.key_id() == one["key_id"]


def test_cards_say_what_the_vectors_say(v: Vectors) -> None:
    for one in v["people"].values():
        card, fields = PersonCard.parse(one["card"]), one["fields"]
        assert card.person_id == one["person"]
        for name in ("names", "rank", "post", "unit"):
            assert [list(one) for one in getattr(card, name)] == fields[name]
        said = (card.number, card.created, card.path)
        assert said == tuple(fields[name] for name in ("number", "created", "path"))


def test_r4_heads_follow_each_other_and_prove_their_leaves(v: Vectors) -> None:
    authority = Department.parse(v["department"]).authority
    former: RosterHead | None = None
    for epoch, one in v["roster"].items():
        head = RosterHead.parse(one["head"])
        head.check(authority, v["conversation"])
        assert (str(head.epoch), head.hash()) == (epoch, one["hash"])
        assert head.previous == (former.hash() if former else ZEROS)
        if former:
            head.check_follows(former)
        former = head
        assert head.devices == len(one["leaves"])
        for name, proof in one["leaves"].items():
            leaf, line = check_proof(head, v["devices"][name]["device"], proof, "R2")
            assert leaf.person_id == v["devices"][name]["person"]
            assert line.rekey_epoch <= head.rekey_epoch


def test_a_roster_built_here_is_the_vectors(v: Vectors) -> None:
    for one in v["roster"].values():
        head = RosterHead.parse(one["head"])
        found = {
            name: check_proof(head, v["devices"][name]["device"], proof, "R2")
            for name, proof in one["leaves"].items()
        }
        cells = [
            Cell(
                line.cell_id,
                line.rekey_epoch,
                [leaf for leaf, its in found.values() if its == line],
            )
            for line in sorted({line for _, line in found.values()}, key=lambda line: line.cell_id)
        ]
        tree = lines_tree([cell.line for cell in cells])
        assert tree.root == head.root
        assert max(cell.latest_history_from for cell in cells) == head.latest_history_from
        for at, cell in enumerate(cells):
            for index, leaf in enumerate(cell.encoded):
                (name,) = [name for name, its in found.items() if its[0].encode() == leaf]
                assert prove(cell, index, tree, at) == one["leaves"][name]


def test_r4_a_higher_kem_raises_rekey_epoch_and_never_falls() -> None:
    former = RosterHead.parse(ALL["x25519"]["roster"]["3"]["head"])
    head = replace(former, epoch=4, previous=former.hash(), kem=XWING, rekey_epoch=4)
    head.check_follows(former)
    lower = replace(head, epoch=5, previous=sha256(b"x"), kem=former.kem)
    for wrong, before in (
        (replace(head, rekey_epoch=3), former),
        (lower, replace(head, epoch=3)),
        (replace(head, rekey_epoch=2), former),
        (replace(head, previous=ZEROS), former),
        (former, former),
    ):
        with pytest.raises(Refused) as found:
            wrong.check_follows(before)
        assert found.value.rule == "R4"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 13, 256, 257])
def test_merkle_paths(count: int) -> None:
    hashes = [sha256(uint(at)) for at in range(count)]
    tree = merkle.MerkleTree(hashes)
    for at in range(count):
        reader = Reader(tree.path(at), "R2")
        assert merkle.climb(hashes[at], reader) == tree.root == merkle.root(hashes)
        reader.end()


def test_merkle_root_of_rfc_6962() -> None:
    """The certificate-transparency project's well-known vectors."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
    hashes = [merkle.leaf_hash(bytes.fromhex(one)) for one in inputs]
    assert merkle.root([]).hex().startswith("e3b0c442")
    assert merkle.root(hashes[:1]).hex().startswith("6e340b9c")
    assert merkle.root(hashes[:3]).hex().startswith("aeb6bcfe")
    assert merkle.root(hashes).hex().startswith("5dc9da79")


def test_log_hashes(v: Vectors) -> None:
    log = v["log"][0]
    assert log == ZEROS
    for at, name in enumerate("123", 1):
        header, _ = parse_message(v["messages"][name]["message"], v["conversation"])
        assert header.hash() == v["messages"][name]["header_hash"]
        log = next_log_hash(log, header.hash())
        assert log == v["log"][at]


def test_e3_digits(v: Vectors) -> None:
    one = v["digits"]
    assert one["c"] == sas_commitment(one["a"], one["endorser"])
    digits = sas_digits(
        one["c"], one["a"], one["b"],
        endorser=one["endorser"], new_device=one["new"], root_key=v["root_key"],
    )  # fmt: skip
    assert digits == one["number"]


def test_r10_direct_ids(v: Vectors) -> None:
    a, b = (v["people"][name]["person"] for name in "AB")
    assert direct_id(a, b) == direct_id(b, a) == v["direct"]["A and B"]
    assert direct_id(a, a) == v["direct"]["A alone"]


def test_commitments_and_seal_infos(v: Vectors) -> None:
    for one in v["conversation_keys"].values():
        record = ConversationKey.parse(one["record"])
        record.check_secret(one["secret"])
        first = next(iter(one["seals"].values()))
        assert record.seal_info(first[:16]) == one["seal_info_of_first"]
    for one in v["cell_keys"].values():
        CellKey.parse(one["record"]).check_commitment(one["secret"])


def test_lists_of_seals(v: Vectors) -> None:
    seals = b"".join(sorted(v["conversation_keys"]["1"]["seals"].values()))
    found = parse_seals(v["kem"], seals, "D2", 3)
    assert join_seals(reversed(found)) == seals
    size = len(seals) // 3
    for wrong, limit in ((seals, 2), (seals[:-1], 3), (seals[size:] + seals[:size], 3),
                         (seals[:size] * 2, 3)):  # fmt: skip
        with pytest.raises(Refused):
            parse_seals(v["kem"], wrong, "D2", limit)


def test_shares_keep_their_bytes(v: Vectors) -> None:
    share = KeyShare.parse(v["kem"], v["share_to_d"])
    assert share.encode() == v["share_to_d"]
    assert share.recipient == v["devices"]["d"]["key_id"]
