"""A device's side on the golden vectors: seals, messages, shares, and receiving by R1 to R10."""

from dataclasses import replace

import pytest

from copconnect.limits import CELL_KEY_SHARED_MS, LOG_HASHES
from copconnect.records.conversation import conversation_key
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import (
    KeyShare,
    Shareable,
    check_shareable,
    secret_name,
)
from copconnect.records.conversation.message import MessageHeader, next_log_hash, parse_message
from copconnect.records.conversation.roster import Cell, LeafRights, RosterHead, lines_tree, prove
from copconnect.records.conversation.seals import parse_seal
from copconnect.records.primitives import merkle
from copconnect.records.primitives.fields import ZEROS, Refused
from copconnect.records.primitives.kem import X25519, XWING, check_public_key
from copconnect.records.trust.department import first_number
from copconnect.sealing import hpke
from copconnect.sealing.keys import (
    cell_private_key,
    make_cell_key,
    make_conversation_key,
    make_device_key,
    new_secret,
    open_cell_key,
    open_conversation_key,
    seal_secret,
)
from copconnect.sealing.messages import body_key, seal_message
from copconnect.sealing.receiving import Receiver
from copconnect.sealing.shares import check_shared, make_share, open_share
from tests.records import golden
from tests.records.golden import device, device_key, private, signer
from tests.records.vectors import ALL, Vectors, signing_key


@pytest.fixture(params=ALL)
def v(request: pytest.FixtureRequest) -> Vectors:
    found: Vectors = ALL[request.param]
    return found


def refused_by(rule: str) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, match=rf"^{rule}:")


def header_of(v: Vectors, name: str) -> MessageHeader:
    return parse_message(v["messages"][name]["message"], v["conversation"])[0]


def test_every_seal_of_a_conversation_key_opens(v: Vectors) -> None:
    for one in v["conversation_keys"].values():
        record = ConversationKey.parse(one["record"])
        for name, data in one["seals"].items():
            if name.startswith("cell "):
                cell = golden.cell_key(v, name[-1])
                key_id = cell.key_id()
                key = cell_private_key(cell, v["cell_keys"][name[-1]]["secret"])
            else:
                key_id, key = device_key(v, name).key_id(), private(v, name)
            seal = parse_seal(v["kem"], data, "R6")
            assert open_conversation_key(record, seal, v["kem"], key_id, key) == one["secret"]


def test_s2_which_keys_are_usable(v: Vectors) -> None:
    view, keys = golden.view(v), v["conversation_keys"]
    first, second = (ConversationKey.parse(keys[name]["record"]) for name in "12")
    view.check_usable_key(second, 3, v["now"], 9_999)
    view.check_usable_key(first, 1, v["now"], 0)
    with refused_by("S2"):
        view.check_usable_key(first, 3, v["now"], 0)
    assert second.order() > first.order()


def test_c2_cell_keys_open_and_are_usable(v: Vectors) -> None:
    for name, one in v["cell_keys"].items():
        cell = golden.cell_key(v, name)
        golden.view(v).check_usable_cell_key(cell, 3, v["now"])
        assert hpke.derived_seed(v["kem"], one["secret"]) == one["private_key"]
        for to, data in one["seals"].items():
            seal, key_id = parse_seal(v["kem"], data, "C2"), device_key(v, to).key_id()
            assert open_cell_key(cell, seal, key_id, private(v, to)) == one["secret"]


