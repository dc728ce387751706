"""The golden vectors say what docs/keys.md says; here by the rules of a sender and a receiver."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from spec.keys.reference import (
    basics,
    hpke,
    keys,
    merkle,
    messages,
    people,
    receiving,
    roster,
    shares,
)
from spec.keys.reference.known import (
    ALL,
    cell_key,
    department,
    device,
    device_key,
    head,
    known,
    leaf_of,
    private,
    signer,
)


@pytest.fixture(params=ALL)
def v(request: pytest.FixtureRequest) -> dict[str, Any]:
    return ALL[request.param]


def refused(rule: str) -> "pytest.RaisesExc[basics.Refused]":
    return pytest.raises(basics.Refused, match=f"^{rule}:")


def test_the_reference_shares_no_code_with_the_product() -> None:
    """Two readings of docs/keys.md that agree are worth more than one."""
    files = list(Path(__file__).parent.rglob("*.py"))
    assert len(files) > 20
    for file in files:
        wanted = {"copconnect", "tests", "bench"}
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not wanted & {one.split(".")[0] for one in named}, file


# --- Bytes and keys -------------------------------------------------------------------------------


def test_lengths_are_those_of_the_page(v: dict[str, Any]) -> None:
    pk, enc = hpke.PK_BYTES[v["kem"]], hpke.ENC_BYTES[v["kem"]]
    keys = v["conversation_keys"]
    assert len(v["department"]) == 59 + 1 + 32 + 1 + 32 + 64
    assert len(v["grants"]["1"]) == 67 + len("telangana/hyderabad") + 64
    assert {len(one) for one in v["endorsements"].values()} == {74 + 64}
    assert len(v["devices"]["a"]["device_key"]) == 53 + pk + 64
    assert len(v["roster"]["1"]["head"]) == 119 + 64
    assert len(v["roster"]["3"]["stamp"]) == 56 + 64
    assert len(v["roster"]["3"]["leaves"]["c"]) == 74 + 35 + 58 + 35
    assert len(keys["1"]["record"]) == 129 + 64
    assert {len(seal) for seal in keys["1"]["seals"].values()} == {16 + enc + 48}
    assert len(v["cell_keys"]["1"]["record"]) == 151 + pk + 64
    for message in v["messages"].values():
        assert (
            len(message["message"])
            == messages.HEADER_BYTES + basics.SIGNATURE + len(message["plaintext"]) + 16
        )
    assert len(v["share_to_d"]) == 35 + 3 * 17 + enc + 3 * 32 + 16


def test_e0_only_a_newer_department_record(v: dict[str, Any]) -> None:
    assert department(v).encode() == v["department"]
    with refused("E0"):
        department(v, former=2)


def test_e3_digits(v: dict[str, Any]) -> None:
    one = v["digits"]
    assert one["c"] == people.sas_commitment(one["a"], one["endorser"])
    found = people.digits(one["c"], one["a"], one["b"], one["endorser"], one["new"], v["root_key"])
    assert found == one["number"]
    assert len(found) == 6


def test_r10_direct_ids(v: dict[str, Any]) -> None:
    a, b = (v["people"][name]["person"] for name in "AB")
    assert roster.direct_id(a, b) == roster.direct_id(b, a) == v["direct"]["A and B"]
    roster.check_direct(v["direct"]["A and B"], (a, b), b)
    roster.check_direct(v["direct"]["A alone"], (a, a), a)


def test_r4_heads_follow_each_other(v: dict[str, Any]) -> None:
    previous = basics.ZEROS
    for epoch, one in v["roster"].items():
        found = head(v, one["head"])
        assert (found.epoch, found.previous, found.hash()) == (int(epoch), previous, one["hash"])
        previous = one["hash"]
        assert found.devices == len(one["leaves"])
        for name, proof in one["leaves"].items():
            leaf, line = roster.check_leaf(found, device(v, name), proof, "R2")
            assert leaf.person == v["devices"][name]["person"]
            assert line.rekey_epoch <= found.rekey_epoch
    assert "b" not in v["roster"]["3"]["leaves"]
    assert head(v).rekey_epoch == 3


def test_s1_stamps(v: dict[str, Any]) -> None:
    for epoch, at in ((3, v["now"]), (2, v["now"] - 10 * people.MINUTE_MS)):
        one = v["roster"][str(epoch)]
        stamp = roster.HeadStamp.parse(one["stamp"])
        stamp.check(head(v, one["head"]), department(v).authority, at, epoch)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 256])
def test_merkle_paths(count: int) -> None:
    hashes = [basics.H(basics.u(at)) for at in range(count)]
    for at in range(count):
        reader = basics.Reader(merkle.merkle_path(hashes, at), "R2")
        assert merkle.climb(hashes[at], reader) == merkle.merkle_root(hashes)
        reader.end()


def test_s2_conversation_keys(v: dict[str, Any]) -> None:
    for one in v["conversation_keys"].values():
        record = keys.ConversationKey.parse(one["record"])
        assert (record.encode(), record.hash()) == (one["record"], one["key_id"])
        first = next(iter(one["seals"].values()))
        assert record.seal_info(first[:16]) == one["seal_info_of_first"]
        for name, seal in one["seals"].items():
            if name.startswith("cell "):
                cell = cell_key(v, name[-1])
                key_id = cell.key_id()
                key = cell.private_key(v["cell_keys"][name[-1]]["secret"])
            else:
                key_id, key = device_key(v, name).key_id(), private(v, name)
            assert record.open(seal, v["kem"], key_id, key) == one["secret"]
    receiving.usable_key(record, known(v), 3, v["now"], 9_999)
    first = keys.ConversationKey.parse(v["conversation_keys"]["1"]["record"])
    receiving.usable_key(first, known(v), 1, v["now"], 0)
    with refused("S2"):
        receiving.usable_key(first, known(v), 3, v["now"], 0)


def test_s4_cell_keys(v: dict[str, Any]) -> None:
    for name, one in v["cell_keys"].items():
        cell = cell_key(v, name)
        receiving.usable_cell_key(cell, known(v), 3, v["now"])
        assert (cell.encode(), cell.key_id()) == (one["record"], one["key_id"])
        assert hpke.derived_seed(v["kem"], one["secret"]) == one["private_key"]
        for to, seal in one["seals"].items():
            own = device_key(v, to).key_id()
            assert cell.open(seal, v["kem"], own, private(v, to)) == one["secret"]


@pytest.mark.parametrize("order", ["1 2 3", "3 2 1", "2 3 1"])
def test_r5_messages_in_any_order(v: dict[str, Any], order: str) -> None:
    found = known(v)
    for name in order.split():
        one, position = v["messages"][name], int(name)
        received = receiving.receive(one["message"], found, position, v["now"])
        assert received.plaintext == one["plaintext"]
        assert received.gap == (name == "2" and order != "1 2 3")
        assert not received.alarm
        assert received.header.hash() == one["header_hash"]
        assert received.header.body_key(found.secrets[one["key"]]) == one["body_key"]
        found.accepted.setdefault(received.header.sender, {})[received.header.seq] = received.header


def test_log_hashes(v: dict[str, Any]) -> None:
    found = known(v, "1 2 3")
    assert [found.log[at][0] for at in range(4)] == v["log"]


def test_r11_a_header_alone_keeps_hash_and_chain(v: dict[str, Any]) -> None:
    """R11: a body that the server dropped is missed by no later message, nor by the log's hash."""
    found = known(v, "1")
    size = messages.HEADER_BYTES + basics.SIGNATURE
    bare = v["messages"]["2"]["message"][:size]
    received = receiving.receive(bare, found, 2, v["now"])
    assert received.plaintext is None
    assert received.header.hash() == v["messages"]["2"]["header_hash"]
    assert messages.next_log_hash(v["log"][1], bare) == v["log"][2]
    del found.secrets[received.header.key]
    assert receiving.receive(bare, found, 2, v["now"]).plaintext is None
    with refused("R3"):
        receiving.receive(bare[:-1] + bytes([bare[-1] ^ 1]), found, 2, v["now"])


