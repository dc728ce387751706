"""Orders of a head to units below: who belongs to their conversations, what leaves sign there, and
who is refused."""

import pytest

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.delivery.rosters.unit_orders import conversation_of
from copconnect.ids import ConversationId, PersonId, UnitId
from copconnect.orders import rules
from copconnect.records.conversation.roster import LeafRights, RosterHead, check_proof
from tests.contract.chart import post_of
from tests.contract.delivery_world import DAY_MS
from tests.contract.device import Device, Talk, order_terms
from tests.contract.statements import Statements
from tests.orders.orders_world import Issued, Orders, people

pytestmark = pytest.mark.databases("sqlite")

STATE, ZONE, STATION, BESIDE = "TG", "TG.HYD", "TG.HYD.PS1", "TG.HYD.PS2"
ISSUES = LeafRights.ISSUE_ROUTINE | LeafRights.ISSUE_URGENT | LeafRights.ISSUE_FLASH


class Chain:
    """A DCP of a zone, above stations with their house officers and constables."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.world = orders.world

    async def post(self, unit: str, device: Device | None = None, *, head: bool = False) -> Device:
        """Post somebody, a new officer unless one is given."""
        officer = device or self.world.registry.register()
        person_id = officer.caller.person_id
        self.world.chart.post(person_id, unit, admin=head)
        above = unit.split(".")
        path = "/".join(".".join(above[: at + 1]) for at in range(len(above)))
        await self.orders.place(officer, path)
        roll = self.orders.roll
        for heads in roll.heads_of.values():
            heads[:] = [one for one in heads if one != person_id]
        roll.issuing.pop(person_id, None)
        if head:
            roll.heads_of.setdefault(UnitId(unit), []).append(person_id)
            roll.command(officer, path)
        return officer

    async def open(self, head: Device, unit: str = STATION) -> wire.Conversation:
        """Open the conversation for somebody's orders to a unit."""
        return await self.world.service.unit_orders.open(head.caller, UnitId(unit))

    async def members(self, reader: Device, c: ConversationId) -> dict[PersonId, bool]:
        """Return who belongs, and who administers it."""
        page = await self.world.service.conversations.members(reader.caller, c, "")
        return {one.person_id: one.admin for one in page.members}

    async def rights(self, device: Device, c: ConversationId) -> LeafRights:
        """Return what somebody's leaf signs."""
        state = await self.world.service.rosters.state(device.caller, c)
        leaf, _ = check_proof(RosterHead.parse(state.head), device.device, state.proof, "R2")
        return leaf.rights

    async def issue(self, c: ConversationId, issuer: Device, *others: Device) -> Issued:
        """Issue an order in a conversation, with its first key."""
        self.orders.talk = Talk(self.world.service, c)
        self.orders.key_id = await self.orders.talk.begin(issuer, others)
        return await self.orders.post(order_terms(), issuer)


@pytest.fixture
async def chain(database: Database) -> Chain:
    return Chain(await Orders.of(database, 1))


async def test_a_head_issues_to_a_station_without_its_chat(chain: Chain) -> None:
    commissioner = await chain.post(STATE, head=True)
    dcp, sho = await chain.post(ZONE, head=True), await chain.post(STATION, head=True)
    constable, other = await chain.post(STATION), await chain.post(BESIDE)
    chat = await chain.world.unit(sho, STATION)
    made = await chain.open(dcp)
    assert made.standing is not None
    assert (made.kind, made.who_may_send, made.standing.about) == (
        "announcement",
        "admins",
        "orders",
    )
    assert (made.standing.title.en, made.standing.unit_id) == (" of TG.HYD", STATION)
    c = made.conversation_id
    # Neither those above the issuer nor another station belong to it; the station's chat is as
    # before.
    assert await chain.members(constable, c) == {
        dcp.caller.person_id: True,
        sho.caller.person_id: True,
        constable.caller.person_id: False,
    }
    for outsider in (commissioner, other):
        with pytest.raises(errors.NotMember):
            await chain.members(outsider, c)
    with pytest.raises(errors.NotMember):
        await chain.members(dcp, chat.conversation_id)

    order = await chain.issue(c, dcp, sho, constable)
    assert await chain.rights(dcp, c) & ISSUES == ISSUES
    assert await chain.rights(sho, c) == LeafRights.SEND | LeafRights.ADMINISTER
    assert await chain.rights(constable, c) == LeafRights(0)
    with pytest.raises(errors.MayNotIssue):  # The DCP is not the house officer's to command.
        await chain.orders.post(order_terms(), sho)
    with pytest.raises(errors.MayNotSend):
        await chain.orders.post(order_terms(), constable)
    assert await chain.orders.acknowledge(order, constable) == "counted"
    total, units = await chain.orders.progress(order, viewer=dcp)
    assert total[rules.OWED] == 2
    assert (total[rules.ACKNOWLEDGED], sorted(units)) == (1, ["TG"])


