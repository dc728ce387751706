"""Each negative of the golden vectors fails by its own rule, and parsers let only Refused out."""

import contextlib
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from spec.keys.reference import (
    basics,
    certificates,
    ed25519,
    keys,
    messages,
    people,
    receiving,
    roster,
    shares,
)
from spec.keys.reference.confirmed import confirmed
from spec.keys.reference.known import (
    ALL,
    cell_key,
    certificate,
    department,
    device,
    device_key,
    head,
    known,
    leaf_of,
    private,
    trust,
)
from spec.keys.reference.people import Trust


@pytest.fixture(params=ALL)
def v(request: pytest.FixtureRequest) -> dict[str, Any]:
    return ALL[request.param]


Case = dict[str, Any]
SIGNED_HEADER = messages.HEADER_BYTES + basics.SIGNATURE


def receive(v: dict[str, Any], data: bytes, case: Case) -> receiving.Received:
    after = case.get("after", "1")
    found = known(v, after)
    if record := case.get("record"):
        found.records[basics.H(record)] = record
        found.secrets[basics.H(record)] = v["conversation_keys"]["2"]["secret"]
    return receiving.receive(data, found, len(after.split()) + 1, v["now"])


def check_alarm(v: dict[str, Any], data: bytes, case: Case) -> None:
    """R4: a log that differs is shown as an alarm; the message opens all the same."""
    received = receive(v, data, case)
    assert received.plaintext == v["messages"]["2"]["plaintext"]
    basics.require(not received.alarm, "R4", "alarm")


def endorsed(found: Trust, name: bytes, now: int) -> None:
    """Refuse a device that is confirmed as its person's first alone (policy none)."""
    basics.require(confirmed(name, now, found).by is not None, "E0", "nobody endorsed it")


def check_endorsement(v: dict[str, Any], data: bytes, case: Case) -> None:
    of = case["of"]
    revoked = "xy".replace(case.get("held", "-"), "")
    found = trust(v, without=f"d{of}", revoked=revoked, endorsements={of: data})
    endorsed(found, device(v, of), v["now"])


def check_grant(v: dict[str, Any], data: bytes, _: Case) -> None:
    """The second grant: c endorsed d by it."""
    endorsed(trust(v, without="", grants={"2": data}), device(v, "d"), v["now"])


def check_card(v: dict[str, Any], data: bytes, _: Case) -> None:
    """C's card, on which the endorsement of d rests."""
    endorsed(trust(v, without="", cards={"C": data}), device(v, "d"), v["now"])


def check_certificate(v: dict[str, Any], data: bytes, _: Case) -> None:
    one = certificates.read_certificate(data, (v["issuing_key"],))
    confirmed(device(v, "a"), v["now"], trust(v, certificates={"a": one}))


def check_digits(v: dict[str, Any], data: bytes, _: Case) -> None:
    one = v["digits"]
    people.digits(one["c"], data, one["b"], one["endorser"], one["new"], v["root_key"])


def check_direct(v: dict[str, Any], data: bytes, case: Case) -> None:
    a, b = (v["people"][name]["person"] for name in "AB")
    roster.check_direct(data, (a, b), v["people"][case["sender"]]["person"])


def check_stamp(v: dict[str, Any], data: bytes, case: Case) -> None:
    roster.HeadStamp.parse(data).check(
        head(v), department(v).authority, v["now"], case.get("named", 3)
    )


def check_key(v: dict[str, Any], data: bytes, case: Case) -> None:
    record = keys.ConversationKey.parse(data)
    receiving.usable_key(record, known(v), 3, v["now"], case.get("used", 0))


def check_seal(v: dict[str, Any], data: bytes, _: Case) -> None:
    record = keys.ConversationKey.parse(v["conversation_keys"]["1"]["record"])
    record.open(data, v["kem"], device_key(v, "a").key_id(), private(v, "a"))


def check_device_key(v: dict[str, Any], data: bytes, _: Case) -> None:
    owner = certificate(v, "a")
    keys.DeviceKey.parse(data).check(owner, v["kem"], v["now"], device_key(v, "a"))


def check_cell_key(v: dict[str, Any], data: bytes, _: Case) -> keys.CellKey:
    record = keys.CellKey.parse(data)
    receiving.usable_cell_key(record, known(v), 3, v["now"])
    return record


def check_cell_secret(v: dict[str, Any], data: bytes, case: Case) -> None:
    check_cell_key(v, data, case).matches(v["cell_keys"]["1"]["secret"])


def check_cell_seal(v: dict[str, Any], data: bytes, _: Case) -> None:
    cell_key(v, "1").open(data, v["kem"], device_key(v, "a").key_id(), private(v, "a"))


def check_share(v: dict[str, Any], data: bytes, _: Case) -> None:
    found = shares.KeyShare.parse(v["kem"], data).open(v["kem"], private(v, "d"))
    state, _body = messages.parse_message(v["messages"]["1"]["message"], v["conversation"])
    records = [keys.ConversationKey.parse(one["record"]) for one in v["conversation_keys"].values()]
    shared: list[shares.Shared] = [*records, cell_key(v, "2"), state]
    for one in shared:
        if shares.share_name(one) in found:
            one.matches(found[shares.share_name(one)])


def check_allowed(parse: Callable[[bytes], shares.Shared]) -> Callable[..., None]:
    def check(v: dict[str, Any], data: bytes, _: Case) -> None:
        state, _body = messages.parse_message(v["messages"]["1"]["message"], v["conversation"])
        one = parse(data)
        reader = "c" if isinstance(one, keys.CellKey) else "d"
        shares.share_allowed(one, head(v), leaf_of(v, reader), state.message)

    return check


