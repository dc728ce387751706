"""E0 and E4: which devices are confirmed, by the cases of cases.py and of extra.json."""

import json
import random

import pytest

from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.confirmed import confirmed
from copconnect.records.trust.trust import Trust
from tests.records.cases import Case, make_cases
from tests.records.force import add, day
from tests.records.make_extra import FILE, text, verdict

FORCE, CASES = make_cases()


def judged(trust: Trust, device: bytes, at: int) -> tuple[str | None, bytes | None]:
    """Return how and by whom a device is confirmed, or nothing."""
    try:
        found = confirmed(trust, device, at)
    except Refused as refused:
        return {"E0": (None, None)}[refused.rule]
    return found.how.value, found.by


def check(case: Case) -> None:
    trust = FORCE.trust(case.records)
    for expected in [verdict(one) for one in case.verdicts]:
        by = FORCE.device(expected["by"]) if expected["by"] else None
        found = judged(trust, FORCE.device(expected["device"]), expected["at"])
        assert found == (expected["how"], by), expected


def _cases(rule: str) -> list[object]:
    return [pytest.param(one, id=one.name) for one in CASES if one.rule == rule]


@pytest.mark.parametrize("case", _cases("E0"))
def test_e0(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", _cases("E4"))
def test_e4(case: Case) -> None:
    check(case)


def test_the_file_for_other_implementations_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == text()
    assert json.loads(text())["now"] == day(0)


def test_what_is_remembered_is_what_would_be_judged_anew() -> None:
    """Records come in any order; after each one all devices are judged, by memory and without."""
    dice = random.Random(7)
    devices = list(FORCE.certificates)
    several = [one for one in CASES if one.rule == "E4" or "none" in one.name]
    for case in several:
        order = [name for name in case.records if name not in ("department 1", "department none")]
        first = [name for name in case.records if name not in order]
        dice.shuffle(order)
        trust, before = FORCE.trust(first), dict[str, tuple[str | None, bytes | None]]()
        for at, name in enumerate(order, 1):
            try:
                changed = add(trust, FORCE.records[name])
            except Refused:
                continue
            again = FORCE.trust([*first, *order[:at]])
            for one in devices:
                found = judged(trust, FORCE.device(one), day(0))
                assert found == judged(again, FORCE.device(one), day(0)), (case.name, name, one)
                if one in before and found != before[one]:
                    assert FORCE.device(one) in changed, (case.name, name, one)
                before[one] = found
