"""Two bots at a real server: registered, one sends, the other receives and answers."""

from pathlib import Path

import pytest

from copconnect.bot import Bot, Message
from tests.bot.enrolled import register_bot, soon, until
from tests.harness import databank
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()


@pytest.mark.timeout(120)
async def test_two_bots_talk(server: ServerProcess, tmp_path: Path) -> None:
    asker, answerer = Bot(tmp_path / "asker.bot"), Bot(tmp_path / "answerer.bot")
    await register_bot(server, OFFICERS[0], tmp_path / "asker.bot")
    other = await register_bot(server, OFFICERS[1], tmp_path / "answerer.bot")
    heard: list[Message] = []

    @answerer.command("vehicle")
    async def vehicle(message: Message, plate: str) -> None:
        await message.reply(f"{plate} is a white van")

    @asker.message
    async def listen(message: Message) -> None:
        heard.append(message)

    async with asker.started(), answerer.started():
        await soon(asker.ready())
        await soon(answerer.ready())
        talk = await asker.direct(other)
        posted = await talk.send("/vehicle TS09AB1234")
        await soon(posted.accepted())
        await until(lambda: bool(heard), "the answer came")
    assert [one.text for one in heard] == ["TS09AB1234 is a white van"]
    assert heard[0].sender.name == OFFICERS[1].name
