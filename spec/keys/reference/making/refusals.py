"""Everything that must be refused: records of people, then keys, messages and shares."""

from typing import Any

from spec.keys.reference import hpke, messages, shares
from spec.keys.reference.basics import SIGNATURE, ZEROS, H
from spec.keys.reference.making.refusals_of_people import (
    Cases,
    forged,
    roster_negatives,
    signing_key_negatives,
    trust_negatives,
)
from spec.keys.reference.making.story import (
    NOW,
    TEXTS,
    World,
    days_ago,
    minute,
    seed,
    signing,
)
from spec.keys.reference.people import DAY_MS, MINUTE_MS


def negatives(w: World, seals: dict[str, dict[str, bytes]]) -> list[dict[str, Any]]:
    cases = Cases()
    bad_pk = degenerate_keys(w)
    trust_negatives(w, cases)
    signing_key_negatives(cases)
    roster_negatives(w, cases)
    key_negatives(w, cases, seals, bad_pk)
    cell_key_negatives(w, cases, bad_pk)
    message_negatives(w, cases)
    share_negatives(w, cases)
    return cases


def degenerate_keys(w: World) -> dict[str, bytes]:
    pk = w.device["a"].pk
    order_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"
    bad = {
        "all-zero X25519": pk[:-32] + bytes(32),
        "X25519 of order 8": pk[:-32] + bytes.fromhex(order_8),
    }
    if w.kem == hpke.XWING:
        bad["ML-KEM coefficient of 4095"] = b"\xff\xff\xff" + pk[3:]
        bad["ML-KEM coefficient of 3329"] = b"\x01\x0d" + pk[2:]
    return bad


def key_negatives(
    w: World, cases: Cases, seals: dict[str, dict[str, bytes]], bad_pk: dict[str, bytes]
) -> None:
    case, record = cases.case, w.records["2"]
    cases.flips("conversation key", record.encode(), "S2", {
        "version": 0, "conversation": 1, "author": 17, "roster epoch": 56, "roster hash": 57,
        "created": 96, "commit": 97, "signature": 129,
    })  # fmt: skip
    for name, signer, changes in (
        ("signed by another", "a", {}),
        ("author unconfirmed", "d", {"author": w.id["d"]}),
        ("author removed", "b", {"author": w.id["b"]}),
        ("older than rekey_epoch", "c", {"epoch": 2, "head": w.heads[2].hash()}),
        ("of a roster to come", "c", {"epoch": 4}),
        ("another roster hash", "c", {"head": w.heads[2].hash()}),
        ("24 h old", "c", {"created": NOW - DAY_MS}),
        ("an hour ahead", "c", {"created": NOW + 60 * MINUTE_MS}),
    ):
        case(
            f"conversation key: {name}", "conversation key", forged(record, signer, **changes), "S2"
        )
    case(
        "conversation key: 10,000 messages", "conversation key", record.encode(), "S2", used=10_000
    )

    key_1, own, others = w.records["1"], seals["1"]["a"], seals["1"]["b"]
    cases.flips("seal", own, "R6", {"key id": 0, "enc": 16, "ct": len(own) - 48,
                                    "tag": len(own) - 1})  # fmt: skip
    secret, to = w.secrets["1"], w.device["a"]
    for name, seal in {
        "another device's": others,
        "another device's under own key id": own[:16] + others[16:],
        "enc all zeros": own[:16] + bytes(len(own) - 64) + own[-48:],
        "of another record": key_1.but(commit=w.records["2"].commit).seal(secret, to),
        "of another conversation": key_1.but(conversation=bytes(16)).seal(secret, to),
        "as a cell's": w.cell_key["1"].but(commit=key_1.commit).seal(secret, to),
        "rubbish that opens": key_1.seal(w.secrets["2"], to),
        "of another author's record with the same commitment": key_1.but(author=w.id["c"])
        .sign(signing("c"))
        .seal(secret, to),
        "of the same record, signed again": key_1.sign(signing("b")).seal(secret, to),
    }.items():
        case(f"seal: {name}", "seal", seal, "R6")

    one, key = w.device["a"], w.device["a"].encode()
    cases.flips("device key", key, "H2", {
        "version": 0, "kem": 2, "device": 3, "generation": 42, "created": 50, "pk length": 52,
        "pk": 53, "signature": len(key) - 1,
    })  # fmt: skip
    case("device key: another device's", "device key", w.device["b"].encode(), "H2")
    for name, pk in bad_pk.items():
        case(f"device key: {name}", "device key", forged(one, "a", pk=pk), "H2")
    for name, changes in dict[str, dict[str, Any]](
        {
            "generation going back": {"generation": 2},
            "another key of the same generation": {"created": days_ago(2)},
            "14 days old": {"generation": 4, "created": NOW - 14 * DAY_MS},
            "an hour ahead": {"generation": 4, "created": NOW + 60 * MINUTE_MS},
        }
    ).items():
        case(f"device key: {name}", "device key", forged(one, "a", **changes), "S3")


