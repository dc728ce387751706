"""Folding, paging keys and the organisation tree."""

import contextlib
import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copconnect.directory import rules
from copconnect.ids import UnitId


@given(st.text(max_size=60))
def test_folding_is_stable(text: str) -> None:
    once = rules.fold(text)
    assert rules.fold(once) == once
    assert rules.fold(unicodedata.normalize("NFD", text)) == once


def test_telugu_is_found_with_and_without_joiners() -> None:
    assert rules.fold("సంతోష్‌నగర్") == rules.fold("సంతోష్నగర్")
    assert rules.fold("KUMRAM Ｃhander") == "kumram chander"


def test_a_typed_number_is_one_term() -> None:
    assert rules.terms("070000-00 004") == ["7000000004"]
    assert rules.terms("+91 70000 00004") == ["917000000004"]
    assert rules.terms("Kumram  చందర్") == ["kumram", "చందర్"]
    assert rules.terms("  ") == []


@given(st.text(max_size=60))
def test_a_page_token_round_trips(key: str) -> None:
    if "\0" in key:
        return
    for tier in (0, 1):
        assert rules.page_place(rules.page_token(tier, key)) == (tier, key)


@given(st.text(max_size=60))
def test_a_made_up_page_token_is_refused_or_harmless(token: str) -> None:
    with contextlib.suppress(ValueError):
        tier, key = rules.page_place(token)
        assert tier in (0, 1)
        assert "\0" not in key


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([*"abcdefghz", None])))
def test_paths_lead_to_the_top(parents: dict[str, str | None]) -> None:
    tree = {UnitId(k): None if v is None else UnitId(v) for k, v in parents.items()}
    paths = rules.unit_paths(tree)
    for unit, path in paths.items():
        above = rules.units_above(path)
        assert above[-1] == unit
        assert tree[above[0]] is None
        assert all(tree[child] == parent for parent, child in itertools.pairwise(above))
    for unit, parent in tree.items():
        if parent is None or parent in paths:
            assert unit in paths


@pytest.mark.parametrize("term", ["100%", "a_b", "\\"])
def test_wildcards_are_taken_literally(term: str) -> None:
    pattern = rules.like(term)
    assert pattern[0] == pattern[-1] == "%"
    assert pattern[1:-1].replace("\\\\", "").count("\\") == term.count("%") + term.count("_")
