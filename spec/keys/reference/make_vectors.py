"""Makes the vectors of ``spec/keys``: ``python -m spec.keys.reference.make_vectors``.

Each run makes the same bytes. All bytes are hex; README.md says what each file holds. ``--check``
writes nothing and names the files that would change.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from spec.keys.reference import basics, envelopes, hpke, keys, people, roster, shares
from spec.keys.reference.making.cases import Case, make_cases
from spec.keys.reference.making.deletions import cases as deletion_cases
from spec.keys.reference.making.force import (
    AUTHORITY,
    ISSUER,
    PEOPLE,
    ROOT,
    Force,
    day,
    person_id,
    public_key,
)
from spec.keys.reference.making.marked import marked
from spec.keys.reference.making.refusals import negatives
from spec.keys.reference.making.reported import reported
from spec.keys.reference.making.story import DEVICES, NOW, TEXTS, World, raw, seed, signing

FOLDER = Path(__file__).parents[1]


# --- vectors_*.json -------------------------------------------------------------------------------


def vectors(kem: int) -> dict[str, Any]:
    w = World(kem)
    key_1, key_2 = w.records["1"], w.records["2"]
    seals = {
        "1": {n: key_1.seal(w.secrets["1"], w.device[n]) for n in "abc"},
        "2": {f"cell {n}": key_2.seal(w.secrets["2"], w.cell_key[n]) for n in "12"},
    }
    state = w.header("1")
    body_key = state.body_key(w.secrets["1"])
    shared: list[tuple[shares.Shared, bytes]] = [
        (key_2, w.secrets["2"]), (w.cell_key["2"], w.cell_secret["2"]), (state, body_key)
    ]  # fmt: skip
    share = shares.KeyShare.make(w.conversation, w.device["d"], shared)
    sas_a, sas_b = seed("sas a", 16), seed("sas b", 16)
    c = people.sas_commitment(sas_a, w.id["a"])
    made: dict[str, Any] = {
        "kem": kem,
        "now": NOW,
        "root_key": raw(w.root),
        "issuing_key": raw(w.issuer),
        "department": w.department.encode(),
        "people": {
            name: {"person": w.people[name], "card": card.encode(), "fields": fields_of(card)}
            for name, card in w.cards.items()
        },
        "grants": {n: one.encode() for n, one in w.grants.items()},
        "endorsements": {n: one.encode() for n, one in w.endorsements.items()},
        "revocations": {n: one.encode() for n, one in w.revocations.items()},
        "person_devices": {n: one.encode() for n, one in w.person_devices.items()},
        "devices": {
            n: {
                "person": w.certificate[n].person,
                "client": seed(f"client {n}", 16),
                "signature_seed": seed(f"signature key {n}"),
                "certificate": w.der[n],
                "device": w.id[n],
                **(
                    {
                        "key_seed": w.device_seed[n],
                        "device_key": w.device[n].encode(),
                        "key_id": w.device[n].key_id(),
                    }
                    if n in w.device
                    else {}
                ),
            }
            for n in DEVICES
        },
        "digits": {
            "a": sas_a,
            "b": sas_b,
            "endorser": w.id["a"],
            "new": w.id["b"],
            "c": c,
            "number": people.digits(c, sas_a, sas_b, w.id["a"], w.id["b"], raw(w.root)),
        },
        "direct": {
            "A and B": roster.direct_id(w.people["A"], w.people["B"]),
            "A alone": roster.direct_id(w.people["A"], w.people["A"]),
        },
        "conversation": w.conversation,
        "roster": {
            str(epoch): {
                "head": head.encode(),
                "hash": head.hash(),
                **({"stamp": w.stamps[epoch].encode()} if epoch in w.stamps else {}),
                "leaves": {n: one for (at, n), one in w.leaves.items() if at == epoch},
            }
            for epoch, head in w.heads.items()
        },
        "conversation_keys": {
            n: {
                "secret": w.secrets[n],
                "record": record.encode(),
                "key_id": record.hash(),
                "seal_info_of_first": record.seal_info(next(iter(seals[n].values()))[:16]),
                "seals": seals[n],
            }
            for n, record in w.records.items()
        },
        "cell_keys": {
            n: {
                "cell": record.cell,
                "secret": w.cell_secret[n],
                "private_key": hpke.derived_seed(kem, w.cell_secret[n]),
                "record": record.encode(),
                "key_id": record.key_id(),
                "seals": {d: record.seal(w.cell_secret[n], w.device[d]) for d in "ac"[int(n) - 1]},
            }
            for n, record in w.cell_key.items()
        },
        "messages": {
            n: {
                "message": message,
                "plaintext": TEXTS[n].encode(),
                "key": w.header(n).key,
                "header_hash": w.header(n).hash(),
                "body_key": w.header(n).body_key(
                    w.secrets["1" if n in ("1", "2 refused") else "2"]
                ),
            }
            for n, message in w.messages.items()
        },
        "log": w.log,
        "share_to_d": share.encode(),
    }
    made["negatives"] = negatives(w, seals)
    return made


def fields_of(record: basics.Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name, _ in record.fields()}


# --- extra.json -----------------------------------------------------------------------------------


def extra() -> dict[str, Any]:
    """Records that the story lacks, and which devices are confirmed by E0 and E4.

    ``records`` holds every record with its kind, fields and hash. A case of ``confirmed`` names the
    records that are known (a record that is refused alone is ignored); all certificates are
    known in all cases. ``how`` is null where a device is not confirmed.
    """
    force, cases = make_cases()
    records = force.records | others(force)
    return {
        "now": day(0),
        "root_key": public_key(ROOT),
        "issuing_key": public_key(ISSUER),
        "authority_key": public_key(AUTHORITY),
        "root_seed": seed(f"signature key {ROOT}"),
        "issuing_seed": seed(f"signature key {ISSUER}"),
        "authority_seed": seed(f"signature key {AUTHORITY}"),
        "device_key_seed": seed("extra device key b1"),
        "people": {name: person_id(name) for name in PEOPLE},
        "devices": {
            name: {
                "device": one.device,
                "person": one.person,
                "client": seed(f"extra client {name}", 16),
                "signature_seed": seed(f"signature key {name}"),
                "certificate": force.der[name],
            }
            for name, one in force.certificates.items()
        },
        "records": {
            name: {
                "kind": type(one).__name__,
                "record": one.encode(),
                "hash": one.hash(),
                "fields": {"signature": one.signature, **fields_of(one)},
                **({"key_id": one.key_id()} if isinstance(one, keys.Sealable) else {}),
            }
            for name, one in records.items()
        },
        "confirmed": [
            {
                "rule": one.rule,
                "name": one.name,
                "records": one.records,
                "verdicts": verdicts(one),
            }
            for one in cases
        ],
    }


def verdicts(case: Case) -> list[dict[str, Any]]:
    """Return the verdicts of cases.py as the file has them."""
    found = []
    for text in case.verdicts:
        about, _, said = text.partition(": ")
        device, _, at = about.partition(" @ ")
        how, by = (*said.split(", "), None)[:2]
        how = None if how == "no" else how
        found.append({"device": device, "at": day(float(at or 0)), "how": how, "by": by})
    return found


def others(force: Force) -> dict[str, basics.Record]:
    """Records that no case of E0 and E4 needs."""
    pk = hpke.public_bytes(hpke.X25519, seed("extra device key b1"))
    own = envelopes.Acknowledgement(
        conversation=seed("extra conversation", 16),
        message=seed("extra order", 16),
        header=seed("extra order header"),
        text=seed("extra correction header"),
        device=force.device("b1"),
        person=person_id("B"),
        told=envelopes.OWN,
        choice=2,
        done=0b101,
        answer=basics.H(seed("extra sealed answer")),
        photo=basics.H(seed("extra sealed photo")),
        created=day(0),
    )
    told = own.but(device=force.device("s1"), told=envelopes.IN_PERSON, choice=0, done=0,
                   answer=basics.ZEROS, photo=basics.ZEROS, created=day(-1))  # fmt: skip
    unreadable = own.but(choice=envelopes.UNREADABLE, done=0, answer=basics.ZEROS,
                         photo=basics.ZEROS, created=day(-1))  # fmt: skip
    guard = people.GuardRecord(number=3, size=4, weights=basics.H(b"bits"), policy_number=2,
                               policy='{"large": 100}', pictures_number=0,
                               pictures=basics.H(b""))  # fmt: skip
    return {
        "device key b1": keys.DeviceKey(
            kem=hpke.X25519, device=force.device("b1"), generation=7, created=day(-1), pk=pk
        ).sign(signing("b1")),
        "time": people.TimeRecord(
            nonce=seed("extra nonce", 16), time=day(0), log_size=7, log_root=basics.H(b"log")
        ).sign(signing(AUTHORITY)),
        "incarnation": people.Incarnation(created=day(-1), number=day(0)).sign(signing(AUTHORITY)),
        "guard": guard.sign(signing(AUTHORITY)),
        "acknowledgement b1": own.sign(signing("b1")),
        "acknowledgement unreadable b1": unreadable.sign(signing("b1")),
        "acknowledgement of b1 by s1": told.sign(signing("s1")),
    }


def deletions() -> dict[str, Any]:
    """Return the content of a deletion, and cases of M3 with their verdicts."""
    message_id = seed("deleted", 16)
    content = {
        **{"v": 1, "kind": "mark", "messageId": message_id.hex()},
        "what": {"mark": "deletion"},
    }
    return {
        "message_id": message_id,
        "content": msgspec.msgpack.encode(content),
        "cases": [
            {"name": name, **asdict(one), "counts": one.counts()}
            for name, one in deletion_cases().items()
        ],
    }


# --- All files ------------------------------------------------------------------------------------


def to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: to_json(one) for name, one in value.items()}
    return [to_json(one) for one in value] if isinstance(value, list | tuple) else value


def make() -> dict[str, str]:
    """Return the text of each file by its name."""
    answers, reports = reported()
    files = {
        "vectors_x25519.json": vectors(hpke.X25519),
        "vectors_xwing.json": vectors(hpke.XWING),
        "extra.json": extra(),
        "answers.json": answers,
        "marks.json": marked(),
        "reports.json": reports,
        "deletions.json": deletions(),
    }
    return {
        name: json.dumps(to_json(one), ensure_ascii=False, indent=1) + "\n"
        for name, one in files.items()
    }


def main() -> int:
    """Write the files, or with ``--check`` name the files that would change."""
    check, changed = "--check" in sys.argv, 0
    for name, text in make().items():
        path = FOLDER / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        changed += 1
        print(f"{name} {'would change' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and changed > 0)


if __name__ == "__main__":
    sys.exit(main())
