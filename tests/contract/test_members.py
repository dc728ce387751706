"""The list of a conversation's members: in parts, searched, with cursors where they are told."""

import pytest

from copconnect.database import Database
from copconnect.delivery import membership
from copconnect.ids import Seq
from copconnect.sockets.feed import SeenCursor
from tests.contract.delivery_world import World
from tests.contract.test_audiences import officer


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_members_come_in_parts_and_by_what_is_searched_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "MEMBERS_PAGE", 2)
    people = [officer(world, "TG") for _ in range(5)]
    made = await world.group(people[0], people[1:])
    # Somebody who is in another group alone is in no part of this one.
    await world.group(people[0], [officer(world, "TG")])
    asked, caller = made.conversation_id, people[0]

    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await world.service.membership.members(caller, asked, after)
        assert len(page.members) <= 2
        seen += [one.person_id for one in page.members]
        after = page.next
    assert seen == sorted(one.person_id for one in people)

    wanted = people[3].person_id
    page = await world.service.membership.members(caller, asked, "", wanted[:20])
    assert [one.person_id for one in page.members] == [wanted]
    assert page.next is None
    page = await world.service.membership.members(caller, asked, "", "nobody")
    assert page.members == []


async def test_cursors_are_of_conversations_whose_receipts_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = officer(world, "TG"), officer(world, "TG")
    made = await world.founded(first, [second])
    await world.post(first, made)
    cursor = SeenCursor(made.conversation_id, second.client_id, second.person_id, Seq(3), Seq(2))
    await world.service.feed.store_cursors([cursor])

    async def read() -> dict[str, int]:
        page = await world.service.membership.members(first, made.conversation_id, "")
        return {one.person_id: one.read_seq for one in page.members}

    assert await read() == {first.person_id: 0, second.person_id: 2}
    monkeypatch.setattr("copconnect.delivery.view_store.RECEIPT_PEOPLE", 1)
    assert await read() == {first.person_id: 0, second.person_id: 0}
