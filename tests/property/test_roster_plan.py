"""Cells under random edits: everybody who belongs has one place, nobody else has any, no cell is
overfull, nobody is moved without need, and whatever loses its name in a tree is taken out."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copconnect import errors, wire
from copconnect.delivery import assignment
from copconnect.delivery.roster_plan import LeafEdit, Places, Settled, clients_in, draft, settle
from copconnect.delivery.standing import CellLeaf, CellRow
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, PersonId
from copconnect.principals import RegisteredClient

ACTS = ["add", "add", "drop", "revoke", "renew", "give up"]
SIZES = st.integers(5, 12)


@dataclass
class Model:
    """One conversation. Every founded cell's tree holds its clients as they were at founding."""

    cell_size: int
    places: Places = field(default_factory=dict)
    trees: dict[CellId, list[CellLeaf]] = field(default_factory=dict)
    waiting: set[tuple[CellId, int]] = field(default_factory=set)
    fresh: "count[int]" = field(default_factory=count)

    def new_cell(self) -> CellId:
        return CellId(f"{next(self.fresh):032x}")

    def rows(self) -> dict[CellId, CellRow]:
        return {
            cell_id: CellRow(
                ConversationId("c"),
                cell_id,
                Epoch(1) if cell_id in self.trees else None,
                clients_in(leaves),
            )
            for cell_id, leaves in self.places.items()
        }

    def edit(self, edit: LeafEdit, *, may_merge: bool = True) -> Settled:
        leaves = [leaf for those in self.places.values() for leaf in those]
        named = [
            leaf
            for leaf in leaves
            if leaf.client_id in edit.clients or leaf.person_id in edit.people
        ]
        drafted = draft(
            edit,
            self.rows(),
            named,
            only_cell=False,
            may_merge=may_merge,
            cell_size=self.cell_size,
            new_cell=self.new_cell,
        )
        settled = settle(
            drafted,
            self.places.keys(),
            {cell_id: list(self.places[cell_id]) for cell_id in drafted.concerned},
            self.trees,
            self.waiting,
            give_up=edit.give_up,
            new_cell=self.new_cell,
        )
        for cell_id in settled.gone:
            del self.places[cell_id]
            self.trees.pop(cell_id, None)
            self.waiting = {one for one in self.waiting if one[0] != cell_id}
        self.places |= settled.after
        assert not self.waiting & set(settled.lost)
        self.waiting |= set(settled.lost)
        return settled

    def found(self, cell_id: CellId) -> None:
        """Everybody in the roster of the cell is in its tree now."""
        self.trees[cell_id] = [
            CellLeaf(at, leaf.certificate_hash, b"") for at, leaf in enumerate(self.places[cell_id])
        ]
        self.waiting = {one for one in self.waiting if one[0] != cell_id}

    def leaves(self) -> list[wire.RosterLeaf]:
        return [leaf for those in self.places.values() for leaf in those]

    def check(self, belongs: dict[str, str]) -> None:
        """``belongs``: certificate hash → client."""
        assert self.places
        found = {leaf.certificate_hash: leaf.client_id for leaf in self.leaves()}
        assert found == belongs
        assert len(self.leaves()) == len(belongs)
        cells = {(leaf.client_id, leaf.cell_id) for leaf in self.leaves()}
        assert max(Counter(client for client, _ in cells).values(), default=1) == 1
        for cell_id, leaves in self.places.items():
            assert clients_in(leaves) <= self.cell_size
            assert all(leaf.cell_id == cell_id for leaf in leaves)
            assert leaves or len(self.places) == 1
            tree = self.trees.get(cell_id, [])
            unnamed = {one.index for one in tree if one.certificate_hash not in found}
            waiting = {index for cell, index in self.waiting if cell == cell_id}
            # Who was removed and named again before the commit is waited for too.
            assert unnamed <= waiting <= {one.index for one in tree}
            assert not tree or len(waiting) < len(tree)  # Somebody can commit.


def device(person: int, number: int, certificate: int = 0) -> RegisteredClient:
    return RegisteredClient(
        ClientId(f"client {person} {number}"),
        PersonId(f"person {person}"),
        f"certificate {person} {number} {certificate}",
        b"",
    )


