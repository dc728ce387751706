"""A bot is killed at each step of a message's path and started again: every question has one
answer, and every message of the bot is in the log once."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from copconnect.bot import Bot, Message
from copconnect.ids import PersonId
from copconnect.services.forking import Forked
from tests.bot.answering import AFTER, BEFORE
from tests.bot.enrolled import ended, register_bot, running, soon, until
from tests.harness import databank
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()

SENDING = ("before it sends messages", "after it sent messages")
GREETING = "after it sent keys"
MOST_COMMITS, LAST_STEPS, REST_S = 30, 40, 0.3


def process(state: Path, log: Path, *more: str) -> contextlib.AbstractAsyncContextManager[Forked]:
    """Run the answering bot, which writes this log again."""
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

    async def rests(self) -> None:
        """Wait until the answering bot has stored what it had to."""
        files = (self.state, self.state.with_name(f"{self.state.name}-wal"))
        await until(
            lambda: all(
                time.time() - one.stat().st_mtime > REST_S for one in files if one.exists()
            ),
            "it rests",
        )


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

        async def answered(step: str) -> None:
            """Let the running bot, which went on after this step, answer all and rest."""
            wanted.append(f"B{len(wanted)}")
            await talk.send(f"/vehicle {wanted[-1]}")
            await asked.hears(f"{wanted[-1]} first")
            assert [one.split()[0] for one in asked.heard] == wanted, step
            await asked.rests()

        async def ends_at(step: str, former: str) -> bool:
            """Start a bot, which continues from where the former one ended, and ask it once more:
            it ends at a step. Returns whether it came to the step."""
            armed = tmp_path / f"armed {step}"
            stop = ("--stop", step, "--armed", str(armed))
            async with process(asked.state, asked.log, *stop) as stopping:
                await asked.connects()
                await answered(former)
                armed.touch()
                wanted.append(f"A{len(wanted)}")
                await talk.send(f"/vehicle {wanted[-1]}")
                came = await comes(stopping, lambda: f"{wanted[-1]} first" in asked.heard)
            if came:
                killed = step in {BEFORE, AFTER}
                assert stopping.returncode == (-signal.SIGKILL if killed else 1), step
            return came

        former = "none"
        for step in (BEFORE, AFTER, *SENDING):
            assert await ends_at(step, former), step
            former = step
        for commits in range(1, MOST_COMMITS):
            came = []
            for step in (f"before commit {commits}", f"after commit {commits}"):
                came.append(await ends_at(step, former))
                former = step
            if not any(came):
                break
        async with process(asked.state, asked.log):
            await answered(former)
        # Taken, tried, answered, signed, accepted, handled.
        assert 6 < commits < MOST_COMMITS


@pytest.mark.timeout(200)
async def test_a_message_that_made_its_key_is_sent_once(
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
            await group.send("/vehicle C")
            await asked.hears("C first")
        async with process(asked.state, asked.log, *greet):
            await group.send("/vehicle D")
            await asked.hears("D first")
        assert asked.heard == ["hello", "C first", "D first"]
