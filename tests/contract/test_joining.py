"""F4: requests to join groups: who finds a group, who asks, who answers, and how it ends."""

from collections.abc import Sequence
from typing import Any, NoReturn

import pytest

from copconnect import errors, wire
from copconnect.bus import AccountWakeup
from copconnect.database.engine import Database
from copconnect.delivery.store import conversations, joining, members
from copconnect.ids import ConversationId, PersonId, UnitId, new_id
from copconnect.records.conversation.envelope import JOIN
from copconnect.sealing.envelopes import EnvelopePlace, seal_envelope
from tests.contract.delivery_world import DAY_MS, HOUR_MS, World
from tests.contract.device import Device

LISTING = wire.GroupListing(title="Cyber cell", purpose="Fraud by phone", unit_id=UnitId("TG.HYD"))


class Station:
    """A group of two, and three people outside it: of its district, of the State, of another."""

    def __init__(self, world: World) -> None:
        self.world = world
        units = ("TG.HYD.CHAR", "TG.HYD.CHAR", "TG.HYD.GOPA", "TG", "TG.WGL")
        self.people = [world.registry.register() for _ in units]
        for device, unit in zip(self.people, units, strict=True):
            world.chart.post(device.caller.person_id, unit)
        self.admin, self.member, self.near, self.above, self.far = self.people
        self.joining = world.service.joining

    async def begin(self) -> None:
        self.made = await self.world.group(self.admin, [self.member])
        self.c = self.made.conversation_id
        await self.show(LISTING)

    async def show(self, listing: wire.GroupListing | None, by: Device | None = None) -> None:
        body = wire.SetListing(listing=listing)
        await self.joining.set_listing((by or self.admin).caller, self.c, body)

    async def make(
        self, groups: Sequence[ConversationId], listing: wire.GroupListing = LISTING
    ) -> None:
        """Make and list groups of other admins, each of whom lists ten."""
        for number, self.c in enumerate(groups):
            if number % 10 == 0:
                by = self.world.registry.register()
                self.world.chart.post(by.caller.person_id, "TG.HYD.CHAR")
            await self.world.group(by, [self.member], conversation_id=self.c)
            await self.show(listing, by)

    async def found(self, by: Device) -> list[wire.ListedGroup]:
        return (await self.joining.joining(by.caller)).groups

    async def requests(self, by: Device) -> list[PersonId]:
        return [one.person_id for one in (await self.joining.joining(by.caller)).requests]

    async def ask(self, by: Device, reason: bytes = b"I follow the money") -> None:
        place = EnvelopePlace(salt=bytes.fromhex(self.c), joined=bytes(32))
        key = self.admin.key
        assert key is not None
        sealed = seal_envelope(JOIN, place, reason, [key], bytes(32))
        await self.joining.ask(by.caller, self.c, wire.AskToJoin(sealed=sealed))

    async def refuse(self, person: Device, by: Device | None = None) -> None:
        body = wire.RefuseToJoin(person_id=person.caller.person_id)
        await self.joining.refuse((by or self.admin).caller, self.c, body)


@pytest.fixture
async def station(database: Database) -> Station:
    made = Station(World(database))
    await made.begin()
    return made


async def test_f4_a_listed_group_is_found_asked_for_and_joined(station: Station) -> None:
    (found,) = await station.found(station.near)
    assert (found.listing, found.members, found.mine) == (LISTING, 2, False)
    assert found.admins == [station.admin.caller.person_id]
    # Below the unit alone, by nobody inside but its admins.
    assert [one.mine for one in await station.found(station.admin)] == [True]
    for other in (station.above, station.far, station.member):
        assert await station.found(other) == []
        if other is not station.member:
            with pytest.raises(errors.NotFound):
                await station.ask(other)
    near = station.near.caller.person_id
    for _ in range(2):
        await station.ask(station.near)
    assert await station.requests(station.admin) == [near]
    assert await station.requests(station.member) == await station.requests(station.near) == []
    told = [one for one in station.world.wakeups if isinstance(one, AccountWakeup)]
    assert {(one.event, *one.person_ids) for one in told} == {
        ("joining", station.admin.caller.person_id)
    }
    await station.world.change(station.admin.caller, station.made, add=[station.near])
    assert await station.requests(station.admin) == []
    assert await station.found(station.near) == []
    await station.ask(station.near)
    assert await station.requests(station.admin) == []


