"""A server that lies to a bot: about heads, messages, keys, time and the department.

The bot talks with a real server; between them stands the lie of each test.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from copconnect import wire
from copconnect.bot import Bot, Message, Untrusted
from copconnect.bot.conversation.place import Place
from copconnect.bot.device import Device
from copconnect.bot.dispatch import Dispatcher, Handlers
from copconnect.bot.state.stores import Stores
from copconnect.bot.talking import Desk
from copconnect.bot.trust.clock import Clocks
from copconnect.ids import ConversationId
from copconnect.records.primitives.fields import MINUTE_MS
from tests.bot.enrolled import key_of, register_bot, soon, until
from tests.harness import databank
from tests.harness.officer import Device as OfficerDevice
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()


@dataclass
class Victim:
    """A bot whose parts a test can reach. ``passed_ms``: added to its clocks."""

    device: Device
    desk: Desk
    heard: list[Message] = field(default_factory=list)
    passed_ms: int = 0

    @property
    def texts(self) -> list[str]:
        """The messages that reached its handler."""
        return [one.text for one in self.heard]

    @property
    def alarms(self) -> str:
        """Everything that people must hear of."""
        return "\n".join(one.text for one in self.device.stores.alarms.all())


@contextlib.asynccontextmanager
async def victim(state: Path) -> AsyncIterator[Victim]:
    """Run a registered bot."""
    stores = Stores.open(state, key_of(state))
    plain = Clocks()
    clocks = Clocks(
        wall=lambda: plain.wall() + made.passed_ms,
        monotonic=lambda: plain.monotonic() + made.passed_ms,
    )
    handlers = Handlers()

    def kick(place: Place) -> None:
        dispatcher.kick(place)

    device = Device(stores, on_message=kick, clocks=clocks)
    made = Victim(device, Desk(device))
    dispatcher = Dispatcher(device, made.desk, handlers)

    async def hear(message: Message) -> None:
        made.heard.append(message)

    handlers.others.append(hear)
    running = asyncio.create_task(device.run())
    try:
        await soon(device.connected.wait())
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await dispatcher.close()
        stores.vault.close()


@dataclass
class Scene:
    """An honest bot and a victim in one conversation."""

    honest: Bot
    victim: Victim
    conversation_id: ConversationId
    server: ServerProcess

    async def say(self, *texts: str) -> None:
        """Let the honest bot post, one message after another."""
        for text in texts:
            posted = await self.honest.post(self.conversation_id, text)
            await soon(posted.accepted())

    async def hears(self, *texts: str) -> None:
        """Wait until these messages, and no others, have reached the victim's handler."""
        heard = self.victim
        await until(lambda: heard.texts[-1:] == [*texts][-1:], f"{texts} come: {heard.texts}")
        assert heard.texts == [*texts]

    @property
    def place(self) -> Place:
        """The conversation as the victim holds it."""
        return self.victim.device.places[self.conversation_id]


@pytest.fixture
async def scene(make_server: Callable[..., ServerProcess], tmp_path: Path) -> AsyncIterator[Scene]:
    server = make_server(otp_resend_ms=0)
    await register_bot(server, OFFICERS[0], tmp_path / "honest.bot")
    other = await register_bot(server, OFFICERS[1], tmp_path / "victim.bot")
    honest = Bot(tmp_path / "honest.bot")
    async with honest.started(), victim(tmp_path / "victim.bot") as found:
        await soon(honest.ready())
        talk = await honest.direct(other)
        scene = Scene(honest, found, talk.conversation_id, server)
        await scene.say("one")
        await scene.hears("one")
        yield scene


def push(scene: Scene, monkeypatch: pytest.MonkeyPatch, lie: Callable[[bytes], bytes]) -> None:
    """Change the messages that are pushed to the victim."""
    true = scene.victim.device.inbox.receive

    async def receive(place: Place, entry: wire.LogEntry, beside: wire.Supplement | None) -> None:
        await true(place, replace(entry, message=lie(entry.message)), beside)

    monkeypatch.setattr(scene.victim.device.inbox, "receive", receive)


@pytest.mark.timeout(120)
async def test_r3_a_forged_message_reaches_no_handler_and_stops_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    flips = iter([-1, 350, 120])  # Body, signature, header.

    def flip(message: bytes) -> bytes:
        changed, at = bytearray(message), next(flips, None)
        if at is not None:
            changed[at] ^= 1
        return bytes(changed)

    push(scene, monkeypatch, flip)
    await scene.say("two", "three", "four", "five")
    await scene.hears("one", "five")
    refused = scene.victim.device.stores.pending.all(scene.conversation_id)
    assert {one.rule for one in refused} <= {"R2", "R3", "R4", "R5", "R6"}
    assert len(refused) == 3
    assert scene.victim.heard[1].gap  # The true ones are missing, and it is said.
    assert "shown another log" in scene.victim.alarms  # R4: the next true header says so.