@pytest.mark.parametrize("kem", [X25519, XWING])
def test_what_is_made_here_opens_here(kem: int) -> None:
    v = ALL["x25519" if kem == X25519 else "xwing"]
    head, key, now = golden.head(v), signer(v, "a"), v["now"]
    own_seed, s, c = new_secret(), new_secret(), new_secret()
    own = make_device_key(kem, own_seed, key, device=device(v, "a"), generation=4, now=now)
    own.check(device(v, "a"), golden.trust(v).certificates[device(v, "a")][0].public_key, kem)
    own.check_usable(now, device_key(v, "a"))
    cell = make_cell_key(c, key, head=head, cell_id=golden.leaf(v, "a").cell_id, generation=1,
                         author=device(v, "a"), now=now)  # fmt: skip
    golden.view(v).check_usable_cell_key(cell, 3, now)
    sealed = seal_secret(cell, c, own)
    assert open_cell_key(cell, sealed, own.key_id(), hpke.private_key(kem, own_seed)) == c
    record = make_conversation_key(s, key, head=head, author=device(v, "a"), now=now)
    golden.view(v).check_usable_key(record, 3, now, 0)
    sealed = seal_secret(record, s, cell)
    opened = open_conversation_key(record, sealed, kem, cell.key_id(), cell_private_key(cell, c))
    assert opened == s
    assert make_conversation_key(s, key, head=head, author=b"a" * 32, now=0).created == head.created


def test_d3_public_keys(v: Vectors) -> None:
    pk = device_key(v, "a").pk
    check_public_key(v["kem"], pk, "D3")
    for low in ("00" * 32, "01" + "00" * 31, "ff" * 32, "ed" + "ff" * 30 + "7f",
                "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880"):  # fmt: skip
        point = bytes.fromhex(low)
        if low == "ff" * 32:  # 2**255 - 1 = p + 18, which is not of small order.
            check_public_key(v["kem"], pk[:-32] + point, "D3")
            continue
        with refused_by("D3"):
            check_public_key(v["kem"], pk[:-32] + point, "D3")
        with refused_by("S3"):
            hpke.seal(v["kem"], pk[:-32] + point, b"", b"", "S3")
    with refused_by("D3"):
        check_public_key(v["kem"], pk[1:], "D3")


# --- Receiving ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["1 2 3", "3 2 1", "2 3 1"])
def test_r5_messages_in_any_order(v: Vectors, order: str) -> None:
    found = golden.receiver(v)
    positions = {name: found.append(v["messages"][name]["message"]) for name in "123"}
    for name in order.split():
        one = v["messages"][name]
        received = found.receive(one["message"], positions[name], v["now"])
        assert received.plaintext == one["plaintext"]
        assert received.gap == (name == "2" and order != "1 2 3")
        assert not received.alarm
        found.accept(received, positions[name])
        with refused_by("R5"):
            found.receive(one["message"], positions[name], v["now"])
    assert [found.log_hash(at) for at in range(4)] == v["log"]


def test_s5_sealing_again_gives_the_same_bytes(v: Vectors) -> None:
    for one in v["messages"].values():
        header, _ = parse_message(one["message"], v["conversation"])
        (secret,) = (
            k["secret"] for k in v["conversation_keys"].values() if k["key_id"] == header.key_id
        )
        sender = next(n for n in "ac" if device(v, n) == header.sender)
        draft = replace(header, commit=ZEROS, body_hash=ZEROS, signature=b"")
        assert seal_message(draft, secret, one["plaintext"], signer(v, sender)) == one["message"]
        assert body_key(header, secret) == one["body_key"]


def test_s6_r5_the_highest_attempt_counts(v: Vectors) -> None:
    before, after = (v["messages"][name]["message"] for name in ("2 refused", "2"))
    found = golden.receiver(v, "1 2 3")
    with refused_by("R5"):
        found.receive(before, found.append(before), v["now"])
    found = golden.receiver(v, "1")
    at = found.append(before)
    found.accept(found.receive(before, at, v["now"]), at)
    received = found.receive(after, found.append(after), v["now"])
    assert received.plaintext == v["messages"]["2"]["plaintext"]


def test_r9_a_missing_key_waits_and_k_alone_opens(v: Vectors) -> None:
    one = v["messages"]["1"]
    found = Receiver(golden.view(v))
    position = found.append(one["message"])
    with refused_by("R9"):
        found.receive(one["message"], position, v["now"])
    message_id = header_of(v, "1").message_id
    found.learn_body_key(message_id, ZEROS)
    with refused_by("R7"):
        found.receive(one["message"], position, v["now"])
    found.learn_body_key(message_id, one["body_key"])
    assert found.receive(one["message"], position, v["now"]).plaintext == one["plaintext"]


