"""A bot is killed at each step of a message's path and started again: every question has one
answer, and every message of the bot is in the log once."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from copconnect.bot import Bot, Message
from copconnect.ids import PersonId
from tests.bot.answering import AFTER, BEFORE
from tests.bot.enrolled import ended, register_bot, running, soon, until
from tests.harness import databank
from tests.harness.forking import Forked
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()

POSTING = ("before it posts messages", "after it posted messages")
GREETING = "after it posted keys"
MOST_COMMITS, LAST_STEPS = 30, 40


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


async def comes(stopping: Forked, answered: Callable[[], bool]) -> bool:
    """Wait for the end of a process, or for its answer and then the time of its last steps."""
    await until(lambda: stopping.poll() is not None or answered(), "it ends, or answers")
    for _ in range(LAST_STEPS):
        if stopping.poll() is not None:
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.timeout(600)
async def test_no_step_loses_or_doubles_an_answer(server: ServerProcess, tmp_path: Path) -> None:
    async with asking(server, tmp_path) as asked:
        talk = await asked.bot.direct(asked.other)
        wanted: list[str] = []

        async def answers(step: str) -> bool:
            """Ask a bot that ends at a step, then one that does not. Returns whether it came to the
            step."""
            armed, number = tmp_path / f"armed {step}", len(wanted)
            stop = ("--stop", step, "--armed", str(armed))
            async with process(asked.state, asked.log, *stop) as stopping:
                await asked.connects()
                armed.touch()
                await talk.post(f"/vehicle A{number}")
                came = await comes(stopping, lambda: f"A{number} first" in asked.heard)
            if came:
                killed = step in {BEFORE, AFTER}
                assert stopping.returncode == (-signal.SIGKILL if killed else 1), step
            async with process(asked.state, asked.log):
                await talk.post(f"/vehicle B{number}")
                await asked.hears(f"B{number} first")
            wanted.extend([f"A{number}", f"B{number}"])
            assert [one.split()[0] for one in asked.heard] == wanted, step
            return came

        for step in (BEFORE, AFTER, *POSTING):
            assert await answers(step), step
        for commits in range(1, MOST_COMMITS):
            came = [await answers(f"{when} commit {commits}") for when in ("before", "after")]
            if not any(came):
                break
        # Taken, tried, answered, signed, accepted, handled.
        assert 6 < commits < MOST_COMMITS


@pytest.mark.timeout(200)
async def test_a_message_that_made_its_key_is_posted_once(
    server: ServerProcess, tmp_path: Path
) -> None:
    async with asking(server, tmp_path) as asked:
        group = await asked.bot.create_group([asked.other])
        greet = ("--greet", group.conversation_id)
        stop = ("--stop", GREETING, "--armed", str(tmp_path))
        async with process(asked.state, asked.log, *greet, *stop) as stopping:
            assert await ended(stopping) == 1, asked.log.read_text()
        assert asked.heard == []
        async with process(asked.state, asked.log, *greet):
            await asked.hears("hello")
            await group.post("/vehicle C")
            await asked.hears("C first")
        async with process(asked.state, asked.log, *greet):
            await group.post("/vehicle D")
            await asked.hears("D first")
        assert asked.heard == ["hello", "C first", "D first"]
