"""The audit log of ``spec/admin/log.json``: one that holds, and every way to break one."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copconnect.audit.rules import Broken, Entry, LogVerifier
from copconnect.audit.signatures import Signatures
from copconnect.records.primitives.merkle import leaf_hash, root
from tests.records import make_log
from tests.records.make_log import BROKEN, CHIEF, HIDDEN, PATROL, SECOND

KEYS = {one.device: one.key.public_key().public_bytes_raw() for one in (CHIEF, SECOND, PATROL)}


def verify(entries: list[Entry], hidden: frozenset[int] = frozenset()) -> Signatures:
    chain, signatures = LogVerifier(), Signatures()
    for one in entries:
        chain.follow(one.number, one.made_ms, one.content.digest(), one.hash)
        if one.number in hidden:
            signatures.hidden(one.number)
            continue
        device = signatures.device_of(one)
        signatures.follow(one, None if device is None else KEYS.get(device))
    chain.end(len(entries), root([leaf_hash(one.hash) for one in entries]))
    signatures.end(len(entries))
    return signatures


def test_the_file_is_what_the_code_makes() -> None:
    assert make_log.FILE.read_text(encoding="utf-8") == make_log.made()


def test_a_whole_log_holds() -> None:
    found = verify(make_log.chained(make_log.log()))
    assert (found.signed, found.unsigned) == (8, 2)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_log_is_found(name: str) -> None:
    change, number, _ = BROKEN[name]
    with pytest.raises(Broken) as broken:
        verify(make_log.chained(change(make_log.log())), HIDDEN.get(name, frozenset()))
    assert broken.value.number == number


@given(data=st.data())
def test_no_flipped_bit_passes(data: Any) -> None:
    """Without a chain that was computed again, any change of any field is found."""
    entries = make_log.chained(make_log.log())
    place = data.draw(st.integers(0, len(entries) - 1))
    one = entries[place]
    name = data.draw(st.sampled_from(["salt", "signed", "by", "act", "path", "presence"]))
    value = getattr(one.content, name)
    if isinstance(value, str):
        changed: Any = value + "x"
    elif value:
        bit = data.draw(st.integers(0, 8 * len(value) - 1))
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        changed = bytes(changed)
    else:
        changed = b"x"
    content = replace(one.content, **{name: changed})
    entries[place] = Entry(one.number, one.made_ms, content, one.hash)
    with pytest.raises(Broken):
        verify(entries)