def test_s5_sealing_a_message_again_gives_its_bytes(v: dict[str, Any]) -> None:
    for name, one in v["messages"].items():
        header, _ = messages.parse_message(one["message"], v["conversation"])
        secret = known(v).secrets[one["key"]]
        draft = header.but(commit=basics.ZEROS, body=basics.ZEROS)
        own = signer(v, "c" if name == "3" else "a")
        assert messages.seal_message(draft, secret, one["plaintext"], own) == one["message"]


def test_s6_r5_a_refused_message_is_signed_anew(v: dict[str, Any]) -> None:
    """S6: the same message id, seq and plaintext. R5: the later attempt counts, and alone."""
    before, after = (v["messages"][name] for name in ("2 refused", "2"))
    one, other = (
        messages.parse_message(m["message"], v["conversation"])[0] for m in (before, after)
    )
    assert (one.message, one.seq, one.previous) == (other.message, other.seq, other.previous)
    assert (one.attempt, other.attempt) == (1, 2)
    assert before["plaintext"] == after["plaintext"]
    assert before["body_key"] != after["body_key"]

    found = known(v, "1 2 3")
    with refused("R5"):
        receiving.receive(before["message"], found, 4, v["now"])
    found = known(v, "1")
    receiving.accept(receiving.receive(before["message"], found, 2, v["now"]), found, 2)
    assert receiving.receive(after["message"], found, 3, v["now"]).plaintext == after["plaintext"]