def test_r6_a_wrong_secret_is_not_learnt(v: Vectors) -> None:
    with refused_by("R6"):
        golden.receiver(v).learn_secret(v["messages"]["1"]["key"], v["messages"]["1"]["body_key"])


def test_r2_a_lost_sender_is_refused_from_the_loss_on(v: Vectors) -> None:
    message, sent = v["messages"]["1"]["message"], header_of(v, "1").sent
    for lost, context in ((sent, refused_by("R2")), (sent + 1, None)):
        found = golden.receiver(v)
        found.view.trust.add_revocation(golden.revocation(v, "a", lost))
        if context is None:
            assert found.receive(message, 1, v["now"])
        else:
            with context:
                found.receive(message, 1, v["now"])


def test_r2_a_removed_sender_is_judged_by_what_was_known_when_it_came(v: Vectors) -> None:
    """b is off the roster at epoch 3; its message names epoch 2, where it was listed."""
    view = golden.view(v)
    draft = replace(
        header_of(v, "1"), sender=device(v, "b"), epoch=2, head=view.head(2).hash(), signature=b""
    )
    for fork in (view, golden.view(v)):  # A key that epoch 2 allows.
        record = make_conversation_key(ZEROS, signer(v, "a"), head=view.head(2),
                                       author=device(v, "a"), now=draft.sent)  # fmt: skip
        fork.add_record(record.encode())
    draft = replace(draft, key_id=record.hash(), sent=record.created)
    message = seal_message(draft, ZEROS, b"hello", signer(v, "b"))

    early = Receiver(view)
    early.learn_secret(record.hash(), ZEROS)
    position = early.append(message)
    early.learn_head(3)  # Known only after the message came.
    assert early.receive(message, position, v["now"]).plaintext == b"hello"

    late = Receiver(golden.view(v))
    late.view.add_record(record.encode())
    late.learn_secret(record.hash(), ZEROS)
    late.learn_head(3)
    with refused_by("R2"):
        late.receive(message, late.append(message), v["now"])


def test_r2_a_former_roster_authoritys_head_counts_for_no_later_entry(v: Vectors) -> None:
    found = golden.receiver(v)
    found.known_epoch = first_number(1)
    with pytest.raises(Refused, match="R2: a former roster authority's head"):
        found.receive(v["messages"]["1"]["message"], found.position + 1, v["now"])


def test_r2_who_may_not_send(v: Vectors) -> None:
    view = golden.view(v)
    leaf = replace(golden.leaf(v, "a", 1), rights=LeafRights.ADMINISTER)
    cell = Cell(leaf.cell_id, 0, [leaf])
    tree = lines_tree([cell.line])
    head = RosterHead.parse(v["roster"]["1"]["head"])
    head = replace(head, root=tree.root, devices=1).signed(signing_key("roster authority"))
    fresh = type(view)(view.trust, view.conversation_id)
    fresh.add_head(head.encode())
    fresh.add_proof(1, leaf.device, prove(cell, 0, tree, 0))
    with refused_by("R2"):
        Receiver(fresh).receive(v["messages"]["1"]["message"], 1, v["now"])
    assert merkle.root([merkle.leaf_hash(cell.line.encode())]) == tree.root


def test_r4_a_second_head_of_one_epoch_is_refused(v: Vectors) -> None:
    head = RosterHead.parse(v["roster"]["3"]["head"])
    fork = replace(head, created=head.created + 1).signed(signing_key("roster authority"))
    with refused_by("R4"):
        golden.view(v).add_head(fork.encode())


def test_r4_only_the_last_log_hashes_are_kept(v: Vectors) -> None:
    found, message = golden.receiver(v), v["messages"]["1"]["message"]
    log_hash = found.log_hash(0)
    for _ in range(LOG_HASHES):
        assert log_hash is not None
        log_hash = next_log_hash(log_hash, header_of(v, "1").hash())
        assert found.log_hash(found.append(message)) == log_hash
    assert found.log_hash(0) is None
    assert found.log_hash(1) is not None


