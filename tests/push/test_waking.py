"""Pushes: the devices that a message or a reminder wakes, and when."""

import pytest
from sqlalchemy import select, update

from copconnect.delivery.store.tables import CONVERSATIONS, MEMBERS
from copconnect.push import sending
from copconnect.push.http_pool import Pool, PushResponse
from copconnect.push.planning import AGAIN_MS, DAY_MS
from tests.contract.statements import Statements
from tests.live.rows import Rows, device, second
from tests.push.push_world import DELAY_MS, Waking

pytestmark = pytest.mark.databases("sqlite")

# --- Messages ---------------------------------------------------------------------------------


async def test_a_message_wakes_who_has_not_received_it(waking: Waking) -> None:
    asleep, awake, without = device(), device(), device()
    await waking.members(asleep, awake)
    await waking.members(without, subscribed=False)
    seq = await waking.post()
    await waking.work(DELAY_MS - 1)
    assert waking.woken() == {}, "devices have a few seconds to receive it"
    await waking.fetch(awake, seq)
    await waking.work(1)
    assert waking.woken() == {asleep.client_id: 1}
    assert waking.service.wrong == []
    (row,) = await waking.queue()
    assert (row.due_ms, row.sent_ms) == (None, waking.clock.at)
    assert (await waking.subscriptions())[asleep.client_id].success_ms == waking.clock.at


async def test_the_sender_and_people_who_muted_are_not_woken(waking: Waking) -> None:
    own, muted, always, over = second(waking.sender), device(), device(), device()
    await waking.members(own, muted, always, over)
    day = waking.clock.at + DAY_MS
    for one, until in ((muted, day), (always, -1), (over, waking.clock.at - 1)):
        async with waking.database.transaction() as connection:
            await connection.execute(
                update(MEMBERS)
                .where(MEMBERS.c.person_id == one.person_id)
                .values(muted_until_ms=until)
            )
    await waking.post()
    await waking.work()
    assert waking.woken() == {over.client_id: 1}


async def test_a_vote_wakes_nobody_and_a_message_before_it_those_who_lack_that(
    waking: Waking,
) -> None:
    one, other = device(), device()
    await waking.members(one, other)
    await waking.post(sender=other, quiet=True)
    await waking.work()
    assert waking.woken() == {}
    message = await waking.post()
    await waking.post(sender=other, quiet=True)
    await waking.fetch(one, message)
    await waking.work()
    assert waking.woken() == {other.client_id: 1}, "the voter lacks the message, not the vote"


async def test_messages_of_several_people_wake_each_of_them(waking: Waking) -> None:
    one, other = device(), device()
    await waking.members(one, other)
    await waking.post(sender=one)
    await waking.post(sender=other)
    await waking.work()
    assert waking.woken() == {one.client_id: 1, other.client_id: 1}


async def test_a_device_is_not_pushed_again_before_it_has_fetched(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    await waking.post()
    await waking.work()
    second_seq = await waking.post()
    await waking.work()
    await waking.work(AGAIN_MS)
    assert waking.woken() == {one.client_id: 1}
    await waking.fetch(one, second_seq)
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 2}


async def test_a_device_that_fetched_just_before_a_message_is_woken_a_minute_later(
    waking: Waking,
) -> None:
    one = device()
    await waking.members(one)
    first = await waking.post()
    await waking.work()
    await waking.post()
    await waking.work()  # Its cursor is not stored yet.
    await waking.fetch(one, first)
    assert waking.woken() == {one.client_id: 1}
    await waking.work(AGAIN_MS)
    assert waking.woken() == {one.client_id: 2}


