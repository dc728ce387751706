"""Pushes on both databases, against a push service that answers well, badly, slowly or never."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Select, func, insert, select, update

from bench.net.push_service import TAKEN, Pushed, PushService, Reply, certificate
from copconnect import errors, wire
from copconnect.auth_service.keys.push_key import PUSH_KEY, PushSigner, write_new
from copconnect.bus import AccountWakeup, EntryWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live.asleep import Asleep
from copconnect.delivery.live.feed import LiveFeed
from copconnect.delivery.store.tables import CONVERSATIONS, LEAVES, MEMBERS
from copconnect.ids import ClientId, Seq
from copconnect.leases import Leases
from copconnect.principals import Caller
from copconnect.push import http_pool, sending
from copconnect.push.planning import AGAIN_MS, DAY_MS
from copconnect.push.service import PushService as Pushes
from copconnect.push.store import QUEUE, SUBSCRIPTIONS
from copconnect.settings import Settings
from copconnect.sockets.feed import SeenCursor
from tests.contract.statements import Statements
from tests.harness.plaintext import scan, secret_text
from tests.harness.traffic import Exhibit
from tests.live.rows import Rows, device, second
from tests.live.world import World

DELAY_MS = 3_000


@dataclass
class OpenClients:
    """The devices that are not revoked: those with a leaf."""

    def open_clients(self) -> Select[Any]:
        """See ports.Devices."""
        return select(LEAVES.c.client_id).where(LEAVES.c.to_epoch.is_(None))


@dataclass
class Here:
    """The devices that are connected to a node."""

    clients: set[ClientId] = field(default_factory=set)

    def is_here(self, client_id: ClientId) -> bool:
        """See ports.Presence."""
        return client_id in self.clients


class Waking(World):
    """One conversation, a push service, and a node that pushes."""

    def __init__(self, database: Database, service: PushService, folder: Path) -> None:
        super().__init__(database)
        self.service = service
        service.now = lambda: self.clock.at / 1000
        self.folder = folder
        self.rows = Rows(database)
        self.here = Here()
        self.signer = PushSigner(folder / PUSH_KEY)
        self.sender = device()
        self.push = self.node()

    def node(self, *, alone: bool = True, **settings: Any) -> Pushes:
        """Return one more process."""
        origins = f"{self.service.origin},https://push.example"
        chosen: dict[str, Any] = {
            "push_origins": origins,
            "push_ca_file": str(self.folder / "push-service.pem"),
            "push_private_addresses": "yes",
            "push_contact": "mailto:it@police.example",
            "push_delay_ms": DELAY_MS,
        }
        made = Pushes(
            self.database,
            self.clock,
            Settings(**(chosen | settings)),
            self.signer,
            b"secret of the server",
            Asleep(),
            OpenClients(),
            Leases(self.database, self.clock, alone=alone),
        )
        made.sender.attach(self.here)
        return made

    async def members(self, *callers: Caller, subscribed: bool = True) -> None:
        """Let these belong, with the sender the first time, and subscribe them."""
        new = [*([] if self.rows.placed else [self.sender]), *callers]
        await self.rows.roster(new)
        for person_id in {one.person_id for one in new}:
            await self.rows.member(person_id)
        for one in callers if subscribed else ():
            await self.subscribe(one)

    async def subscribe(self, caller: Caller, path: str = "") -> str:
        """Subscribe a device; return its endpoint."""
        endpoint = f"{self.service.origin}/push/{path or caller.client_id[::-1]}"
        await self.push.subscribe(caller, wire.PutPushSubscription(endpoint=endpoint))
        return endpoint

    async def post(self, *nodes: Pushes, sender: Caller | None = None) -> Seq:
        """Write a message, and let the nodes hear of it."""
        by = sender or self.sender
        seq = await self.rows.post(by, self.clock.at)
        for node in nodes or (self.push,):
            await node.on_wakeup(
                EntryWakeup(
                    conversation_id=self.rows.conversation_id,
                    seq=seq,
                    device=by.device.hex(),
                    person_id=by.person_id,
                    epoch=1,
                    named_epoch=1,
                    key_id="",
                    frame=b"",
                )
            )
        return seq

    async def fetch(self, caller: Caller, seq: int) -> None:
        """Let a device say how far it has come."""
        cursor = SeenCursor(
            self.rows.conversation_id, caller.client_id, caller.person_id, Seq(seq), Seq(0)
        )
        await LiveFeed(self.deps).store_cursors([cursor])

    async def work(self, after_ms: int = DELAY_MS, node: Pushes | None = None) -> None:
        """Let time pass, then plan and send until nothing is due."""
        self.clock.at += after_ms
        doing = node or self.push
        doing.sender.nudge()
        await doing.round()
        await doing.sender.settle()

    def woken(self) -> Counter[str]:
        """Return how often each device was pushed, by client id."""
        return Counter(one.path.rpartition("/")[2][::-1] for one in self.service.requests)

    async def queue(self) -> list[Any]:
        """Return the rows of the queue."""
        async with self.database.reading() as connection:
            return list(await connection.execute(select(QUEUE)))

    async def subscriptions(self) -> dict[str, Any]:
        """Return the subscriptions by device."""
        async with self.database.reading() as connection:
            rows = await connection.execute(select(SUBSCRIPTIONS))
            return {row.client_id: row for row in rows}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the department's key and the push service's certificate."""
    folder = tmp_path_factory.mktemp("push")
    write_new(folder)
    certificate(folder)
    return folder