def test_r10_a_group_is_not_taken_for_a_direct_conversation(v: Vectors) -> None:
    found = golden.receiver(v)
    a, b = (v["people"][name]["person"] for name in "AB")
    found.view.people = (a, b)
    with refused_by("R10"):
        found.receive(v["messages"]["1"]["message"], 1, v["now"])


# --- Shares ---------------------------------------------------------------------------------------


def shared_with_d(v: Vectors) -> list[tuple[Shareable, bytes]]:
    keys, cells = v["conversation_keys"]["2"], v["cell_keys"]["2"]
    return [
        (ConversationKey.parse(keys["record"]), keys["secret"]),
        (golden.cell_key(v, "2"), cells["secret"]),
        (header_of(v, "1"), v["messages"]["1"]["body_key"]),
    ]


def test_h6_the_share_to_d_opens(v: Vectors) -> None:
    share = KeyShare.parse(v["kem"], v["share_to_d"])
    made = make_share(v["conversation"], device_key(v, "d"), shared_with_d(v))
    assert made.opening() == share.opening()
    state = header_of(v, "1").message_id
    for one in (share, KeyShare.parse(v["kem"], made.encode())):
        found = open_share(v["kem"], one, private(v, "d"))
        for record, secret in shared_with_d(v):
            assert found[secret_name(record)] == secret
            check_shared(record, secret)
            reader = "c" if isinstance(record, CellKey) else "d"
            check_shareable(record, golden.head(v), golden.leaf(v, reader), state)


def test_h3_history_decides_to_the_millisecond(v: Vectors) -> None:
    first = ConversationKey.parse(v["conversation_keys"]["1"]["record"])
    head = golden.head(v)
    check_shareable(first, head, golden.leaf(v, "a"), None)
    leaf = replace(golden.leaf(v, "d"), history_from=first.created)
    check_shareable(first, head, leaf, None)
    with refused_by("H3"):
        check_shareable(first, head, replace(leaf, history_from=first.created + 1), None)


def test_h3_a_cell_key_stays_in_its_cell(v: Vectors) -> None:
    """A removed member who held another cell's key would read on: that cell is not rekeyed."""
    record = golden.cell_key(v, "2")
    head, leaf = golden.head(v), golden.leaf(v, "c")
    check_shareable(record, head, leaf, None)
    with refused_by("H3"):
        check_shareable(record, head, replace(leaf, cell_id=bytes(16)), None)


def test_h3_a_cell_key_is_made_26_hours_after_history_begins(v: Vectors) -> None:
    """A conversation key from before it may have been sealed to the cell key later (S9)."""
    record = golden.cell_key(v, "2")
    head, leaf = golden.head(v), golden.leaf(v, "c")
    begins = record.created - CELL_KEY_SHARED_MS
    check_shareable(record, head, replace(leaf, history_from=begins), None)
    with refused_by("H3"):
        check_shareable(record, head, replace(leaf, history_from=begins + 1), None)


def test_h1_nothing_is_shared_under_a_head_that_is_older_than_it(v: Vectors) -> None:
    """A removed member asks under the head of before its removal, whose stamp still counts."""
    record = ConversationKey.parse(v["conversation_keys"]["2"]["record"])
    head, leaf = golden.head(v), golden.leaf(v, "a")
    check_shareable(record, replace(head, epoch=record.epoch), leaf, None)
    with refused_by("H1"):
        check_shareable(record, replace(head, epoch=record.epoch - 1), leaf, None)


def test_commitments_are_bound_to_their_place(v: Vectors) -> None:
    one = v["conversation_keys"]["1"]
    record = ConversationKey.parse(one["record"])
    assert conversation_key.commit_to(one["secret"], record.conversation_id) == record.commit
    assert conversation_key.commit_to(one["secret"], bytes(16)) != record.commit