async def test_f4_a_refused_person_asks_again_a_day_later(station: Station) -> None:
    with pytest.raises(errors.NotAdmin):
        await station.refuse(station.near, station.member)
    with pytest.raises(errors.NotMember):
        await station.refuse(station.near, station.far)
    await station.refuse(station.near)  # Nobody asked: nothing changes.
    await station.ask(station.near)
    await station.refuse(station.near)
    await station.joining.withdraw(station.near.caller, station.c)
    (found,) = await station.found(station.near)
    assert (found.asked_ms, found.refused_ms) == (None, station.world.clock.at)
    with pytest.raises(errors.JoinRefused) as refused:
        await station.ask(station.near)
    assert refused.value.details == {"until_ms": station.world.clock.at + DAY_MS}
    station.world.clock.at += DAY_MS
    await station.ask(station.near)
    assert await station.requests(station.admin) == [station.near.caller.person_id]
    await station.joining.withdraw(station.near.caller, station.c)
    assert await station.requests(station.admin) == []


async def test_f4_repeats_notify_nobody_and_withdrawing_frees_no_place(station: Station) -> None:
    def notified() -> int:
        return sum(isinstance(one, AccountWakeup) for one in station.world.wakeups)

    await station.ask(station.near)
    (asked,) = (await station.joining.joining(station.admin.caller)).requests
    before = notified()
    station.world.clock.at += HOUR_MS // 2
    await station.ask(station.near, b"Another reason")
    (again,) = (await station.joining.joining(station.admin.caller)).requests
    assert (again.asked_ms, notified()) == (asked.asked_ms, before)
    assert again.sealed != asked.sealed
    await station.joining.withdraw(station.near.caller, station.c)
    (found,) = await station.found(station.near)
    assert found.asked_ms is None
    with pytest.raises(errors.RateLimited):
        await station.ask(station.near)
    station.world.clock.at += HOUR_MS // 2
    await station.ask(station.near)
    assert len(await station.requests(station.admin)) == 1


async def test_f4_withdrawn_requests_count_for_the_day(station: Station) -> None:
    groups = [ConversationId(new_id()) for _ in range(21)]
    await station.make(groups)
    for number, station.c in enumerate(groups):
        if number < 20:
            await station.ask(station.near)
            await station.joining.withdraw(station.near.caller, station.c)
    with pytest.raises(errors.RateLimited):
        await station.ask(station.near)
    station.world.clock.at += DAY_MS
    await station.ask(station.near)