@pytest.fixture
async def service(keys: Path) -> AsyncIterator[PushService]:
    """A push service that takes everything."""
    made = PushService(PushSigner(keys / PUSH_KEY).public_key)
    await made.start((keys / "push-service.pem", keys / "push-service.key.pem"))
    yield made
    await made.close()


@pytest.fixture
async def waking(
    database: Database, service: PushService, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Waking]:
    """A conversation whose sender is not subscribed."""
    # A slow plan would be followed by a pause, which a clock that stands still never ends.
    monkeypatch.setattr("copconnect.push.planning.SHARE", 0)
    made = Waking(database, service, keys)
    yield made
    await made.push.sender.close()


def answering(reply: Callable[[Pushed], Reply] | Reply) -> Callable[[Pushed], Reply]:
    """Return what answers every request so."""
    return reply if callable(reply) else lambda _: reply


def refused_pushes() -> float:
    """Return how many pushes were refused, as the metrics say."""
    return REGISTRY.get_sample_value("copconnect_pushes_total", {"outcome": "refused"}) or 0


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


# --- Whom a message wakes ---------------------------------------------------------------------


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
    own, muted, over = second(waking.sender), device(), device()
    await waking.members(own, muted, over)
    for one, until in ((muted, waking.clock.at + DAY_MS), (over, waking.clock.at - 1)):
        async with waking.database.transaction() as connection:
            await connection.execute(
                update(MEMBERS)
                .where(MEMBERS.c.person_id == one.person_id)
                .values(muted_until_ms=until)
            )
    await waking.post()
    await waking.work()
    assert waking.woken() == {over.client_id: 1}


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


async def test_a_push_that_was_never_fetched_is_repeated_after_a_day(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    await waking.post()
    await waking.work()
    waking.clock.at += DAY_MS + 1
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 2}


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
    for node in nodes:
        await node.sender.close()


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


async def test_a_large_conversation_is_planned_in_parts(
    waking: Waking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copconnect.push.planning.PARTS_FROM", 10)
    people = [device() for _ in range(50)]
    await waking.members(*people)
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 1 for one in people}


# --- What the push service sees ---------------------------------------------------------------


async def test_the_push_service_learns_nothing_but_that_there_is_news(waking: Waking) -> None:
    people = [device() for _ in range(5)]
    await waking.members(*people)
    others = Rows(waking.database)
    await others.roster([waking.sender, *people])
    for one in (waking.sender, *people):
        await others.member(one.person_id)
    await waking.post()
    await others.post(waking.sender, waking.clock.at)
    await waking.push.planner.on_wakeup(
        EntryWakeup(
            conversation_id=others.conversation_id,
            seq=1,
            device="",
            person_id=waking.sender.person_id,
            epoch=1,
            named_epoch=1,
            key_id="",
            frame=b"",
        )
    )
    await waking.work()
    requests = waking.service.requests
    assert len(requests) == 10
    topics = [one.headers["topic"] for one in requests]
    assert len(set(topics)) == 10, "a topic of its own for each device and conversation"
    assert len({one.headers["authorization"] for one in requests}) == 1
    assert {frozenset(one.headers) for one in requests} == {
        frozenset({"host", "authorization", "ttl", "urgency", "topic", "content-length"})
    }
    seen = "\n".join(f"{one.headers}{one.body!r}" for one in requests).encode()
    secrets = [waking.rows.conversation_id, others.conversation_id, waking.sender.client_id]
    secrets += [text for one in people for text in (one.person_id, one.client_id)]
    needles = [secret_text(one) for one in [*secrets, waking.sender.person_id]]
    assert scan([Exhibit("headers", seen)], needles) == []


