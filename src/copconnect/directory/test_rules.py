"""Folding, paging keys and the organisation tree."""

import contextlib
import itertools
import unicodedata

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


def test_keyboards_that_type_differently_agree() -> None:
    assert rules.fold("फ़िरोज़") == rules.fold("फिरोज")
    assert rules.fold("علي كريم") == rules.fold("علی کریم")
    assert rules.fold("مُحَمَّد") == "محمد"
    assert rules.fold("౯౮ ९८ ۹۸ ٩٨") == "98 98 98 98"


@given(st.text(max_size=60))
def test_a_page_token_round_trips(key: str) -> None:
    if "\0" in key:
        return
    for tier in (0, 1, 2):
        assert rules.page_place(rules.page_token(tier, key)) == (tier, key)


@given(st.text(max_size=60))
def test_a_made_up_page_token_is_refused_or_harmless(token: str) -> None:
    with contextlib.suppress(ValueError):
        tier, key = rules.page_place(token)
        assert tier in (0, 1, 2)
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