@settings(max_examples=150, deadline=None)
@given(SIZES, st.data())
def test_any_sequence_of_edits_keeps_everybody_placed(size: int, data: st.DataObject) -> None:
    model = Model(size)
    here: dict[str, RegisteredClient] = {}
    people = st.integers(0, 3 * size)
    for _ in range(data.draw(st.integers(1, 12))):
        act = data.draw(st.sampled_from(ACTS))
        several = data.draw(st.sets(people, min_size=1, max_size=2 * size))
        if act == "add":
            number = data.draw(st.integers(0, 2))
            new = [device(person, number) for person in several]
            edit = LeafEdit(add=new)
            here |= {one.certificate_hash: one for one in new}
        elif act == "drop":
            edit = LeafEdit(drop_people={PersonId(f"person {one}") for one in several})
            here = {k: one for k, one in here.items() if one.person_id not in edit.drop_people}
        elif act == "revoke" and here:
            client = here[data.draw(st.sampled_from(sorted(here)))].client_id
            edit = LeafEdit(drop_clients={client})
            here = {k: one for k, one in here.items() if one.client_id != client}
        elif act == "renew" and here:
            old = here[data.draw(st.sampled_from(sorted(here)))]
            new_one = RegisteredClient(
                old.client_id, old.person_id, f"{old.certificate_hash}+", b""
            )
            model.edit(LeafEdit(add=[new_one]))
            here[new_one.certificate_hash] = new_one
            model.check({k: one.client_id for k, one in here.items()})
            edit = LeafEdit(drop_certificates={old.certificate_hash: old.client_id})
            del here[old.certificate_hash]
        else:
            cell_id = data.draw(st.sampled_from(sorted(model.places) or [CellId("none")]))
            edit = LeafEdit(give_up=cell_id) if cell_id in model.places else LeafEdit()
        before = {leaf.certificate_hash: leaf.cell_id for leaf in model.leaves()}
        may_merge: bool = data.draw(st.booleans())
        settled = model.edit(edit, may_merge=may_merge)
        model.check({k: one.client_id for k, one in here.items()})
        moved_from = {
            before[leaf.certificate_hash]
            for leaf in model.leaves()
            if before.get(leaf.certificate_hash, leaf.cell_id) != leaf.cell_id
        }
        assert moved_from <= set(settled.gone)  # Nobody is moved out of a cell that stays.
        assert {cell_id for _, cell_id in settled.moved} >= moved_from
        founds: bool = data.draw(st.booleans())
        if founds:
            model.found(data.draw(st.sampled_from(sorted(model.places))))


@given(SIZES, st.integers(0, 60))
def test_a_new_conversation_fills_its_cells_evenly(size: int, people: int) -> None:
    model = Model(size)
    first = CellId("f" * 32)
    model.edit(LeafEdit(add=[device(one, 0) for one in range(people)], first_cell=first))
    counts = [clients_in(leaves) for leaves in model.places.values()]
    assert first in model.places
    assert sum(counts) == people
    assert max(counts) <= assignment.fill_limit(size)
    assert max(counts) - min(counts) <= 1
    assert len(counts) == max(1, -(-people // assignment.fill_limit(size)))


def test_a_second_device_joins_the_first_ones_cell_beyond_the_fill_limit() -> None:
    model = Model(8)
    model.edit(LeafEdit(add=[device(one, 0) for one in range(4)]))
    for number in range(1, 5):
        model.edit(LeafEdit(add=[device(0, number)]))
    assert [clients_in(leaves) for leaves in model.places.values()] == [8]
    model.edit(LeafEdit(add=[device(0, 9)]))
    assert sorted(clients_in(leaves) for leaves in model.places.values()) == [1, 8]


def test_cells_merge_into_the_founded_one_at_half_a_cell() -> None:
    model = Model(8)
    model.edit(LeafEdit(add=[device(one, 0) for one in range(8)]))
    small, big = sorted(model.places)
    model.found(small)
    gone = [leaf.person_id for leaf in model.places[big][:3]]
    model.edit(LeafEdit(drop_people=gone))
    assert len(model.places) == 2
    last = LeafEdit(drop_people=[model.places[small][0].person_id])
    assert len(model.edit(last, may_merge=False).after) == 1
    assert len(model.places) == 2  # A message still lacks a seal: not now.
    settled = model.edit(LeafEdit())
    assert settled.gone == [big]
    assert [cell_id for _, cell_id in settled.moved] == [big]
    assert model.places.keys() == {small}


def test_a_direct_conversation_has_one_cell() -> None:
    new = [device(one, 0) for one in range(3)]
    for leave_out in (False, True):
        edit = LeafEdit(add=new, first_cell=CellId("f"), leave_out_if_full=leave_out)

        def make(edit: LeafEdit = edit) -> list[wire.RosterLeaf]:
            drafted = draft(
                edit,
                {},
                [],
                only_cell=True,
                may_merge=True,
                cell_size=2,
                new_cell=lambda: CellId("never"),
            )
            return drafted.added

        if leave_out:
            assert len(make()) == 2
        else:
            with pytest.raises(errors.CellFull) as full:
                make()
            assert full.value.details == {"limit": 2}
