"""Who is moved in the benchmark of transfers, and what the data bank says of them after."""

from pathlib import Path

import pytest

from copconnect import wire
from copconnect.bench import moving
from copconnect.bench.audiences import HALVES
from copconnect.bench.force import Device
from copconnect.bench.founding import Conversation, FoundedCell, Founding
from copconnect.ids import new_id
from copconnect.roster import databank, synthetic
from copconnect.roster.databank import DataBank, PersonRow
from copconnect.roster.rules import unit_paths, units_above

PEOPLE, CELL = 400, 20
FILES = synthetic.write(PEOPLE, 1)
BANK = databank.read(FILES)
TRUST = wire.Trust(root=b"", issuing=[], roster_authority=b"", crl=b"", version=1)


def _halves_of(person: PersonRow, bank: DataBank) -> list[str]:
    paths = unit_paths({unit.code: unit.parent for unit in bank.units})
    above = units_above(paths[person.unit])
    return [half for half in HALVES if half in above]


def _conversation(half: str) -> Conversation:
    """The people of a half and one person of neither, who is in both, in cells of twenty."""
    people = [one for one in BANK.people if half in _halves_of(one, BANK) or one.unit == "TG"]
    devices = [
        Device(one.person_id, one.person_id, "", b"", b"", one.person_id * 2) for one in people
    ]
    cells = [
        FoundedCell(
            cell_id=new_id(),
            commit=b"",
            group_info=b"",
            welcome=None,
            seed=b"",
            tree_hash=b"",
            client_ids=[device.client_id for device in devices[at : at + CELL]],
        )
        for at in range(0, len(devices), CELL)
    ]
    founding = Founding(conversation_id=new_id(), suite=1, roster_key=b"", head=b"", trust=TRUST)
    return Conversation(Path(), founding, cells, {device.client_id: device for device in devices})


CONVERSATIONS = (_conversation(HALVES[0]), _conversation(HALVES[1]))


def test_half_are_moved_from_each_side_and_one_of_each_cell_stays() -> None:
    first, second = moving.sides(CONVERSATIONS, BANK, 30, watched=4, joining=8)
    assert [len(first.moved), len(second.moved)] == [15, 15]
    assert first.watched == second.watched == 2
    assert first.joining == second.joining == 4
    assert len(first.absent) == 1
    for side, conversation in zip((first, second), CONVERSATIONS, strict=True):
        assert len(side.whole) == len(conversation.cells)
        moved = {device.client_id for device in side.moved}
        for device, cell in zip(side.whole, conversation.cells, strict=True):
            assert device.client_id in cell.client_ids
            assert device.client_id not in moved
        places = side.places()
        assert places.keys() == moved
        assert all(place.conversation_id == side.conversation_id for place in places.values())


def test_the_moved_are_on_the_other_side_after_and_nobody_else_is() -> None:
    pair = moving.sides(CONVERSATIONS, BANK, 30, watched=4, joining=8)
    after = moving.transferred(FILES, pair)
    moved = [{device.person_id for device in side.moved} for side in pair]
    changed = set[str]()
    for old, new in zip(BANK.people, after.people, strict=True):
        assert old.person_id == new.person_id
        if old == new:
            continue
        changed.add(new.person_id)
        came_from = 0 if new.person_id in moved[0] else 1
        assert _halves_of(old, BANK) == [HALVES[came_from]]
        assert _halves_of(new, after) == [HALVES[1 - came_from]]
    assert changed == moved[0] | moved[1]


def test_too_few_people_are_an_error() -> None:
    with pytest.raises(ValueError, match="can be moved"):
        moving.sides(CONVERSATIONS, BANK, 2 * PEOPLE, watched=4, joining=8)


def test_more_watched_than_joining_are_an_error() -> None:
    with pytest.raises(ValueError, match="some of the joining"):
        moving.sides(CONVERSATIONS, BANK, 30, watched=8, joining=4)