async def test_f4_requests_lock_no_conversation_and_read_no_members(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(*_: object) -> NoReturn:
        raise AssertionError("a request waits for the conversation")

    read = members.admins_by_person

    async def few(connection: Any, conversation_id: Any, only: Any = None) -> Any:
        assert only is not None, "a request reads all members"
        return await read(connection, conversation_id, only)

    monkeypatch.setattr(conversations, "hold", locked)
    monkeypatch.setattr(members, "admins_by_person", few)
    await station.ask(station.near)
    await station.refuse(station.near)
    with pytest.raises(errors.NotFound):
        await station.ask(station.far)
    await station.show(None)


async def test_f4_requests_end_by_themselves_and_with_the_listing(station: Station) -> None:
    await station.ask(station.near)
    station.world.clock.at += 14 * DAY_MS - HOUR_MS
    assert len(await station.requests(station.admin)) == 1
    station.world.clock.at += 2 * HOUR_MS
    assert await station.requests(station.admin) == []
    (found,) = await station.found(station.near)
    assert found.asked_ms is None
    await station.ask(station.near)
    await station.show(None)
    assert await station.found(station.near) == []
    assert await station.requests(station.admin) == []
    await station.show(LISTING)
    assert await station.requests(station.admin) == []


async def test_f4_a_group_is_listed_by_its_admins_to_their_own_units(station: Station) -> None:
    with pytest.raises(errors.NotAdmin):
        await station.show(LISTING, station.member)
    with pytest.raises(errors.NotMember):
        await station.show(LISTING, station.far)
    for unit in ("TG.WGL", "TG.HYD.GOPA"):
        elsewhere = wire.GroupListing(title="x", purpose="", unit_id=UnitId(unit))
        with pytest.raises(errors.NotFound):
            await station.show(elsewhere)
    await station.show(wire.GroupListing(title="All", purpose="", unit_id=UnitId("TG")))
    assert [one.listing.title for one in await station.found(station.far)] == ["All"]


async def test_f4_listings_of_others_hide_neither_own_ones_nor_near_ones(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 20  # Each group takes 15 ms to make.
    monkeypatch.setattr(joining, "LISTED_GROUPS", most)
    near = wire.GroupListing(title="Zone", purpose="", unit_id=UnitId("TG.HYD.GOPA"))
    mine = station.c
    c = ConversationId(new_id())
    lister = station.world.registry.register()
    station.world.chart.post(lister.caller.person_id, "TG.HYD.GOPA")
    await station.world.group(lister, [station.far], conversation_id=c)
    await station.joining.set_listing(lister.caller, c, wire.SetListing(listing=near))
    await station.show(wire.GroupListing(title="Zz", purpose="", unit_id=UnitId("TG")))
    await station.ask(station.near)
    everywhere = wire.GroupListing(title=" a", purpose="", unit_id=UnitId("TG"))
    await station.make([ConversationId(new_id()) for _ in range(most)], everywhere)
    found = await station.found(station.near)
    assert len(found) == most
    assert found[0].conversation_id == c
    assert mine in [one.conversation_id for one in await station.found(station.admin) if one.mine]
    assert await station.requests(station.admin) == [station.near.caller.person_id]


async def test_f4_an_admin_lists_ten_groups(station: Station) -> None:
    for _ in range(9):
        station.c = ConversationId(new_id())
        await station.world.group(station.admin, [station.member], conversation_id=station.c)
        await station.show(LISTING)
    await station.show(LISTING)
    await station.world.group(
        station.admin, [station.member], conversation_id=(eleventh := ConversationId(new_id()))
    )
    listed, station.c = station.c, eleventh
    with pytest.raises(errors.RateLimited):
        await station.show(LISTING)
    station.c = listed
    await station.show(None)
    station.c = eleventh
    await station.show(LISTING)


async def test_f4_a_withdrawn_request_is_not_accepted(station: Station) -> None:
    def told() -> set[PersonId]:
        events = [one for one in station.world.wakeups if isinstance(one, AccountWakeup)]
        return set(events[-1].person_ids)

    admin, near = station.admin.caller.person_id, station.near.caller.person_id
    await station.ask(station.near)
    await station.joining.withdraw(station.near.caller, station.c)
    assert told() == {admin}
    with pytest.raises(errors.NotFound):
        await station.world.change(
            station.admin.caller, station.made, add=[station.near], asked=True
        )
    assert [one.mine for one in await station.found(station.near)] == [False]
    station.world.clock.at += HOUR_MS
    await station.ask(station.near)
    await station.world.change(station.admin.caller, station.made, add=[station.near], asked=True)
    assert told() == {admin, near}
    assert await station.found(station.near) == []


async def test_f4_taking_a_group_off_the_list_notifies_and_keeps_refusals(station: Station) -> None:
    await station.ask(station.near)
    await station.refuse(station.near)
    await station.show(None)
    await station.show(LISTING)
    with pytest.raises(errors.JoinRefused):
        await station.ask(station.near)
    station.world.clock.at += DAY_MS
    await station.ask(station.near)
    await station.show(None)
    events = [one for one in station.world.wakeups if isinstance(one, AccountWakeup)]
    assert station.near.caller.person_id in events[-1].person_ids


async def test_f4_an_admin_of_another_unit_changes_the_words(station: Station) -> None:
    far = station.far.caller.person_id
    await station.world.change(station.admin.caller, station.made, add=[station.far])
    await station.world.change(station.admin.caller, station.made, make_admin=[far])
    words = wire.GroupListing(title="New", purpose="", unit_id=LISTING.unit_id)
    await station.show(words, station.far)
    assert [one.listing for one in await station.found(station.near)] == [words]


async def test_f4_a_group_that_everybody_left_is_not_found(station: Station) -> None:
    await station.world.change(station.admin.caller, station.made, remove=[station.member])
    await station.ask(station.near)
    await station.world.change(station.admin.caller, station.made, remove=[station.admin])
    assert await station.found(station.near) == []
    with pytest.raises(errors.NotFound):
        await station.ask(station.near)


async def test_f4_open_requests_are_few(station: Station) -> None:
    groups = [ConversationId(new_id()) for _ in range(21)]
    await station.make(groups)
    for station.c in groups[:20]:
        await station.ask(station.near)
    station.c = groups[20]
    with pytest.raises(errors.RateLimited):
        await station.ask(station.near)
    body = wire.AskToJoin(sealed=b"in the clear")
    with pytest.raises(errors.BadRequest):
        await station.joining.ask(station.near.caller, groups[0], body)