@pytest.mark.timeout(120)
async def test_r5_a_replayed_message_is_not_handled_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def replay(message: bytes) -> bytes:
        seen.append(message)
        return seen[0] if len(seen) == 2 else message

    push(scene, monkeypatch, replay)
    await scene.say("two", "three", "four")
    await scene.hears("one", "two", "four")
    assert scene.victim.heard[2].gap
    (refused,) = scene.victim.device.stores.pending.all(scene.conversation_id)
    assert (refused.rule, refused.position) == ("R5", 3)


@pytest.mark.timeout(120)
async def test_r9_a_withheld_key_delays_a_message_and_holds_no_cursor_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = scene.victim.device
    true_key, true_learn = device.context.api.key, scene.place.keys.learn
    withheld = True

    async def key(conversation_id: ConversationId, key_id: bytes | None) -> wire.Keys:
        found = await true_key(conversation_id, key_id)
        if withheld and found.key is not None:
            return replace(found, key=replace(found.key, seal=None))
        return found

    def learn(data: bytes, seal: bytes | None) -> Any:
        return true_learn(data, None if withheld else seal)

    async def no_shares(*_: object) -> None:
        return None

    monkeypatch.setattr(device.context.api, "key", key)
    monkeypatch.setattr(scene.place.keys, "learn", learn)
    monkeypatch.setattr(device.context.api, "request_shares", no_shares)
    # A person who registers anew makes the honest bot use another key.
    group = await scene.honest.create_group([device.context.identity.person_id])
    await until(lambda: group.conversation_id in device.places, "the victim sees the group")
    place = device.places[group.conversation_id]
    group_learn = place.keys.learn
    monkeypatch.setattr(
        place.keys, "learn", lambda data, seal: group_learn(data, None if withheld else seal)
    )
    await soon((await group.post("sealed")).accepted())
    await until(lambda: bool(device.inbox.missing_keys(place)), "the message waits")
    await soon((await group.post("another")).accepted())
    await until(lambda: device.cursors.of(place) == (2, 2), "the cursor passes it")
    assert scene.victim.texts == ["one"]
    withheld = False
    for key_id in device.inbox.missing_keys(place):
        answer = await true_key(place.id, key_id)
        assert answer.key is not None
        async with place.lock:
            place.keys.learn(answer.key.record, answer.key.seal)
            await device.inbox.keys_came(place)
    await scene.hears("one", "sealed", "another")


@pytest.mark.timeout(120)
async def test_s1_without_a_fresh_stamp_nothing_is_signed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = scene.victim.device.context.api
    true = api.newest_head
    old = await true(scene.conversation_id)
    lying = True

    async def newest_head(conversation_id: ConversationId) -> wire.RosterState:
        return old if lying else await true(conversation_id)

    monkeypatch.setattr(api, "newest_head", newest_head)
    scene.victim.passed_ms = 11 * MINUTE_MS
    posted = scene.victim.desk.post(scene.conversation_id, "answer")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await posted.accepted()
    row = scene.victim.device.stores.outgoing.get(posted.message_id, scene.conversation_id)
    assert row is not None
    assert row.signed == b""
    lying = False
    # The clock is the department's again.
    scene.victim.passed_ms = 0
    await soon(posted.accepted())


@pytest.mark.timeout(120)
async def test_r4_a_forged_head_is_refused_and_a_second_one_of_an_epoch_is_an_alarm(
    scene: Scene,
) -> None:
    place = scene.place
    head = place.knowledge.held_head(place.row.head_epoch)
    assert head is not None
    signer = scene.victim.device.context.identity.signer
    for forged in (
        changed(head, epoch=head.epoch + 1, previous=head.hash()).signed(signer),
        changed(head, devices=7).signed(signer),
    ):
        with pytest.raises(ValueError, match="R4"):
            place.take_head(forged.encode())
    assert "two roster heads of one epoch" in scene.victim.alarms
    await scene.say("two")
    await scene.hears("one", "two")


@pytest.mark.timeout(120)
async def test_e0_the_department_is_the_pinned_one_and_goes_forward_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, api = scene.victim.device.account, scene.victim.device.context.api
    served = await api.trust()
    newest = served.departments[0]
    lies = [
        replace(served, root=served.issuing[0]),
        replace(served, roster_authority=served.issuing[0]),
        replace(served, issuing=[served.roster_authority]),
        replace(served, issuing=[]),
        replace(served, departments=[]),
        replace(served, departments=[bytes([*newest[:-1], newest[-1] ^ 1])]),
    ]
    for lie in lies:

        async def trust(lie: wire.Trust = lie) -> wire.Trust:
            return replace(lie, version=served.version + 1)

        monkeypatch.setattr(api, "trust", trust)
        with pytest.raises(Untrusted):
            await account.refresh_trust(served.version + 1)
    assert account.row.trust == served


@pytest.mark.timeout(120)
async def test_e5_a_device_that_the_bot_did_not_endorse_is_an_alarm(scene: Scene) -> None:
    with OfficerDevice(scene.server, OFFICERS[1]) as stranger:
        await asyncio.to_thread(stranger.register)
    await scene.victim.device.duties.look_after()
    assert stranger.device.hex() in scene.victim.alarms
    # It is not confirmed: nothing is sealed to it, and the conversation goes on.
    await scene.say("two")
    await scene.hears("one", "two")
