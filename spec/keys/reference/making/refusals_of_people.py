"""Refusals about people, devices and rosters: the check that runs, and its rule."""

from typing import Any

from spec.keys.reference import ed25519, people, roster
from spec.keys.reference.basics import ZEROS, Record, u
from spec.keys.reference.making.story import (
    NOW,
    SOUTH,
    World,
    certificate,
    days_ago,
    minute,
    raw,
    seed,
    signing,
)
from spec.keys.reference.people import MINUTE_MS


def forged(record: Record, signer: str, /, **changes: Any) -> bytes:
    """Return a record with changed fields and a right signature: what a dishonest member can do."""
    return record.but(**changes).sign(signing(signer)).encode()


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


class Cases(list[dict[str, Any]]):
    """Negative cases: which check runs (``check``), on what, and the rule that refuses."""

    def case(self, name: str, check: str, data: bytes, rule: str, **more: Any) -> None:
        self.append({"name": name, "check": check, "data": data, "rule": rule, **more})

    def flips(
        self, check: str, data: bytes, rule: str, places: dict[str, int], **more: Any
    ) -> None:
        """Add a flipped bit for each field, a byte too many and one too few."""
        for name, at in places.items():
            other = more.get("rules", {}).get(name, rule)
            rest = {key: value for key, value in more.items() if key != "rules"}
            self.case(f"{check}: bit of {name} flipped", check, flip(data, at), other, **rest)
        rest = {key: value for key, value in more.items() if key != "rules"}
        self.case(f"{check}: trailing byte", check, data + b"\0", rule, **rest)
        self.case(f"{check}: truncated", check, data[:-1], rule, **rest)


def trust_negatives(w: World, cases: Cases) -> None:
    case, department = cases.case, w.department
    cases.flips("department", department.encode(), "E0", {
        "version": 0, "number": 8, "created": 16, "number of the roster authority": 17,
        "roster authority's key": 18, "lowest KEM": 51, "policy": 52,
        "lowest version of the app": 54, "number of issuing CAs": 59, "issuing CA": 60,
        "number of admins": 92, "root admin": 93, "signature": 125,
    })  # fmt: skip
    case("department: signed by the roster authority", "department",
         department.but().sign(w.authority).encode(), "E0")  # fmt: skip
    case("department: not newer", "department",
         department.but(number=1).sign(w.root).encode(), "E0")  # fmt: skip
    case("department: unknown policy", "department",
         department.but(policy=2).sign(w.root).encode(), "E0")  # fmt: skip

    grant, places = w.grants["2"], {
        "version": 0, "grantor": 1, "grantee": 33, "created": 56, "not after": 64,
        "path length": 66, "path": 67, "signature": 67 + len(SOUTH),
    }  # fmt: skip
    cases.flips("grant", grant.encode(), "E0", places)
    for name, changes in dict[str, dict[str, Any]](
        {
            "outside the grantor's unit path": {"path": "telangana/warangal"},
            "above the grantor's unit path": {"path": "telangana"},
            "beside the officer's unit": {"path": f"{SOUTH}/golconda"},
            "a path that only begins alike": {"path": f"{SOUTH}/char"},
            "an empty path": {"path": ""},
            "expired": {"not_after": minute(4)},
            "not yet begun": {"created": minute(25)},
            "to another person": {"person": w.people["C"]},
        }
    ).items():
        case(f"grant: {name}", "grant", forged(grant, "a", **changes), "E0")
    case("grant: by an unconfirmed device", "grant", forged(grant, "d", grantor=w.id["d"]), "E0")
    case("grant: by a device without a grant", "grant", forged(grant, "c", grantor=w.id["c"]), "E0")
    case("grant: signed by another device", "grant", forged(grant, "b"), "E0")
    case("grant: by a lost device", "grant", forged(grant, "x", grantor=w.id["x"]), "E0")

    cases.flips("endorsement", w.endorsements["b"].encode(), "E0", {
        "version": 0, "endorsed": 1, "endorser": 33, "kind": 65, "created": 73, "signature": 74,
    }, of="b")  # fmt: skip
    for of, by in (("b", "a"), ("d", "c")):
        one = w.endorsements[of]
        for name, signer, changes in (
            ("by an unconfirmed device", "d", {"endorser": w.id["d"]}),
            ("by a lost device", "x", {"endorser": w.id["x"]}),
            ("by itself", of, {"endorser": w.id[of]}),
            ("of another kind", by, {"kind": 3}),
            ("signed by another device", "b" if by == "a" else "a", {}),
            ("before the endorser's certificate", by, {"created": days_ago(70)}),
        ):
            case(f"endorsement of {of}: {name}", "endorsement", forged(one, signer, **changes),
                 "E0", of=of)  # fmt: skip
    one = w.endorsements["d"]
    case("endorsement of d: as own device, by another person's", "endorsement",
         forged(one, "c", kind=people.OWN_DEVICE), "E0", of="d")  # fmt: skip
    case("endorsement of d: before the grant", "endorsement",
         forged(one, "c", created=days_ago(12)), "E0", of="d")  # fmt: skip
    case("endorsement of c: by an officer without a grant", "endorsement",
         forged(w.endorsements["c"], "a", created=days_ago(28)), "E0", of="c")  # fmt: skip
    case("endorsement of c: the person's former device is not revoked (E4)", "endorsement",
         w.endorsements["c"].encode(), "E0", of="c", held="x")  # fmt: skip
    card = w.cards["C"]
    cases.flips("card", card.encode(), "E0",
                {"version": 0, "person": 1, "number": 24, "created": 32, "name": 46,
                 "signature": len(card.encode()) - 64})  # fmt: skip
    case("card: signed by the issuing CA", "card", card.but().sign(w.issuer).encode(), "E0")
    case("card: a unit outside the endorser's grant", "card",
         card.but(path="telangana/warangal").sign(w.authority).encode(), "E0")  # fmt: skip
    case("card: names do not ascend", "card",
         card.but(names=card.names[::-1]).sign(w.authority).encode(), "E0")  # fmt: skip
    der = w.der["a"]
    case("certificate: bit flipped", "certificate", flip(der, len(der) - 1), "E0")
    case("certificate: of another CA", "certificate", certificate("a", w.authority), "E0")
    case("certificate: another key for the same client", "certificate",
         certificate("a", w.issuer, signing("b")), "E0")  # fmt: skip
    case("certificate: of another device", "certificate", w.der["b"], "E0")
    case("digits: another a than the one committed to", "digits", seed("another", 16), "E3")
    case("direct: the id of other people", "direct",
         roster.direct_id(w.people["A"], w.people["C"]), "R10", sender="A")  # fmt: skip
    case("direct: a third person sends", "direct",
         roster.direct_id(w.people["A"], w.people["B"]), "R10", sender="C")  # fmt: skip