async def test_a_later_push_about_a_conversation_has_the_same_topic(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    seq = await waking.post()
    await waking.work()
    await waking.fetch(one, seq)
    await waking.post()
    await waking.work()
    first, later = waking.service.requests
    assert first.headers["topic"] == later.headers["topic"]
    await waking.fetch(one, 2)
    await waking.subscribe(one, "anew")
    await waking.post()
    await waking.work()
    assert waking.service.requests[-1].headers["topic"] != first.headers["topic"]


# --- Push services that fail ------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_ended_is_forgotten(waking: Waking, status: int) -> None:
    one, other = device(), device()
    await waking.members(one, other)
    waking.service.answer = lambda pushed: (
        Reply(status) if pushed.path.endswith(one.client_id[::-1]) else TAKEN
    )
    await waking.post()
    await waking.work()
    assert set(await waking.subscriptions()) == {other.client_id}
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 1, other.client_id: 1}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(503),
        Reply(302, {"Location": "https://elsewhere.example/"}),
        Reply(raw=b"garbage\r\n\r\n"),
        Reply(raw=b""),
        Reply(raw=b"HTTP/1.1 201 Created\r\nX: " + b"x" * 70_000),
        Reply(raw=b"HTTP/1.1 201"),
        Reply(silent=True),
    ],
    ids=["500", "503", "redirect", "garbage", "end", "long", "half", "silence"],
)
async def test_a_push_that_fails_comes_again_later(
    waking: Waking, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_S", 0.3)
    one = device()
    await waking.members(one)
    waking.service.answer = answering(reply)
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 1}
    (row,) = await waking.queue()
    assert row.attempts == 1
    assert 1_000 <= row.due_ms - waking.clock.at <= 2_000
    assert (await waking.subscriptions())[one.client_id].failing_since_ms == waking.clock.at
    await waking.work(500)
    assert waking.woken() == {one.client_id: 1}
    waking.service.answer = lambda _: TAKEN
    await waking.work(2_000)
    assert waking.woken() == {one.client_id: 2}
    assert (await waking.subscriptions())[one.client_id].failing_since_ms is None


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_a_refused_push_is_counted_and_not_repeated(waking: Waking, status: int) -> None:
    one = device()
    await waking.members(one)
    waking.service.answer = answering(Reply(status))
    before = refused_pushes()
    await waking.post()
    await waking.work()
    assert await waking.queue() == []
    assert refused_pushes() == before + 1
    assert (await waking.subscriptions())[one.client_id].status == status
    waking.service.answer = lambda _: TAKEN
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 2}, "the next message tries again"


async def test_a_429_slows_its_origin_alone(
    waking: Waking, service: PushService, keys: Path
) -> None:
    other = PushService(service.key)
    other.now = service.now
    await other.start((keys / "push-service.pem", keys / "push-service.key.pem"))
    waking.push = waking.node(push_origins=f"{service.origin},{other.origin}", push_connections=1)
    people = [device() for _ in range(10)]
    await waking.members(*people)
    for one in people[5:]:
        endpoint = f"{other.origin}/push/{one.client_id}"
        await waking.push.subscribe(one, wire.PutPushSubscription(endpoint=endpoint))
    answers = iter([TAKEN, TAKEN, Reply(429, {"Retry-After": "120"})])
    service.answer = lambda _: next(answers)
    await waking.post()
    await waking.work()
    assert len(service.requests) == 3
    assert len(other.requests) == 5
    await waking.work(60_000)
    assert len(service.requests) == 3
    service.answer = lambda _: TAKEN
    await waking.work(60_000)
    assert len(service.requests) == 6, "two were taken, three waited"
    assert all(row.due_ms is None for row in await waking.queue())
    await waking.push.sender.close()
    await other.close()