CHECKS: dict[str, Callable[[dict[str, Any], bytes, Case], object]] = {
    "department": lambda v, data, _: department(v, data),
    "grant": check_grant,
    "endorsement": check_endorsement,
    "card": check_card,
    "certificate": check_certificate,
    "digits": check_digits,
    "direct": check_direct,
    "signing key": lambda _, data, __: ed25519.check_signing_key(data, "D3"),
    "roster head": lambda v, data, _: head(v, data),
    "stamp": check_stamp,
    "proof": lambda v, data, case: roster.check_leaf(
        head(v, case.get("head")), device(v, "c"), data, "R2"
    ),
    "conversation key": check_key,
    "seal": check_seal,
    "device key": check_device_key,
    "cell key": check_cell_key,
    "cell secret": check_cell_secret,
    "cell seal": check_cell_seal,
    "message": receive,
    "alarm": check_alarm,
    "share": check_share,
    "allowed S": check_allowed(keys.ConversationKey.parse),
    "allowed C": check_allowed(keys.CellKey.parse),
    "allowed k": check_allowed(
        lambda data: messages.Header.parse(data[: messages.HEADER_BYTES + 64])
    ),
}
NEGATIVES = [
    pytest.param(kem, case, id=f"{kem}-{case['name']}")
    for kem, one in ALL.items()
    for case in one["negatives"]
]


@pytest.mark.parametrize(("kem", "case"), NEGATIVES)
def test_refused_by_its_rule(kem: str, case: Case) -> None:
    with pytest.raises(basics.Refused, match=f"^{case['rule']}:"):
        CHECKS[case["check"]](ALL[kem], case["data"], case)


def test_every_negative_begins_from_something_right(v: dict[str, Any]) -> None:
    """Each check accepts the golden vector, so that a case fails by its own fault."""
    cells, roster = v["cell_keys"], v["roster"]["3"]
    good: dict[str, list[tuple[bytes, Case]]] = {
        "department": [(v["department"], {})],
        "grant": [(v["grants"]["2"], {})],
        "endorsement": [(one, {"of": n}) for n, one in v["endorsements"].items()],
        "card": [(v["people"]["C"]["card"], {})],
        "certificate": [(v["devices"]["a"]["certificate"], {})],
        "digits": [(v["digits"]["a"], {})],
        "direct": [(v["direct"]["A and B"], {"sender": "B"})],
        "roster head": [(roster["head"], {})],
        "stamp": [(roster["stamp"], {})],
        "proof": [(roster["leaves"]["c"], {})],
        "conversation key": [(v["conversation_keys"]["2"]["record"], {})],
        "seal": [(v["conversation_keys"]["1"]["seals"]["a"], {})],
        "device key": [(v["devices"]["a"]["device_key"], {})],
        "cell secret": [(cells["1"]["record"], {})],
        "cell seal": [(cells["1"]["seals"]["a"], {})],
        "message": [(v["messages"]["3"]["message"], {"after": "1 2"})],
        "alarm": [(v["messages"]["2"]["message"], {"after": "1"})],
        "share": [(v["share_to_d"], {})],
        "allowed S": [(v["conversation_keys"]["2"]["record"], {})],
        "allowed C": [(cells["2"]["record"], {})],
        "allowed k": [(v["messages"]["1"]["message"], {})],
    }
    for name, cases in good.items():
        for data, case in cases:
            CHECKS[name](v, data, case)


def test_negatives_cover_the_rules() -> None:
    for one in ALL.values():
        rules = Counter(case["rule"] for case in one["negatives"])
        assert rules.total() >= 60
        wanted = {"E0", "E3", "S1", "S2", "S3", "S4", "H1", "H2", "H3", "C2", "D3", "R10"}
        assert wanted | {f"R{n}" for n in range(1, 8)} <= set(rules)
        names = Counter(case["name"] for case in one["negatives"])
        assert set(names.values()) == {1}


PARSERS: dict[str, Callable[[dict[str, Any], bytes], object]] = {
    "message": lambda v, data: receiving.receive(data, known(v), 1, v["now"]),
    "share": lambda v, data: shares.KeyShare.parse(v["kem"], data),
    "proof": lambda v, data: roster.check_leaf(head(v), device(v, "a"), data, "R2"),
    "card": lambda v, data: people.PersonCard.parse(data).verify(department(v).authority),
    "head": head,
    "department": department,
    "certificate": lambda v, data: certificates.read_certificate(data, (v["issuing_key"],)),
}


@pytest.mark.parametrize("name", PARSERS)
def test_only_refusals_escape(v: dict[str, Any], name: str) -> None:
    """Any bytes: cut, lengthened, or with changed bytes in several places."""
    good = {
        "message": v["messages"]["1"]["message"],
        "share": v["share_to_d"],
        "proof": v["roster"]["2"]["leaves"]["a"],
        "card": v["people"]["A"]["card"],
        "head": v["roster"]["2"]["head"],
        "department": v["department"],
        "certificate": v["devices"]["a"]["certificate"],
    }[name]
    dice = random.Random(7)
    for _ in range(100):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] ^= dice.randint(1, 255)
        end = dice.choice([len(data), dice.randrange(len(data)), len(data)])
        mutated = bytes(data[:end]) + dice.randbytes(dice.choice([0, 0, 3]))
        if mutated == good:
            continue
        may_open = name == "share"
        context = contextlib.suppress if may_open else pytest.raises
        with context(basics.Refused):
            PARSERS[name](v, mutated)