def cell_key_negatives(w: World, cases: Cases, bad_pk: dict[str, bytes]) -> None:
    case, cell = cases.case, w.cell_key["1"]
    cases.flips("cell key", cell.encode(), "S4", {
        "version": 0, "kem": 2, "conversation": 3, "cell": 19, "roster epoch": 42,
        "generation": 44, "roster hash": 45, "author": 77, "created": 116, "commit": 117,
        "pk length": 150, "pk": 151, "signature": len(cell.encode()) - 64,
    })  # fmt: skip
    unlike: list[tuple[str, str, dict[str, Any]]] = [
        ("another conversation", "a", {"conversation": bytes(16)}),
        ("another cell", "a", {"cell": w.cells[1]}),
        ("of a roster to come", "a", {"epoch": 4}),
        ("another roster hash", "a", {"head": w.heads[2].hash()}),
        ("older than its cell's rekey_epoch", "a", {"epoch": 2, "head": w.heads[2].hash()}),
        ("7 days old", "a", {"created": NOW - 7 * DAY_MS}),
        ("an hour ahead", "a", {"created": NOW + 60 * MINUTE_MS}),
        ("author of the other cell", "c", {"author": w.id["c"]}),
        ("author removed", "b", {"author": w.id["b"]}),
        ("author unconfirmed", "d", {"author": w.id["d"], "cell": w.cells[1]}),
        ("signed by another", "b", {}),
        *((name, "a", {"pk": pk}) for name, pk in bad_pk.items()),
    ]
    for name, signer, changes in unlike:
        case(f"cell key: {name}", "cell key", forged(cell, signer, **changes), "S4")
    case(
        "cell key: pk is not from C", "cell secret", forged(cell, "a", pk=w.cell_key["2"].pk), "C2"
    )
    case("cell key: commit of another C", "cell secret",
         forged(cell, "a", commit=w.cell_key["2"].commit), "C2")  # fmt: skip
    case("cell seal: as a conversation key's", "cell seal",
         w.records["1"].but(commit=cell.commit).seal(w.cell_secret["1"], w.device["a"]),
         "C2")  # fmt: skip
    case("cell seal: of the other cell", "cell seal",
         cell.but(cell=w.cells[1]).seal(w.cell_secret["1"], w.device["a"]), "C2")  # fmt: skip
    case("cell seal: to another device", "cell seal",
         cell.seal(w.cell_secret["1"], w.device["c"]), "C2")  # fmt: skip