async def test_a_push_service_that_is_down_is_left_alone_for_a_while(waking: Waking) -> None:
    people = [device() for _ in range(sending.MOST_WRONG + 100)]
    await waking.members(*people)
    waking.push = waking.node(push_connections=1)
    waking.service.answer = answering(Reply(503))
    await waking.post()
    await waking.work()
    assert len(waking.service.requests) == sending.MOST_WRONG
    waking.service.answer = lambda _: TAKEN
    for _ in range(4):
        await waking.work(60_000)
    woken = waking.woken()
    assert set(woken) == {one.client_id for one in people}
    assert sum(woken.values()) == len(people) + sending.MOST_WRONG
    await waking.push.sender.close()


async def test_a_push_that_nobody_would_keep_any_more_is_given_up(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    waking.service.answer = answering(Reply(500))
    await waking.post()
    await waking.work()
    await waking.work(DAY_MS + 1_000)
    assert await waking.queue() == []
    assert len(waking.service.requests) == 1


async def test_a_slow_push_service_does_not_keep_others_waiting(
    waking: Waking, service: PushService, keys: Path
) -> None:
    other = PushService(service.key)
    other.now = service.now
    await other.start((keys / "push-service.pem", keys / "push-service.key.pem"))
    waking.push = waking.node(push_origins=f"{service.origin},{other.origin}")
    slow, quick = device(), device()
    await waking.members(slow, quick)
    endpoint = f"{other.origin}/push/{quick.client_id}"
    await waking.push.subscribe(quick, wire.PutPushSubscription(endpoint=endpoint))
    answered = asyncio.Event()
    service.answer = answering(Reply(delay_s=1.0))

    def at_once(_: Pushed) -> Reply:
        answered.set()
        return TAKEN

    other.answer = at_once
    await waking.post()
    waking.clock.at += DELAY_MS
    await waking.push.round()
    async with asyncio.timeout(0.9):
        await answered.wait()
    await waking.push.sender.settle()
    assert all(row.due_ms is None for row in await waking.queue())
    await waking.push.sender.close()
    await other.close()


# --- Killed between steps ---------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@contextlib.contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, where: str) -> Iterator[None]:
    """Let a function end the process where it would begin."""

    async def dies(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(where, dies)
        yield


@pytest.mark.parametrize(
    "where",
    [
        "copconnect.push.store.planned",
        "copconnect.push.store.enqueue",
        "copconnect.push.store.set_planned",
        "copconnect.push.store.due_origins",
        "copconnect.push.store.due",
        "copconnect.push.store.mark_sent",
    ],
)
async def test_a_crash_loses_nobody_and_repeats_at_most_a_batch(
    waking: Waking, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 8)
    people = [device() for _ in range(30)]
    await waking.members(*people)
    await waking.post()
    with killed_at(monkeypatch, where):
        for _ in range(2):
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await waking.work()
    await waking.push.sender.close()
    waking.push = waking.node()
    for _ in range(2):
        await waking.work()
    woken = waking.woken()
    assert set(woken) == {one.client_id for one in people}, "nobody is forgotten"
    assert sum(woken.values()) - len(people) <= 2 * 8


# --- Subscriptions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/x",
        "https://evil.example/x",
        "https://push.example.evil.example/x",
        "https://push.example:444/x",
        "https://user@push.example/x",
        "https://push.example@evil.example/x",
        "https://push.example\\@evil.example/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://push.example/x\r\nX: y",
        "https://push.example/x y",
        "https://push.example:99999/x",
        "https://[/x",
        "ftp://push.example/x",
        "/x",
        "",
    ],
)
async def test_forbidden_endpoints(waking: Waking, endpoint: str) -> None:
    one = device()
    with pytest.raises(errors.PushOriginRefused):
        await waking.push.subscribe(one, wire.PutPushSubscription(endpoint=endpoint))
    assert await waking.subscriptions() == {}


