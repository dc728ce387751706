"""Whose phone numbers somebody is shown.

The rights table decides (``see_numbers``): one's own station, a part of the tree, the heads of all
units. Everybody sees their own. A search by a part of a number finds only people whose number the
caller is shown, so that nobody can feel for the others digit by digit; a whole number finds its
person, because a person who types it knows it already.

The rights of a viewer are remembered until the data bank or the rights table changes, and for five
seconds at most, because grants end without an event: a list of people would otherwise cost twice
the statements. Nothing that anybody does rests on what is remembered.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.directory import store
from copconnect.directory.ports import ImportRights
from copconnect.ids import PersonId, UnitId
from copconnect.principals import HeldPlace
from copconnect.rights import WHOLE, HeldRights

HeldPlaces = Mapping[PersonId, Iterable[HeldPlace]]
REMEMBERED_MS = 5_000
MOST_REMEMBERED = 10_000


class Viewers:
    """The rights of people who look at cards, so far as numbers are concerned."""

    def __init__(self, rights: ImportRights, now_ms: Callable[[], int]) -> None:
        self._rights = rights
        self._now_ms = now_ms
        self._known: dict[PersonId, tuple[int, int, HeldRights]] = {}  # By version, until when.

    async def held(self, connection: AsyncConnection, viewer: PersonId) -> HeldRights:
        """Return the rights of somebody who looks at cards. One statement while they are known."""
        version, now = await store.people_version(connection), self._now_ms()
        known = self._known.get(viewer)
        if known is not None and known[0] == version and now < known[1]:
            return known[2]
        held = await self._rights.of(connection, viewer)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[viewer] = version, now + REMEMBERED_MS, held
        return held


def shown(
    cards: Iterable[wire.Person], places: HeldPlaces, viewer: PersonId, held: HeldRights
) -> list[wire.Person]:
    """Return the cards, without the numbers that the viewer is not shown. ``places``: of the people
    on them."""
    return [
        one
        if one.person_id == viewer or held.sees_numbers(places.get(one.person_id, ()))
        else msgspec.structs.replace(one, number="")
        for one in cards
    ]


def clauses(held: HeldRights) -> list[wire.Clause]:
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
