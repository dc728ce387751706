"""A bot is killed at each step of a message's path and started again: every question has one
answer, and every message of the bot is in the log once."""

import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from copconnect.bot import Bot, Message
from copconnect.ids import PersonId
from tests.bot.answering import STEPS
from tests.bot.enrolled import ended, register_bot, running, soon, until
from tests.harness import databank
from tests.harness.forking import Forked
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()


GREETING = "after it posted its key"


def process(state: Path, log: Path, *more: str) -> contextlib.AbstractAsyncContextManager[Forked]:
    """Run the answering bot, which writes this log anew."""
    return running(log, "tests.bot.answering", str(state), *more)


@dataclass
class Asked:
    """A bot that asks, and the answers that came."""

    bot: Bot
    other: PersonId
    state: Path  # The answering bot's.
    log: Path
    heard: list[str] = field(default_factory=list)

    async def hears(self, text: str) -> None:
        """Wait for a message."""
        what = f"{text!r} comes: {self.heard}, {self.log.read_text()[-3000:]}"
        await until(lambda: text in self.heard, what)

    async def connects(self) -> None:
        """Wait until the answering bot is connected."""
        await until(lambda: "connected" in self.log.read_text(), "the bot connects")


@contextlib.asynccontextmanager
async def asking(server: ServerProcess, folder: Path) -> AsyncIterator[Asked]:
    """Register two bots and run the one that asks."""
    state = folder / "answerer.bot"
    await register_bot(server, OFFICERS[0], folder / "asker.bot")
    other = await register_bot(server, OFFICERS[1], state)
    bot = Bot(folder / "asker.bot")
    asked = Asked(bot, other, state, folder / "answerer.log")

    @bot.message
    async def listen(message: Message) -> None:
        asked.heard.append(message.text)

    async with bot.started():
        await soon(bot.ready())
        yield asked


@pytest.mark.timeout(400)
async def test_no_step_loses_or_doubles_an_answer(server: ServerProcess, tmp_path: Path) -> None:
    async with asking(server, tmp_path) as asked:
        talk = await asked.bot.direct(asked.other)
        wanted: list[str] = []
        for number, step in enumerate(one for one in STEPS if one != GREETING):
            async with process(asked.state, asked.log, "--stop", step) as stopping:
                await asked.connects()
                await talk.post(f"/vehicle A{number}")
                assert await ended(stopping) == -signal.SIGKILL, (step, asked.log.read_text())
            async with process(asked.state, asked.log):
                await talk.post(f"/vehicle B{number}")
                await asked.hears(f"B{number} first")
            wanted += [f"A{number}", f"B{number}"]
            assert [one.split()[0] for one in asked.heard] == wanted, step


@pytest.mark.timeout(200)
async def test_a_message_that_made_its_key_is_posted_once(
    server: ServerProcess, tmp_path: Path
) -> None:
    async with asking(server, tmp_path) as asked:
        group = await asked.bot.create_group([asked.other])
        greet = ("--greet", group.conversation_id)
        async with process(asked.state, asked.log, *greet, "--stop", GREETING) as stopping:
            assert await ended(stopping) == -signal.SIGKILL, asked.log.read_text()
        assert asked.heard == []
        async with process(asked.state, asked.log, *greet):
            await asked.hears("hello")
            await group.post("/vehicle C")
            await asked.hears("C first")
        async with process(asked.state, asked.log, *greet):
            await group.post("/vehicle D")
            await asked.hears("D first")
        assert asked.heard == ["hello", "C first", "D first"]