async def test_a_message_that_is_planned_while_pushes_are_under_way_wakes_those_who_woke(
    waking: Waking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, woke, quick = device(), device(), device()
    await waking.members(asleep, woke, quick)
    first = await waking.post()
    waking.clock.at += DELAY_MS
    assert await waking.push.planner.round() == 3
    await waking.fetch(quick, first)  # Its row is taken with the others', and dropped.
    ask, asked, planned = Pool.post, 0, 0

    async def post(pool: Pool, head: bytes, timeout_s: float) -> PushResponse:
        """Let a second message come after the pushes about the first."""
        nonlocal asked, planned
        answer = await ask(pool, head, timeout_s)
        asked += 1
        if asked == 2:
            await waking.fetch(woke, first)
            await waking.post()
            waking.clock.at += DELAY_MS
            planned = await waking.push.planner.round()
        return answer

    monkeypatch.setattr(Pool, "post", post)
    await waking.work(0)
    assert planned == 2
    assert waking.woken() == {asleep.client_id: 1, woke.client_id: 2, quick.client_id: 1}
    assert all(row.due_ms is None for row in await waking.queue())


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_flash_order_wakes_everybody_and_each_once(waking: Waking) -> None:
    """Also who was pushed before and has not fetched, and who muted the conversation."""
    pushed, muted, quick, own = device(), device(), device(), second(waking.sender)
    await waking.members(pushed, muted, quick, own)
    async with waking.database.transaction() as connection:
        await connection.execute(
            update(MEMBERS).where(MEMBERS.c.person_id == muted.person_id).values(muted_until_ms=-1)
        )
    first = await waking.post()
    await waking.fetch(quick, first)
    await waking.work()
    assert waking.woken() == {pushed.client_id: 1}
    flash = await waking.post(calls_all=True)
    await waking.fetch(quick, flash)
    await waking.post()
    await waking.work()
    await waking.work(AGAIN_MS)
    assert waking.woken() == {pushed.client_id: 2, muted.client_id: 1, quick.client_id: 1}
    kinds = {row.client_id: row.kind for row in await waking.queue()}
    assert kinds == {pushed.client_id: "call", muted.client_id: "call", quick.client_id: "group"}


async def test_a_message_whose_key_a_phone_lacks_is_no_reason_not_to_push_it(
    waking: Waking,
) -> None:
    one = device()
    await waking.members(one)
    locked = bytes(16) + bytes(16)
    seq = await waking.post()
    await waking.rows.share_request(one, 1, locked[:16], waking.clock.at)
    for woken in (1, 2, 3):
        await waking.work()
        assert waking.woken() == {one.client_id: woken}
        await waking.fetch(one, seq)  # It passes what it cannot open.
        seq = await waking.post()


async def test_a_push_that_was_never_fetched_is_repeated_after_a_day(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    await waking.post()
    await waking.work()
    waking.clock.at += DAY_MS + 1
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 2}


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_change_of_a_groups_name_wakes_nobody(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    seq = await waking.post()
    async with waking.database.transaction() as connection:
        await connection.execute(update(CONVERSATIONS).values(state_seq=seq))
    await waking.work()
    assert waking.woken() == {}


async def test_a_device_with_a_connection_has_more_time(waking: Waking) -> None:
    quick, frozen = device(), device()
    await waking.members(quick, frozen)
    waking.here.clients = {quick.client_id, frozen.client_id}
    seq = await waking.post()
    await waking.work()
    assert waking.woken() == {}
    await waking.fetch(quick, seq)
    await waking.work(sending.HERE_MS)
    assert waking.woken() == {frozen.client_id: 1}, "a page that sleeps keeps its connection"


async def test_messages_are_found_again_after_a_crash(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    await waking.post()  # Noted by a node that dies before it plans.
    later = waking.push = waking.node()
    for _ in range(2):
        await waking.work(node=later)
    assert waking.woken() == {one.client_id: 1}


async def test_of_two_nodes_one_pushes(waking: Waking) -> None:
    people = [device() for _ in range(20)]
    await waking.members(*people)
    nodes = [waking.node(alone=False) for _ in range(2)]
    await waking.post(*nodes)
    waking.clock.at += DELAY_MS
    for _ in range(2):
        for node in nodes:
            await waking.work(0, node)
    assert waking.woken() == {one.client_id: 1 for one in people}
    waking.clock.at += 60_000  # The holder dies; its lease ends.
    await waking.post(nodes[1])
    for one in people:
        await waking.fetch(one, 1)
    await waking.work(DELAY_MS, nodes[1])
    assert waking.woken() == {one.client_id: 2 for one in people}


@pytest.mark.parametrize("count", [3, 60])
async def test_planning_takes_as_many_statements_whatever_the_devices(
    waking: Waking, count: int
) -> None:
    await waking.members(*(device() for _ in range(count)))
    await waking.work()
    await waking.post()
    waking.clock.at += DELAY_MS
    with Statements(waking.database) as texts:
        assert await waking.push.planner.round() == count
    plain = [one for one in texts if not one.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]
    assert len(plain) == 5, plain


@pytest.mark.parametrize("count", [2, 5])
async def test_planning_takes_as_many_statements_whatever_the_conversations(
    waking: Waking, count: int
) -> None:
    conversations = [Rows(waking.database) for _ in range(count)]
    phones = [device() for _ in conversations]
    for rows, phone in zip(conversations, phones, strict=True):
        await rows.roster([waking.sender, phone])
        for one in (waking.sender, phone):
            await rows.member(one.person_id)
        await waking.subscribe(phone)
        await waking.post(rows=rows)
    waking.clock.at += DELAY_MS
    await waking.push.planner.round()  # It looks for what it has not heard of, as each minute.
    await waking.post(rows=conversations[0], calls_all=True)
    for rows in conversations:
        await waking.post(rows=rows)
    waking.clock.at += DELAY_MS
    with Statements(waking.database) as texts:
        assert await waking.push.planner.round() == 1  # The flash order; the others are queued.
    plain = [one for one in texts if not one.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]
    assert len(plain) == 6, plain
    await waking.work()
    assert waking.woken() == {one.client_id: 1 for one in phones}


async def test_a_large_conversation_is_planned_in_parts(
    waking: Waking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copconnect.push.planning.PARTS_FROM", 10)
    people = [device() for _ in range(50)]
    await waking.members(*people)
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 1 for one in people}


# --- Reminders --------------------------------------------------------------------------------


async def test_a_reminder_wakes_devices_that_have_the_message_and_those_alone_who_owe(
    waking: Waking,
) -> None:
    owing, done = device(), device()
    await waking.members(owing, done)
    seq = await waking.post()
    for one in (owing, done):
        await waking.fetch(one, seq)
    await waking.work()
    assert waking.woken() == {}
    people = select(MEMBERS.c.person_id).where(MEMBERS.c.person_id == owing.person_id)
    c = waking.rows.conversation_id
    for woken in (1, 2):  # Each reminder wakes once.
        async with waking.database.transaction() as connection:
            assert await waking.push.remind(connection, c, seq, people) == 1
        await waking.work(1)
        await waking.work(1)
        assert waking.woken() == {owing.client_id: woken}
    # A later message is no reminder: a device that has received it sleeps on.
    later = await waking.post()
    await waking.fetch(owing, later)
    await waking.fetch(done, later)
    await waking.work()
    assert waking.woken() == {owing.client_id: 2}


@pytest.mark.databases("sqlite", "postgresql")
async def test_lessons_wake_each_device_once_and_no_longer_once_they_are_done(
    waking: Waking,
) -> None:
    owing, done = device(), device()
    await waking.members(owing, done)
    both = select(MEMBERS.c.person_id).where(
        MEMBERS.c.person_id.in_([owing.person_id, done.person_id])
    )
    counts = []
    for people in (both.where(MEMBERS.c.person_id == owing.person_id), both):
        async with waking.database.transaction() as connection:
            with Statements(waking.database) as statements:
                await waking.push.remind_of_lessons(connection, people)
            counts.append(len(list(statements)))
    assert counts == [1, 1]
    async with waking.database.transaction() as connection:
        await waking.push.lessons_done(connection, done.person_id)
    await waking.work(1)
    await waking.work(1)
    assert waking.woken() == {owing.client_id: 1}


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_reminder_makes_a_push_that_waits_its_own(waking: Waking) -> None:
    owing = device()
    await waking.members(owing)
    waking.here.clients.add(owing.client_id)  # Spared for the moment: the push waits.
    seq = await waking.post()
    await waking.work()
    people = select(MEMBERS.c.person_id).where(MEMBERS.c.person_id == owing.person_id)
    async with waking.database.transaction() as connection:
        await waking.push.remind(connection, waking.rows.conversation_id, seq, people)
    await waking.fetch(owing, seq)
    waking.here.clients.clear()
    await waking.work(DAY_MS // 24)
    assert waking.woken() == {owing.client_id: 1}


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_call_wakes_people_who_muted_unless_they_have_the_message(waking: Waking) -> None:
    muted, quick, other = device(), device(), device()
    await waking.members(muted, quick, other)
    async with waking.database.transaction() as connection:
        await connection.execute(update(MEMBERS).values(muted_until_ms=-1))
    seq = await waking.post()
    people = select(MEMBERS.c.person_id).where(MEMBERS.c.person_id != other.person_id)
    async with waking.database.transaction() as connection:
        await waking.push.call(connection, waking.rows.conversation_id, seq, people)
    await waking.fetch(quick, seq)
    await waking.work()
    assert waking.woken() == {muted.client_id: 1}