def test_r9_a_missing_key_waits(v: dict[str, Any]) -> None:
    """R9. A share of the message's k opens it as the conversation key does."""
    one = v["messages"]["1"]
    found = known(v)
    secret = found.secrets.pop(one["key"])
    with refused("R9"):
        receiving.receive(one["message"], found, 1, v["now"])
    header, _ = messages.parse_message(one["message"], v["conversation"])
    found.secrets[header.message] = one["body_key"]
    assert receiving.receive(one["message"], found, 1, v["now"]).plaintext == one["plaintext"]
    found.secrets[header.message] = secret
    with refused("R7"):
        receiving.receive(one["message"], found, 1, v["now"])


def test_r6_a_wrong_secret_is_refused(v: dict[str, Any]) -> None:
    found = known(v)
    found.secrets[v["messages"]["1"]["key"]] = v["messages"]["1"]["body_key"]
    with refused("R6"):
        receiving.receive(v["messages"]["1"]["message"], found, 1, v["now"])


def test_h6_shares(v: dict[str, Any]) -> None:
    record = keys.ConversationKey.parse(v["conversation_keys"]["2"]["record"])
    state, _ = messages.parse_message(v["messages"]["1"]["message"], v["conversation"])
    share = shares.KeyShare.parse(v["kem"], v["share_to_d"])
    assert share.encode() == v["share_to_d"]
    assert share.recipient == device_key(v, "d").key_id()
    found = share.open(v["kem"], private(v, "d"))
    assert len(found) == 3
    for one in (record, cell_key(v, "2"), state):
        one.matches(found[shares.share_name(one)])
        reader = "c" if isinstance(one, keys.CellKey) else "d"  # d's history begins too late for C.
        shares.share_allowed(one, head(v), leaf_of(v, reader), state.message)


def test_h3_history_decides_what_is_shared(v: dict[str, Any]) -> None:
    """H3: from the very millisecond of ``history_from``; device a may have all."""
    first = keys.ConversationKey.parse(v["conversation_keys"]["1"]["record"])
    newest = head(v)
    shares.share_allowed(first, newest, leaf_of(v, "a"))
    leaf = replace(leaf_of(v, "d"), history_from=first.created)
    shares.share_allowed(first, newest, leaf)
    with refused("H3"):
        shares.share_allowed(first, newest, replace(leaf, history_from=first.created + 1))


