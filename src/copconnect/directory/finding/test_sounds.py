"""How names sound: real spellings that are one name, and names that are not."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copconnect.directory import rules
from copconnect.directory.finding import sounds

VECTORS = json.loads((Path(__file__).parents[4] / "spec" / "sounds.json").read_text("utf-8"))
LATIN = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14)
TELUGU = st.text([chr(c) for c in range(0x0C01, 0x0C57)], min_size=1, max_size=10)
HINDI = st.text([chr(c) for c in range(0x0901, 0x0964)], min_size=1, max_size=10)
URDU = st.text("ابپتٹجچحخدڈرڑزسشصطعغفقکگلمنںوہھیے", min_size=1, max_size=10)


@pytest.mark.parametrize("spellings", VECTORS["same"], ids=lambda one: one[0])
def test_spellings_of_one_name_sound_alike(spellings: list[str]) -> None:
    first, *others = [rules.fold(spelling) for spelling in spellings]
    for other in others:
        if sounds.is_urdu(other):
            assert set(sounds.skeletons(first)) & set(sounds.skeletons(other)), other
        else:
            assert set(sounds.keys(first)) & set(sounds.keys(other)), other


@pytest.mark.parametrize("pair", VECTORS["different"], ids="-".join)
def test_names_that_are_not_one_sound_different(pair: list[str]) -> None:
    one, other = (rules.fold(name) for name in pair)
    assert not set(sounds.keys(one)) & set(sounds.keys(other))


@pytest.mark.parametrize("word", VECTORS["words"], ids=lambda one: str(one["word"]))
def test_keys_are_those_that_devices_make(word: dict[str, list[str]]) -> None:
    folded = rules.fold(str(word["word"]))
    assert list(sounds.keys(folded)) == word["keys"]
    assert list(sounds.skeletons(folded)) == word["skeletons"]


@pytest.mark.parametrize("name", [spellings[0] for spellings in VECTORS["same"]])
def test_a_name_is_heard_while_somebody_types_it(name: str) -> None:
    word = rules.fold(name)
    whole = sounds.keys(word)
    for length in range(3, len(word)):
        typed = sounds.keys(word[:length])
        # The letter that was typed last may yet be half of another: s of sh, c of ch.
        assert any(key.startswith(one[:-1] or one) for key in whole for one in typed), length


@given(LATIN | TELUGU | HINDI | URDU | st.text(max_size=12))
def test_every_word_has_few_keys_of_the_small_alphabet(word: str) -> None:
    for key in (*sounds.keys(word), *sounds.skeletons(word)):
        assert key
        assert set(key) <= set("kgcjtdnpbmrlvshaiu")
        assert "a" not in key[1:]
    assert len(sounds.keys(word)) <= 16
    assert len(sounds.skeletons(word)) <= 16
    assert all(not set(one[1:]) & set("aiu") for one in sounds.skeletons(word))


@given(LATIN, st.sampled_from([("w", "v"), ("ee", "i"), ("oo", "u"), ("z", "j"), ("f", "ph")]))
def test_letters_that_sound_alike_are_one(word: str, pair: tuple[str, str]) -> None:
    written, other = pair
    # A vowel before y or w, or a letter of h, would be read together with it.
    one, two = f"{word}r{written}r{word}", f"{word}r{other}r{word}"
    assert sounds.keys(one) == sounds.keys(two)


@given(LATIN)
def test_a_doubled_consonant_changes_nothing(word: str) -> None:
    assert sounds.keys(f"{word}alla") == sounds.keys(f"{word}ala")


@given(TELUGU)
def test_telugu_and_devanagari_agree_letter_by_letter(word: str) -> None:
    """The code charts agree, but for letters that one of the scripts has alone."""
    devanagari = "".join(chr(ord(letter) - 0x300) for letter in word)
    found = set(sounds.keys(word))
    if not word.endswith("ు"):
        assert found == set(sounds.keys(devanagari))
    assert found >= set(sounds.keys(devanagari))