def signing_key_negatives(cases: Cases) -> None:
    """Ed25519 public keys that the CA refuses and the server does not store."""

    def encoded(point: tuple[int, int]) -> bytes:
        return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")

    order_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
    mixed = ed25519.add(
        ed25519.signing_point(raw(signing("a")), "D3"), ed25519.signing_point(order_8, "D3")
    )
    for name, key in {
        "of order 1": u(1, 1) + bytes(31), "of order 2": b"\xec" + b"\xff" * 30 + b"\x7f",
        "of order 4": bytes(32), "of order 8": order_8, "of mixed order": encoded(mixed),
        "not canonical": b"\xee" + b"\xff" * 30 + b"\x7f", "not a point": b"\x02" + bytes(31),
        "33 bytes": raw(signing("a")) + b"\0",
    }.items():  # fmt: skip
        cases.case(f"signing key: {name}", "signing key", key, "D3")


def roster_negatives(w: World, cases: Cases) -> None:
    case, head = cases.case, w.heads[3]
    cases.flips("roster head", head.encode(), "R4", {
        "version": 0, "conversation": 1, "epoch": 24, "previous": 25, "kem": 58, "rekey_epoch": 66,
        "latest history_from": 74, "created": 82, "devices": 86, "root": 87, "signature": 119,
    })  # fmt: skip
    for name, changes in dict[str, dict[str, Any]](
        {
            "a removal to come": {"rekey_epoch": 4},
            "no predecessor at epoch 3": {"previous": ZEROS},
            "epoch 0": {"epoch": 0, "rekey_epoch": 0, "previous": ZEROS},
            "another conversation": {"conversation": bytes(16)},
            "an integer above 2^53 - 1": {"created": 2**53},
        }
    ).items():
        case(
            f"roster head: {name}", "roster head", forged(head, "roster authority", **changes), "R4"
        )
    case("roster head: signed by a member", "roster head", forged(head, "a"), "R4")
    stamp = w.stamps[3]
    cases.flips("stamp", stamp.encode(), "S1",
                {"conversation": 0, "head": 16, "time": 55, "signature": 56})  # fmt: skip
    case("stamp: of the former head", "stamp", w.stamps[2].encode(), "S1")
    for name, at in (("11 min old", NOW - 11 * MINUTE_MS), ("11 min ahead", minute(36))):
        case(f"stamp: {name}", "stamp", forged(stamp, "roster authority", time=at), "S1")
    case("stamp: of a head below a known epoch", "stamp", stamp.encode(), "S1", named=4)
    proof = w.leaves[3, "c"]
    cases.flips("proof", proof, "R2", {
        "cell": 0, "person": 16, "device": 32, "history_from": 71, "rights": 73, "depth": 74,
        "sides": 76, "path": 77, "cell line": 109, "devices": 126, "rekey_epoch": 134, "root": 135,
        "upper path": len(proof) - 1,
    })  # fmt: skip
    early = forged(head, "roster authority", latest_history_from=days_ago(8))
    case("proof: begins later than its head says", "proof", proof, "R2", head=early)
    case("proof: of another device", "proof", w.leaves[3, "d"], "R2")
    case("proof: of the former epoch", "proof", w.leaves[2, "c"], "R2")
    case("proof: an unused side bit", "proof", proof[:75] + b"\x80" + proof[76:], "R2")
