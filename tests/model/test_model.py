"""A brief run of the model: docs/keys.md's rules hold, and without one of them something breaks."""

import re
from pathlib import Path

import pytest

from tests.model.receiving import Receiving
from tests.model.search import ALL_RULES, RULES, SPARE, UNMET, look_for, search, shortest
from tests.model.terms import Device, Head, Message

README = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")


def test_nothing_breaks_with_all_rules() -> None:
    found = search(ALL_RULES, runs=2000, seed=1)
    assert found is None, shortest(found)


def test_the_page_of_attacks_names_rules_that_the_search_leaves_out() -> None:
    rows = re.findall(r"^\| (K\d+b?): .*?\| (.*?) \|", README, re.MULTILINE)
    elsewhere = re.findall(r"^- \*\*(K\d+)\*\*", README, re.MULTILINE)
    assert {f"K{n}" for n in range(1, 13)} <= {name for name, _ in rows} | set(elsewhere)
    for name, cell in rows:
        rules = re.findall(r"`([\w-]+)`", cell)
        assert rules, name
        assert set(rules) <= set(RULES) - UNMET - set(SPARE), name


@pytest.mark.parametrize("rule", [r for r in RULES if r not in SPARE and r not in UNMET])
def test_something_breaks_without(rule: str) -> None:
    assert look_for(rule, runs=2000) is not None


def test_r2_a_returning_device_must_not_judge_its_backlog_by_the_newest_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Read by the letter, R2 refuses what a member sent before it left, if the receiver was away:
    it fetches the newest head (S1) before it reads the log."""

    def has_left(
        _: Receiving, me: Device, m: Message, named: list[tuple[int, Head]], position: int
    ) -> bool:
        heads = [head for at, head in named if at <= position]
        highest = max([m.head, *heads, me.heads[m.conv]], key=lambda head: head.epoch)
        return m.sender not in highest.leaves

    monkeypatch.setattr(Receiving, "has_left", has_left)
    found = search(ALL_RULES, runs=200)
    assert found is not None
    assert found.violation.startswith("I5")
