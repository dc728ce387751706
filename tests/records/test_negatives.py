"""Every negative of the golden vectors is refused by its rule; each check's prior knowledge."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.key_share import (
    KeyShare,
    Shareable,
    check_shareable,
    secret_name,
)
from copconnect.records.conversation.message import (
    SIGNED_HEADER_BYTES,
    MessageHeader,
    parse_message,
)
from copconnect.records.conversation.roster import HeadStamp, check_direct, check_proof
from copconnect.records.conversation.seals import parse_seal
from copconnect.records.primitives import ed25519
from copconnect.records.primitives.fields import Refused, require
from copconnect.records.trust.confirmed import ConfirmedDevice, confirmed
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.sas import sas_digits
from copconnect.records.trust.trust import Trust
from copconnect.sealing.keys import check_cell_secret, open_cell_key, open_conversation_key
from copconnect.sealing.receiving import Received
from copconnect.sealing.shares import check_shared, open_share
from tests.records import golden
from tests.records.golden import device, device_key, private
from tests.records.vectors import ALL, Vectors

Case = dict[str, Any]
Check = Callable[[Vectors, bytes, Case], object]


def endorsed(v: Vectors, trust: Trust, name: str) -> ConfirmedDevice:
    """Refuse a device that is confirmed only as a person's first or next (policy none)."""
    found = confirmed(trust, device(v, name), v["now"])
    require(found.by is not None, "E0", "nobody endorsed it")
    return found


def receive(v: Vectors, data: bytes, case: Case) -> Received:
    after = case.get("after", "1")
    found = golden.receiver(v, after)
    if record := case.get("record"):
        key_id = found.view.add_record(record)
        if not case["name"].endswith("another conversation"):
            found.learn_secret(key_id, v["conversation_keys"]["2"]["secret"])
    return found.receive(data, len(after.split()) + 1, v["now"])


def check_alarm(v: Vectors, data: bytes, case: Case) -> None:
    """R4: a log that differs is shown as an alarm; the message opens all the same."""
    received = receive(v, data, case)
    assert received.plaintext == v["messages"]["2"]["plaintext"]
    require(not received.alarm, "R4", "alarm")


def check_endorsement(v: Vectors, data: bytes, case: Case) -> None:
    of = case["of"]
    trust = golden.trust(v, without=f"d{of}", lost="xy".replace(case.get("held", "-"), ""))
    trust.add_endorsement(Endorsement.parse(data))
    endorsed(v, trust, of)


def check_grant(v: Vectors, data: bytes, _: Case) -> None:
    """The second grant: c endorsed d by it."""
    trust = golden.trust(v, without="", grants="1")
    trust.add_grant(Grant.parse(data))
    endorsed(v, trust, "d")


def check_card(v: Vectors, data: bytes, _: Case) -> None:
    """C's card, on which the endorsement of d rests."""
    trust = golden.trust(v, without="", cards="ABR")
    trust.add_card(PersonCard.parse(data))
    endorsed(v, trust, "d")


def check_certificate(v: Vectors, data: bytes, _: Case) -> None:
    trust = golden.trust(v, certificates="bcdrxy")
    trust.add_certificate(Certificate.parse(data, (v["issuing_key"],)))
    confirmed(trust, device(v, "a"), v["now"])


def check_digits(v: Vectors, data: bytes, _: Case) -> None:
    one = v["digits"]
    sas_digits(one["c"], data, one["b"], endorser=one["endorser"], new_device=one["new"],
               root_key=v["root_key"])  # fmt: skip


def check_direct_id(v: Vectors, data: bytes, case: Case) -> None:
    a, b = (v["people"][name]["person"] for name in "AB")
    check_direct(data, (a, b), v["people"][case["sender"]]["person"])


def check_stamp(v: Vectors, data: bytes, case: Case) -> None:
    authority = golden.department(v).authority
    HeadStamp.parse(data).check(golden.head(v), authority, v["now"], case.get("named", 3))


def check_listed(v: Vectors, data: bytes, case: Case) -> None:
    check_proof(golden.head(v, case.get("head")), device(v, "c"), data, "R2")


def check_key(v: Vectors, data: bytes, case: Case) -> None:
    record = ConversationKey.parse(data)
    golden.view(v).check_usable_key(record, 3, v["now"], case.get("used", 0))


def check_seal(v: Vectors, data: bytes, _: Case) -> None:
    record = ConversationKey.parse(v["conversation_keys"]["1"]["record"])
    seal, key_id = parse_seal(v["kem"], data, "R6"), device_key(v, "a").key_id()
    open_conversation_key(record, seal, v["kem"], key_id, private(v, "a"))


