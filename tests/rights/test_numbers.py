"""Whose phone numbers the server shows to whom, on every route that shows people to officers."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from copconnect import wire
from copconnect.admin.rules import DEFAULT_RULES
from copconnect.ids import PersonId
from tests.harness.operator import OPERATOR
from tests.identity.running import SHO
from tests.rights.rules import A
from tests.rights.world import NUMBERS, STATION, SUBJECT, Account, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFICERS = (A.OFFICER, A.HEAD, A.BESIDE, A.ADMIN, A.ROOT)
# A colleague of the officer, who heads nothing; and the station house officer.
COLLEAGUE: frozenset[Account] = frozenset({A.OFFICER, A.HEAD, A.ADMIN, A.ROOT})
HEAD: frozenset[Account] = frozenset(OFFICERS)


@pytest_asyncio.fixture(loop_scope="module")
async def table(world: World) -> AsyncIterator[list[wire.RightRule]]:
    """The lines of the rights table, to be written in place of the default's."""
    yield list(DEFAULT_RULES)
    await world.whole.admin.rights.replace(OPERATOR, DEFAULT_RULES)


def cards_in(answer: Any) -> Iterator[dict[str, Any]]:
    """Yield the cards of people anywhere in an answer."""
    if isinstance(answer, list):
        for one in answer:
            yield from cards_in(one)
    elif isinstance(answer, dict):
        if "personId" in answer and "number" in answer:
            yield answer
        for one in answer.values():
            yield from cards_in(one)


async def shown(world: World, account: Account, person: PersonId) -> set[str]:
    """Return the numbers of a person that an account is shown by the routes."""
    device = world.devices[account]
    answers = [
        await world.get(f"/v1/people/{person}", device),
        await world.people(device, unit=STATION, limit="200"),
        await world.get(f"/v1/units/{STATION}/chain", device),
        await world.get(f"/v1/units/{STATION}/posts", device),
    ]
    assert all(answer.is_success for answer in answers)
    cards = [card for answer in answers for card in cards_in(answer.json())]
    return {one["number"] for one in cards if one["personId"] == person}


async def found(world: World, account: Account, text: str) -> dict[str, str]:
    """Return the numbers of the people whom a text finds, by their ids."""
    answer = await world.people(world.devices[account], text=text)
    return {one["personId"]: one["number"] for one in answer.json()["people"]}


@pytest.mark.parametrize(
    ("number", "expected"), [(SUBJECT, COLLEAGUE), (SHO, HEAD)], ids=["colleague", "head"]
)
async def test_numbers_are_shown_by_the_rights_table(
    world: World, number: str, expected: frozenset[Account]
) -> None:
    person = PersonId((world.subject if number == SUBJECT else world.devices[A.HEAD]).person_id)
    for account in OFFICERS:
        numbers = await shown(world, account, person)
        assert numbers == {number if account in expected else ""}, account.value
        # A part of a number finds whose number is shown; a whole one finds its person.
        for part in (number[-5:], number[3:12]):
            assert (person in await found(world, account, part)) == (account in expected), part
        for whole in (number[3:], f"0{number[3:]}", number):
            assert (await found(world, account, whole))[person] == number, (account.value, whole)
        # Digits beside a name find nobody: they would tell the number one by one.
        assert person not in await found(world, account, f"PS {number[-5:]}")


async def test_the_table_decides(world: World, table: list[wire.RightRule]) -> None:
    without = [one for one in table if (one.right, one.holder) != ("see_numbers", "everybody")]
    await world.whole.admin.rights.replace(OPERATOR, without)
    colleague, head = PersonId(world.subject.person_id), PersonId(world.devices[A.HEAD].person_id)
    assert await shown(world, A.OFFICER, colleague) == {""}
    assert await shown(world, A.OFFICER, head) == {""}
    assert await shown(world, A.BESIDE, head) == {""}
    assert await shown(world, A.HEAD, colleague) == {SUBJECT}
    own = PersonId(world.devices[A.OFFICER].person_id)
    assert await shown(world, A.OFFICER, own) == {NUMBERS[A.OFFICER]}
    assert own in await found(world, A.OFFICER, NUMBERS[A.OFFICER][-5:])
    me = (await world.get("/v1/me", world.devices[A.OFFICER])).json()
    assert me["person"]["number"] == NUMBERS[A.OFFICER]
