"""Promises to a handler: a failure is tried again and its message set aside, and a name is used
once. client/test/talking/bot.test.ts tests what is handed out at all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from copconnect.bot import Bot, Deletion, Edit, Message, Reaction, ServerRefused, Upload
from copconnect.bot.core import Status, opened
from copconnect.ids import MessageId
from tests.bot.enrolled import key_of, register_bot, soon, until
from tests.harness import databank
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()


class Pair:
    """A bot that asks and one that is asked."""

    def __init__(self, folder: Path) -> None:
        self.asker, self.state = Bot(folder / "asker.bot"), folder / "asked.bot"
        self.asked = Bot(self.state)


@pytest.fixture
async def pair(server: ServerProcess, tmp_path: Path) -> AsyncIterator[Pair]:
    made = Pair(tmp_path)
    await register_bot(server, OFFICERS[0], tmp_path / "asker.bot")
    other = await register_bot(server, OFFICERS[1], made.state)
    async with made.asker.started():
        await soon(made.asker.ready())
        await made.asker.direct(other)
        yield made


@pytest.mark.timeout(120)
async def test_a_handler_that_fails_is_tried_again_and_the_message_set_aside(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copconnect.bot.dispatch.PAUSES_S", (0.01, 0.02, 0.03))
    seen: list[tuple[str, bool]] = []

    @pair.asked.message
    async def hear(message: Message) -> None:
        seen.append((message.text, message.redelivered))
        if message.text == "bad" or (message.text == "shy" and len(seen) < 7):
            raise ValueError("on purpose")

    async with pair.asked.started():
        await soon(pair.asked.ready())
        (talk,) = pair.asker.conversations
        for text in ("good", "bad", "shy"):
            await talk.send(text)
        await until(lambda: len(seen) == 7, f"all are tried: {seen}")
    tries = [("bad", False), ("bad", True), ("bad", True), ("bad", True)]
    assert seen == [("good", False), *tries, ("shy", False), ("shy", True)]
    async with opened(pair.state, key_of(pair.state)) as (core, _):
        status = await core.call(Status, "bot.status")
    (aside,) = status.set_aside
    assert aside.failed == "ValueError: on purpose"
    assert status.waiting == 0


@pytest.mark.timeout(120)
async def test_m3_a_deletion_reaches_its_handlers_and_a_bot_makes_one(pair: Pair) -> None:
    heard: list[str] = []
    gone: list[MessageId] = []

    @pair.asked.message
    async def hear(message: Message) -> None:
        heard.append(message.text)

    @pair.asked.deletion
    async def forget(deletion: Deletion) -> None:
        gone.append(deletion.message_id)

    (talk,) = pair.asker.conversations
    first = await talk.send("first")
    async with pair.asked.started():
        await soon(pair.asked.ready())
        await until(lambda: heard == ["first"], f"it is heard: {heard}")
        await first.delete()
        await until(lambda: gone == [first.message_id], f"it is gone: {gone}")
    second = await talk.send("second")
    await second.delete()
    third = await talk.send("third")
    await third.accepted()  # So is the deletion before it: a bot that starts now never hears it.
    async with pair.asked.started():
        await soon(pair.asked.ready())
        await until(lambda: "third" in heard, f"the next is heard: {heard}")
    assert heard == ["first", "third"]


@pytest.mark.timeout(120)
async def test_reactions_and_edits_reach_their_handlers_and_a_bot_makes_them(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copconnect.bot.dispatch.PAUSES_S", (0.01, 0.02, 0.03))
    told: list[Message] = []
    heard: list[tuple[str | None, bool]] = []
    about: set[MessageId] = set()

    @pair.asker.message
    async def listen(message: Message) -> None:
        told.append(message)

    @pair.asked.message
    async def hear(message: Message) -> None:
        await message.react("👀")
        await message.react("👀")
        await message.reply("May I?")

    @pair.asked.reaction
    async def granted(reaction: Reaction) -> None:
        about.add(reaction.message_id)
        heard.append((reaction.emoji, reaction.redelivered))
        if len(heard) == 1:
            raise ValueError("on purpose")

    @pair.asked.edit
    async def reworded(edit: Edit) -> None:
        assert edit.message_id == first.message_id
        heard.append((edit.text, edit.redelivered))

    reactions: list[Reaction] = []

    @pair.asker.reaction
    async def seen(reaction: Reaction) -> None:
        reactions.append(reaction)

    (talk,) = pair.asker.conversations
    async with pair.asked.started():
        await soon(pair.asked.ready())
        first = await talk.send("first")
        await until(lambda: bool(told), "it asks")
        await told[0].react("👍")
        await until(lambda: len(heard) == 2, f"it is tried again: {heard}")
    for number in range(4):
        await first.edit(f"words {number}")
        await first.edit(f"words {number}")
    last = await talk.send("last")
    await last.accepted()  # So are the edits before it.
    with pytest.raises(ServerRefused) as refused:
        await first.edit("once more")
    assert refused.value.code == "edit_closed"
    with pytest.raises(ValueError, match="empty"):
        await first.edit(" ")
    with pytest.raises(ValueError, match="empty"):
        await told[0].react("yes")
    await told[0].react(None)
    async with pair.asked.started():
        await soon(pair.asked.ready())
        await until(lambda: len(heard) == 7 and len(reactions) == 2, f"all come: {heard}")
    words = [(f"words {number}", False) for number in range(4)]
    assert heard == [("👍", False), ("👍", True), *words, (None, False)]
    assert about == {told[0].message_id}
    assert [(one.emoji, one.message_id) for one in reactions[:1]] == [("👀", first.message_id)]
    assert len({one.mark_id for one in reactions}) == 2


@pytest.mark.timeout(120)
async def test_a_name_is_used_once_across_restarts(pair: Pair) -> None:
    heard: list[str] = []

    @pair.asker.message
    async def hear(message: Message) -> None:
        heard.append(message.text)

    for _ in range(2):
        async with pair.asked.started():
            await soon(pair.asked.ready())
            (talk,) = pair.asked.conversations
            first, second = await talk.send("morning", once="a"), await talk.send("x", once="a")
            assert first.message_id == second.message_id
            assert not second.new
            assert await first.accepted() == await second.accepted()
    async with pair.asked.started():
        await soon(pair.asked.ready())
        (talk,) = pair.asked.conversations
        with pytest.raises(ValueError, match="empty"):
            await talk.send(" ")
        last = await talk.send("evening", once="b", attachments=[Upload("a.txt", b"x" * 99_999)])
        await soon(last.accepted())
    await until(lambda: len(heard) == 2, f"both come: {heard}")
    assert heard == ["morning", "evening"]