async def test_who_heads_nothing_above_a_unit_opens_nothing(chain: Chain) -> None:
    dcp, sho = await chain.post(ZONE, head=True), await chain.post(STATION, head=True)
    constable, beside = await chain.post(STATION), await chain.post("TG.WGL", head=True)
    await chain.post(BESIDE)
    for who, unit in (
        (constable, STATION),
        (sho, STATION),
        (sho, BESIDE),
        (sho, ZONE),
        (beside, STATION),
        (dcp, ZONE),
        (dcp, STATE),
    ):
        with pytest.raises(errors.MayNotIssue):
            await chain.open(who, unit)
    with pytest.raises(errors.NotFound):
        await chain.open(dcp, "TG.HYD.PS9")
    # Heading is not enough where the rights table gives heads no right to issue.
    chain.orders.roll.issuing.clear()
    with pytest.raises(errors.MayNotIssue):
        await chain.open(dcp)
    found = await chain.world.service.conversations.conversations(constable.caller)
    assert found.conversations == []


async def test_a_post_and_a_unit_have_one_conversation(chain: Chain) -> None:
    state, zone = await chain.post(STATE, head=True), await chain.post(ZONE, head=True)
    constable = await chain.post(STATION)
    first = await chain.open(zone)
    assert first.conversation_id == conversation_of(post_of(ZONE, head=True), UnitId(STATION))
    assert (await chain.open(zone)).conversation_id == first.conversation_id
    assert (await chain.open(state)).conversation_id != first.conversation_id
    # The nearest of the posts above the unit issues.
    person = state.caller.person_id
    chain.orders.roll.heads_of[UnitId(ZONE)].append(person)
    facts = chain.world.chart.facts
    chain.world.chart.post(person, STATE, ZONE, admin=True)
    assert len(facts[person].places) == 2
    assert (await chain.open(state)).conversation_id == first.conversation_id
    assert people(zone, state, constable) == set(
        await chain.members(constable, first.conversation_id)
    )


async def test_transfers_are_followed_on_both_sides(chain: Chain) -> None:
    former, constable = await chain.post(ZONE, head=True), await chain.post(STATION)
    leaving, coming = await chain.post(STATION), await chain.post(BESIDE)
    c = (await chain.open(former)).conversation_id
    round_ = chain.world.service.following.round
    await round_()
    order = await chain.issue(c, former, constable, leaving)
    chain.world.clock.at += 2 * DAY_MS
    await chain.post(BESIDE, leaving)
    await chain.post(STATION, coming)
    await chain.post("TG.WGL", former, head=True)
    following = await chain.post(ZONE, head=True)
    await round_()
    assert set(await chain.members(constable, c)) == people(following, constable, coming)
    assert (await chain.open(following)).conversation_id == c
    # The next holder of the post sees what it issued, and how far it has come.
    total, _ = await chain.orders.progress(order, viewer=following)
    assert total[rules.OWED] == 3
    with pytest.raises(errors.NotFound):
        await chain.orders.progress(order, viewer=former)
    with pytest.raises(errors.MayNotIssue):
        await chain.open(former)


