"""Whose phone numbers somebody is shown. Pure.

The rights table decides (``see_numbers``): one's own station, a part of the tree, the heads of all
units. Everybody sees their own. A search by a part of a number finds only people whose number the
caller is shown, so that nobody can feel for the others digit by digit; a whole number finds its
person, because whoever types it knows it already.
"""

from collections.abc import Iterable, Mapping

import msgspec

from copconnect import wire
from copconnect.ids import PersonId, UnitId
from copconnect.principals import HeldPlace
from copconnect.rights import WHOLE, Held

Places = Mapping[PersonId, Iterable[HeldPlace]]


def shown(
    cards: Iterable[wire.Person], places: Places, viewer: PersonId, held: Held
) -> list[wire.Person]:
    """Return the cards, without the numbers that the viewer is not shown. ``places``: of the people
    on them."""
    return [
        one
        if one.person_id == viewer or held.sees_numbers(places.get(one.person_id, ()))
        else msgspec.structs.replace(one, number="")
        for one in cards
    ]


def clauses(held: Held) -> list[wire.Clause]:
    """Return the places of all people whose numbers somebody with these rights is shown, beside
    their own."""
    return [
        wire.Clause(heads=True)
        if one.heads
        else wire.Clause(everyone=True)
        if one.path == WHOLE
        else wire.Clause(units=[UnitId(one.path.rpartition("/")[2])], below=one.deep)
        for one in held.rights
        if one.right == "see_numbers"
    ]