def check_device_key(v: Vectors, data: bytes, _: Case) -> None:
    record, owner = DeviceKey.parse(data), golden.trust(v).certificate(device(v, "a"), v["now"])
    assert owner
    record.check(owner.device, owner.public_key, v["kem"])
    record.check_usable(v["now"], device_key(v, "a"))


def check_cell_key(v: Vectors, data: bytes, _: Case) -> CellKey:
    record = CellKey.parse(data)
    golden.view(v).check_usable_cell_key(record, 3, v["now"])
    return record


def check_secret_of_cell(v: Vectors, data: bytes, case: Case) -> None:
    check_cell_secret(check_cell_key(v, data, case), v["cell_keys"]["1"]["secret"])


def check_cell_seal(v: Vectors, data: bytes, _: Case) -> None:
    seal, key_id = parse_seal(v["kem"], data, "C2"), device_key(v, "a").key_id()
    open_cell_key(golden.cell_key(v, "1"), seal, key_id, private(v, "a"))


def check_share(v: Vectors, data: bytes, _: Case) -> None:
    found = open_share(v["kem"], KeyShare.parse(v["kem"], data), private(v, "d"))
    state, _body = parse_message(v["messages"]["1"]["message"], v["conversation"])
    keys = [ConversationKey.parse(one["record"]) for one in v["conversation_keys"].values()]
    records: list[Shareable] = [*keys, golden.cell_key(v, "2"), state]
    for one in records:
        if secret := found.get(secret_name(one)):
            check_shared(one, secret)


def check_allowed(parse: Callable[[bytes], Shareable]) -> Check:
    def check(v: Vectors, data: bytes, _: Case) -> None:
        state, _body = parse_message(v["messages"]["1"]["message"], v["conversation"])
        head = golden.head(v)
        one = parse(data)
        reader = "c" if isinstance(one, CellKey) else "d"  # d's history begins too late for C.
        check_shareable(one, head, golden.leaf(v, reader), state.message_id)

    return check


CHECKS: dict[str, Check] = {
    "department": lambda v, data, _: golden.department(v, data),
    "grant": check_grant,
    "endorsement": check_endorsement,
    "card": check_card,
    "certificate": check_certificate,
    "digits": check_digits,
    "direct": check_direct_id,
    "signing key": lambda _, data, __: ed25519.check_public_key(data),
    "roster head": lambda v, data, _: golden.head(v, data),
    "stamp": check_stamp,
    "proof": check_listed,
    "conversation key": check_key,
    "seal": check_seal,
    "device key": check_device_key,
    "cell key": check_cell_key,
    "cell secret": check_secret_of_cell,
    "cell seal": check_cell_seal,
    "message": receive,
    "alarm": check_alarm,
    "share": check_share,
    "allowed S": check_allowed(ConversationKey.parse),
    "allowed C": check_allowed(CellKey.parse),
    "allowed k": check_allowed(lambda data: MessageHeader.parse(data[:SIGNED_HEADER_BYTES])),
}
NEGATIVES = [
    pytest.param(kem, case, id=f"{kem}-{case['rule']}-{case['name']}")
    for kem, one in ALL.items()
    for case in one["negatives"]
]


@pytest.mark.parametrize(("kem", "case"), NEGATIVES)
def test_refused_by_its_rule(kem: str, case: Case) -> None:
    with pytest.raises(Refused) as found:
        CHECKS[case["check"]](ALL[kem], case["data"], case)
    assert found.value.rule == case["rule"], str(found.value)


@pytest.mark.parametrize("kem", ALL)
def test_every_negative_begins_from_something_right(kem: str) -> None:
    """Each check accepts the golden vector, so that a case fails by its own fault."""
    v = ALL[kem]
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
        "cell key": [(cells["2"]["record"], {})],
        "cell secret": [(cells["1"]["record"], {})],
        "cell seal": [(cells["1"]["seals"]["a"], {})],
        "message": [(v["messages"]["3"]["message"], {"after": "1 2"})],
        "alarm": [(v["messages"]["2"]["message"], {"after": "1"})],
        "share": [(v["share_to_d"], {})],
        "allowed S": [(v["conversation_keys"]["2"]["record"], {})],
        "allowed C": [(cells["2"]["record"], {})],
        "allowed k": [(v["messages"]["1"]["message"], {})],
    }
    assert set(good) == set(CHECKS) - {"signing key"}
    for name, cases in good.items():
        for data, case in cases:
            CHECKS[name](v, data, case)


def test_negatives_cover_the_rules() -> None:
    for one in ALL.values():
        rules = Counter(case["rule"] for case in one["negatives"])
        wanted = {"E0", "E3", "S1", "S2", "S3", "S4", "H1", "H2", "H3", "C2", "D3", "R10"}
        assert wanted | {f"R{n}" for n in range(1, 8)} <= set(rules)