async def test_a_holder_of_the_last_second_belongs_when_opening(chain: Chain) -> None:
    former = await chain.post(ZONE, head=True)
    await chain.post(STATION)
    c = (await chain.open(former)).conversation_id
    await chain.post("TG.WGL", former)
    following = await chain.post(ZONE, head=True)
    opened = await chain.open(following)
    assert (opened.conversation_id, opened.members) == (c, 2)


async def test_another_title_of_the_post_is_shown(chain: Chain) -> None:
    dcp = await chain.post(ZONE, head=True)
    await chain.post(STATION)
    before = await chain.open(dcp)
    post_id = post_of(ZONE, head=True)
    posts = chain.world.chart.posts
    title = wire.Names(en="DCP, Central", te="", ur="", hi="")
    posts[post_id] = posts[post_id].__class__(title, UnitId(ZONE))
    after = await chain.open(dcp)
    assert after.standing is not None
    assert (after.conversation_id, after.standing.title.en) == (before.conversation_id, title.en)


async def test_a_unit_without_people_gets_none(chain: Chain) -> None:
    dcp = await chain.post(ZONE, head=True)
    alone = await chain.post(BESIDE)
    chain.world.chart.leave(alone.caller.person_id)
    with pytest.raises(errors.AudienceInvalid):
        await chain.open(dcp, BESIDE)


async def test_opening_costs_the_same_for_any_size(chain: Chain) -> None:
    dcp = await chain.post(ZONE, head=True)
    counts: list[tuple[int, int]] = []
    for unit, size in ((f"{ZONE}.PS3", 2), (STATION, 2), (BESIDE, 40)):  # The first fills caches.
        for _ in range(size):
            await chain.post(unit)
        with Statements(chain.world.database) as made:
            await chain.open(dcp, unit)
        with Statements(chain.world.database) as again:
            await chain.open(dcp, unit)
        counts.append((len(made), len(again)))
    assert counts[1] == counts[2]


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_head_is_told_which_units_there_are_with_their_people(chain: Chain) -> None:
    state, dcp = await chain.post(STATE, head=True), await chain.post(ZONE, head=True)
    sho = await chain.post(STATION, head=True)
    constable, _ = await chain.post(STATION), await chain.post(BESIDE)

    async def units(who: Device) -> dict[str, int]:
        found = await chain.orders.service.units(who.caller)
        return {one.unit_id: one.people for one in found.units}

    assert await units(dcp) == {STATION: 2, BESIDE: 1}
    assert (await units(state)).items() >= {ZONE: 4, STATION: 2, BESIDE: 1}.items()
    assert await units(sho) == await units(constable) == {}


@pytest.mark.databases("sqlite", "postgresql")
async def test_totals_are_the_issuers_own(chain: Chain) -> None:
    dcp, sho = await chain.post(ZONE, head=True), await chain.post(STATION, head=True)
    constable, beside = await chain.post(STATION), await chain.post(BESIDE)
    issued: list[Issued] = []
    for unit, there in ((STATION, (sho, constable)), (BESIDE, (beside,))):
        c = (await chain.open(dcp, unit)).conversation_id
        issued.append(await chain.issue(c, dcp, *there))
    assert await chain.orders.acknowledge(issued[1], beside) == "counted"
    ids = [one.order_id for one in issued]
    totals = (await chain.orders.service.reading.totals(dcp.caller, [*ids, ids[0]])).totals
    assert [
        (one.order_id, one.total[rules.OWED], one.total[rules.ACKNOWLEDGED]) for one in totals
    ] == [
        (ids[0], 2, 0),
        (ids[1], 1, 1),
    ]
    for other in (sho, constable, beside):
        assert (await chain.orders.service.reading.totals(other.caller, ids)).totals == []
    await chain.post("TG.WGL", dcp, head=True)
    await chain.world.service.following.round()
    assert (await chain.orders.service.reading.totals(dcp.caller, ids)).totals == []