def message_negatives(w: World, cases: Cases) -> None:
    """Messages: message 2 after message 1 was accepted, unless ``after`` says something else."""
    case, size = cases.case, messages.HEADER_BYTES + SIGNATURE
    m2, header = w.messages["2"], w.header("2")
    body = m2[size:]
    places = {
        "version": 0, "conversation": 1, "message id": 17, "kind": 33, "marked message": 34,
        "sender": 50, "seq": 89, "attempt": 90, "prev": 91, "key id": 123, "roster epoch": 162,
        "roster hash": 163, "log position": 202, "log hash": 203, "sent": 242, "key commit": 243,
        "body hash": 275, "signature": 307, "body": size, "tag of the body": len(m2) - 1,
    }  # fmt: skip
    early = {"version": "R1", "conversation": "R1", "sender": "R2", "marked message": "R1"}
    cases.flips("message", m2, "R3", places, rules=early)
    case("message: header cut", "message", m2[:300], "R1")
    case("message: a header and less than a tag", "message", m2[: size + 15], "R1")

    def message(
        name: str, rule: str, signer: str = "a", /, after: str = "1", **changes: Any
    ) -> None:
        data = forged(header, signer, **changes) + body
        case(f"message: {name}", "message", data, rule, after=after)

    message("integer above 2^53 - 1", "R1", sent=2**53)
    about: dict[str, Any] = {"marked": seed("message 1", 16)}
    message("of an unknown kind", "R1", kind=4, **about)
    message("a deletion of nothing", "R1", kind=messages.DELETION)
    message("words about another message", "R1", kind=messages.KEPT, **about)
    message("log position above 2^53 - 1", "R1", log_position=2**60)
    message("signed by another device", "R3", "b")
    message("sent outside its certificate", "R2", sent=days_ago(-70))
    message("sender unconfirmed", "R2", "d", sender=w.id["d"], seq=1, previous=ZEROS)
    message("sender not listed then", "R2", "b", sender=w.id["b"], seq=1, previous=ZEROS)
    message("sender lost", "R2", "x", sender=w.id["x"], seq=1, previous=ZEROS)
    message("of a roster to come", "R2", epoch=4)
    message("another roster hash", "R4", head=w.heads[1].hash())
    old = {"epoch": 2, "head": w.heads[2].hash(), "key": w.records["1"].hash()}
    message("removed sender with an old epoch", "R2", "b", after="1 2", sender=w.id["b"], seq=1,
            previous=ZEROS, **old)  # fmt: skip
    for name, changes in dict[str, dict[str, Any]](
        {
            "wrong log hash": {"log_hash": seed("a fork")},
            "log hash of another position": {"log_position": 0},
            "log position to come": {"log_position": 2},
        }
    ).items():
        data = messages.seal_message(
            header.but(**changes), w.secrets["2"], TEXTS["2"].encode(), signing("a")
        )
        case(f"message: {name}: alarm", "alarm", data, "R4", after="1")
    message("seq 0", "R5", seq=0)
    message("attempt 0", "R5", attempt=0)
    message("no predecessor at seq 2", "R5", previous=ZEROS)
    message("a predecessor at seq 1", "R5", seq=1)
    message("wrong chain", "R5", previous=seed("another"))
    message("one seq with another message id", "R5", after="1 2", message=seed("another", 16),
            attempt=3)  # fmt: skip
    message("one seq and attempt given twice", "R5", after="1 2", sent=minute(24))
    case("message: repeated", "message", w.messages["1"], "R5", after="1")
    case("message: an older attempt after the newer", "message", w.messages["2 refused"], "R5",
         after="1 2")  # fmt: skip
    message("an unknown key", "R6", key=seed("another"))
    message("key older than rekey_epoch", "R6", key=w.records["1"].hash())
    message("a roster older than its key's", "R6", epoch=1, head=w.heads[1].hash())
    for name, changes in dict[str, dict[str, Any]](
        {
            "key made before its head": {"created": minute(19)},
            "key made an hour ahead": {"created": NOW + 60 * MINUTE_MS},
            "key of another roster head": {"head": w.heads[2].hash()},
            "key of another conversation": {"conversation": bytes(16)},
        }
    ).items():
        record = w.records["2"].but(**changes).sign(signing("c"))
        data = forged(header, "a", key=record.hash()) + body
        case(f"message: {name}", "message", data, "R6", after="1", record=record.encode())
    message("key commit of another key", "R7", commit=ZEROS)
    other = w.messages["1"][size:]
    case("message: body of another message", "message",
         forged(header, "a", body=H(other)) + other, "R7")  # fmt: skip
    message("another attempt under the same k", "R7", attempt=3)
    message("another seq under the same k", "R7", seq=3)


def share_negatives(w: World, cases: Cases) -> None:
    """Shares to device d."""
    case, to = cases.case, w.device["d"]
    key_1, key_2, cell = w.records["1"], w.records["2"], w.cell_key["2"]
    pair: list[tuple[shares.Shared, bytes]] = [(key_2, w.secrets["2"]), (cell, w.cell_secret["2"])]
    share = shares.KeyShare.make(w.conversation, to, pair).encode()
    cases.flips("share", share, "H1", {
        "version": 0, "conversation": 1, "recipient": 17, "n": 34, "kind": 35, "reference": 36,
        "enc": 69, "tag": len(share) - 1,
    })  # fmt: skip
    swapped = share[:35] + share[52:69] + share[35:52] + share[69:]
    case("share: names swapped", "share", swapped, "H1")
    case("share: one name twice", "share", share[:52] + share[35:52] + share[69:], "H1")
    case("share: kind 4", "share", share[:52] + b"\4" + share[53:], "H1")
    case("share: nothing in it", "share", share[:33] + bytes(2) + share[69:-64], "H1")
    for name, one, secret, rule in (
        ("a wrong S", key_2, w.secrets["1"], "R6"),
        ("a wrong C", cell, w.cell_secret["1"], "C2"),
        ("a wrong k", w.header("1"), w.secrets["1"], "R7"),
    ):
        data = shares.KeyShare.make(w.conversation, to, [(one, secret)]).encode()
        case(f"share: {name}", "share", data, rule)
    case("holder: S from before history_from", "allowed S", key_1.encode(), "H3")
    young = days_ago(7) + shares.SHARED_CELL_KEY_MS - 1  # For device c.
    early = cell.but(created=young).encode() + bytes(64)
    case("holder: C from before history_from", "allowed C", early, "H3")
    case("holder: k of a message that is not the newest state", "allowed k", w.messages["3"], "H3")
    later = key_2.but(epoch=4).sign(signing("c"))
    case("holder: S made under a later head", "allowed S", later.encode(), "H1")
    case("holder: C of another cell", "allowed C", w.cell_key["1"].encode(), "H3")