def test_r2_a_lost_sender_is_refused_from_the_loss_on(v: dict[str, Any]) -> None:
    header, _ = messages.parse_message(v["messages"]["1"]["message"], v["conversation"])
    for lost, context in ((header.sent + 1, None), (header.sent, refused("R2"))):
        found = known(v)
        found.trust.add(
            people.Revocation(
                device=header.sender, lost=lost, created=lost, signer=device(v, "r"), standing=()
            ).sign(signer(v, "r"))
        )
        if context is None:
            assert receiving.receive(v["messages"]["1"]["message"], found, 1, v["now"])
        else:
            with context:
                receiving.receive(v["messages"]["1"]["message"], found, 1, v["now"])


def test_r2_who_may_send(v: dict[str, Any]) -> None:
    """The leaf has the right; here a roster of one device without it."""
    found, authority = known(v), Ed25519PrivateKey.generate()
    leaf = replace(leaf_of(v, "a", 1), rights=roster.MAY_ADMINISTER)
    lines = roster.cell_lines([leaf], {leaf.cell: 0})
    root = merkle.merkle_root([roster.leaf_hash(one) for one in lines])
    one = roster.RosterHead.parse(found.heads[1]).but(root=root, devices=1).sign(authority)
    raw = authority.public_key().public_bytes_raw()
    found.trust.departments = [found.trust.department.but(authority=raw)]
    found.trust.cards.clear()
    found.heads[1] = one.encode()
    found.leaves[1, leaf.device] = roster.prove([leaf], lines, leaf)
    with refused("R2"):
        receiving.receive(v["messages"]["1"]["message"], found, 1, v["now"])


def test_r4_later_heads(v: dict[str, Any]) -> None:
    """A KEM never goes back, and one that rises rekeys."""
    first, _, newest = (head(v, v["roster"][epoch]["head"]) for epoch in "123")
    newest.check_after(first)
    for before, later in (
        (newest, first),
        (first.but(kem=hpke.XWING), newest.but(kem=hpke.X25519)),
        (first.but(kem=hpke.X25519), newest.but(kem=hpke.XWING, rekey_epoch=1)),
        (first.but(rekey_epoch=4), newest),
        (newest, newest.but(epoch=4, previous=first.hash())),
    ):
        with refused("R4"):
            later.check_after(before)


def test_s3_the_departments_lowest_kem_binds_sealing(v: dict[str, Any]) -> None:
    newest = head(v)
    newest.but(kem=hpke.XWING).check_sealing(department(v).but(kem=hpke.XWING))
    with refused("S3"):
        newest.but(kem=hpke.X25519).check_sealing(department(v).but(kem=hpke.XWING))


def test_r10_a_group_is_not_taken_for_a_direct_conversation(v: dict[str, Any]) -> None:
    found, (a, b) = known(v), (v["people"][name]["person"] for name in "AB")
    found.people = (a, b)
    with refused("R10"):
        receiving.receive(v["messages"]["1"]["message"], found, 1, v["now"])


def test_h1_h3_nothing_of_a_later_head_and_no_other_cell(v: dict[str, Any]) -> None:
    record = keys.ConversationKey.parse(v["conversation_keys"]["2"]["record"])
    newest, leaf = head(v), leaf_of(v, "d")
    shares.share_allowed(record, newest, leaf)
    with refused("H1"):
        shares.share_allowed(record, newest.but(epoch=record.epoch - 1), leaf)
    leaf = leaf_of(v, "c")
    shares.share_allowed(cell_key(v, "2"), newest, leaf)
    with refused("H3"):
        shares.share_allowed(cell_key(v, "2"), newest, replace(leaf, cell=bytes(16)))