async def test_an_allowed_name_with_a_private_address_gets_nothing(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    waking.push = waking.node(push_private_addresses="no")
    await waking.post()
    await waking.work()
    assert waking.service.connections == 0
    (row,) = await waking.queue()
    assert row.attempts == 1
    await waking.push.sender.close()


async def test_an_origin_that_is_allowed_no_longer_gets_nothing(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    waking.push = waking.node(push_origins="https://push.example")
    await waking.post()
    await waking.work()
    assert waking.service.requests == []
    assert await waking.subscriptions() == {}


async def test_subscriptions_end_with_the_device(waking: Waking) -> None:
    one, other, third = device(), device(), device()
    await waking.members(one, other, third)
    await waking.push.on_wakeup(
        AccountWakeup(event="signed_out", person_ids=[], client_ids=[one.client_id])
    )
    await waking.push.unsubscribe(other)
    assert set(await waking.subscriptions()) == {third.client_id}
    await waking.rows.roster([], [third])
    await waking.push.prune()
    assert await waking.subscriptions() == {}


async def test_a_subscription_at_another_endpoint_replaces_the_first(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    await waking.subscribe(one, "first")
    await waking.subscribe(one, "first")
    later = await waking.subscribe(one, "later")
    assert (await waking.subscriptions())[one.client_id].endpoint == later
    await waking.post()
    await waking.work()
    assert [pushed.path for pushed in waking.service.requests] == ["/push/later"]


async def test_reach_is_shown(waking: Waking) -> None:
    works, fails, new, without = device(), device(), device(), device()
    await waking.members(works, fails)
    waking.service.answer = lambda pushed: (
        Reply(500) if pushed.path.endswith(fails.client_id[::-1]) else TAKEN
    )
    await waking.post()
    await waking.work()
    await waking.subscribe(new)
    sent_ms = waking.clock.at

    async def reach() -> dict[ClientId, wire.PushReach]:
        async with waking.database.reading() as connection:
            return await waking.push.reach_of(
                connection, [one.client_id for one in (works, fails, new, without)]
            )

    assert await reach() == {
        works.client_id: wire.PushReach(state="works", success_ms=sent_ms),
        fails.client_id: wire.PushReach(state="failing", success_ms=None),
        new.client_id: wire.PushReach(state="new", success_ms=None),
    }
    waking.clock.at += DAY_MS
    assert (await reach())[fails.client_id].state == "unreached"


# --- Through a proxy --------------------------------------------------------------------------


@pytest.mark.parametrize("refuses", [False, True])
async def test_pushes_go_through_the_proxy(waking: Waking, refuses: bool) -> None:
    asked: list[bytes] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def proxied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if refuses:
            writer.write(b"HTTP/1.1 407 No\r\n\r\n")
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", waking.service.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(carry(reader, back), carry(there, writer))

    proxy = await asyncio.start_server(proxied, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    waking.push = waking.node(push_proxy_url=f"http://name:pass%21@127.0.0.1:{port}")
    one = device()
    await waking.members(one)
    await waking.post()
    await waking.work()
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{waking.service.port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic bmFtZTpwYXNzIQ==" in asked[0]
    assert waking.woken() == ({} if refuses else {one.client_id: 1})
    await waking.push.sender.close()
    proxy.close()


async def test_connections_are_used_again(waking: Waking) -> None:
    people = [device() for _ in range(100)]
    await waking.members(*people)
    waking.push = waking.node(push_connections=4)
    await waking.post()
    await waking.work()
    assert len(waking.service.requests) == 100
    assert waking.service.connections <= 4
    assert len(waking.service.tokens) == 1
    await waking.push.sender.close()
    assert http_pool.CONNECT_S < sending.TIMEOUT_S


async def test_the_queue_has_no_orphans(waking: Waking) -> None:
    async with waking.database.transaction() as connection:
        await connection.execute(
            insert(QUEUE).values(
                conversation_id="0" * 32,
                client_id="f" * 32,
                seq=1,
                kind="group",
                origin=waking.service.origin,
                queued_ms=waking.clock.at,
                due_ms=waking.clock.at,
                attempts=0,
            )
        )
    await waking.work()
    await waking.push.prune()
    async with waking.database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(QUEUE)) == 0
