"""docs/bots.md from top to bottom: its files are written, its commands run, its bots answer."""

import asyncio
import csv
import importlib.util
import io
import re
import secrets
import shlex
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copconnect import wire
from copconnect.bot import Acknowledged, Bot, Message, Order, Upload
from copconnect.bot.net.api import Api
from copconnect.ids import MessageId, PersonId
from copconnect.records.conversation.acknowledgement import Acknowledgement, Told
from tests.bot.enrolled import ended, key_of, register_bot, running, soon, until
from tests.harness import databank
from tests.harness.server import ROOT, ServerProcess, run_copconnect

DOCUMENT = (ROOT / "docs" / "bots.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+) ([\w.]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = {name: text for _, name, text in BLOCK.findall(DOCUMENT)}
OFFICERS = databank.officers()


def command(name: str, **values: str) -> list[str]:
    """Return the arguments of a documented ``copconnect-bot``."""
    line = BLOCKS[name].strip()
    for one, value in values.items():
        line = line.replace(f"${one}", value)
    program, *arguments = shlex.split(line)
    assert program == "copconnect-bot"
    return arguments


def test_the_page_has_what_this_file_runs() -> None:
    wanted = {
        "ranks.csv",
        "people.csv",
        "register",
        "confirm",
        "vehicles.py",
        "run",
        "watch.py",
        "orders.py",
    }
    assert set(BLOCKS) == wanted


@pytest.mark.timeout(300)
async def test_from_nothing_to_an_answering_bot(server: ServerProcess, tmp_path: Path) -> None:
    ranks = "".join(f"{code},{name}\n" for code, name in databank.RANKS)
    (tmp_path / "ranks.csv").write_text(BLOCKS["ranks.csv"] + ranks)
    for name in ("people.csv", "vehicles.py"):
        (tmp_path / name).write_text(BLOCKS[name], encoding="utf-8")
    for name in ("ranks.csv", "people.csv"):
        run_copconnect(server.data, "directory", "import", str(tmp_path / name))
    (line,) = csv.DictReader(io.StringIO(BLOCKS["people.csv"]))
    environment = {"PYTHONPATH": f"{ROOT / 'src'}"}

    registering = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "copconnect.bot", *command("register", SERVER=server.url)),
        cwd=tmp_path,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    code = await asyncio.to_thread(server.code_for, line["number"])
    said, _ = await asyncio.wait_for(registering.communicate(f"{code}\nyes\n".encode()), 60)
    assert registering.returncode == 0, said.decode()
    for name in ("vehicles.bot", "vehicles.bot.key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0

    log, officer = tmp_path / "log", Bot(tmp_path / "officer.bot")
    heard: list[Message] = []

    @officer.message
    async def listen(message: Message) -> None:
        heard.append(message)

    await register_bot(server, OFFICERS[0], tmp_path / "officer.bot")
    async with running(log, "copconnect.bot", *command("confirm"), folder=tmp_path) as confirming:
        assert await ended(confirming) == 0, log.read_text()
    async with officer.started():
        await soon(officer.ready())
        (found,) = await officer.find_people(line["name_en"])
        talk = await officer.direct(found.person_id)
        async with running(log, "copconnect.bot", *command("run"), folder=tmp_path):
            await talk.post("/vehicle ts09ab1234")
            await until(lambda: bool(heard), "the bot answers")
    assert heard[0].text == "white Maruti Swift, reported stolen"
    sender = heard[0].sender
    assert (sender.name, sender.rank, sender.post) == ("Vehicle Desk", "Bot", line["post_en"])


def program(name: str, folder: Path) -> Any:
    """Write a program of the page to a folder, and import it."""
    file = folder / f"{name}.py"
    file.write_text(BLOCKS[file.name], encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.timeout(200)
async def test_what_a_program_can_do(server: ServerProcess, tmp_path: Path) -> None:
    watch: Bot = program("watch", tmp_path).bot
    state, heard = tmp_path / "watch.bot", list[Message]()
    watch.uses(state, key_file=key_of(state).path)
    officer, constable = Bot(tmp_path / "officer.bot"), Bot(tmp_path / "constable.bot")

    @officer.message
    async def listen(message: Message) -> None:
        heard.append(message)

    refused: list[str] = []

    @constable.message
    async def hear(message: Message) -> None:
        refused.append(message.text)

    other = await register_bot(server, OFFICERS[10], state)
    me = await register_bot(server, OFFICERS[0], tmp_path / "officer.bot")
    await register_bot(server, OFFICERS[11], tmp_path / "constable.bot")
    async with officer.started(), constable.started():
        await soon(officer.ready())
        await soon(constable.ready())
        talk = await officer.direct(other)
        async with watch.started():
            await soon(watch.ready())
            photo = Upload("../van\u202egpj.exe", b"x" * 1_500_000)
            await talk.post("", attachments=[photo])
            await talk.post("/report yesterday Abids Amberpet")
            await until(lambda: len(heard) >= 3, f"three answers come: {heard}")
            await (await constable.direct(other)).post("/report")
            await until(lambda: any("may not" in one for one in refused), "it is refused")
        texts = [one.text for one in heard]
        assert "Sub-Inspector Anjali Reddy: vangpj.exe has 1500000 bytes" in texts
        assert [one for one in texts if one.startswith("Good morning")] == texts[:1]
        report = next(one for one in heard if one.text == "Here it is.")
        assert await report.files[0].read() == b"yesterday: Abids, Amberpet"
        assert report.conversation.name == OFFICERS[10].name
    assert me


@pytest.mark.timeout(200)
async def test_orders_are_acknowledged_issued_and_verified(
    server: ServerProcess, tmp_path: Path
) -> None:
    orders = program("orders", tmp_path)
    state, officer = tmp_path / "orders.bot", Bot(tmp_path / "officer.bot")
    orders.bot.uses(state, key_file=key_of(state).path)
    heard, seen = list[Message](), list[Message]()

    @officer.message
    async def listen(message: Message) -> None:
        heard.append(message)

    @officer.order
    async def ordered(message: Message) -> None:
        await message.acknowledge(choice=2)
        seen.append(message)

    other = await register_bot(server, OFFICERS[12], state)
    me = await register_bot(server, OFFICERS[13], tmp_path / "officer.bot")
    async with officer.started(), orders.bot.started():
        await soon(officer.ready())
        await soon(orders.bot.ready())
        talk = await officer.direct(other)
        await talk.post("/lookout White van at Abids")
        await until(lambda: bool(seen), "the look-out comes and is acknowledged")
        (order,) = [one.order for one in seen]
        assert order is not None
        assert (order.title, order.priority) == ("White van at Abids", "urgent")
        await talk.post("/who")
        await until(lambda: bool(heard), "the bot counts")
        assert [one.text for one in heard] == ["0 will look out, 1 cannot"]

        issued = await officer.issue(talk, Order(title="Stand to", text="At once."))
        await soon(issued.accepted())
        (first,) = [one async for one in first_of(issued.watch(every_s=0.2))]
        assert (first.person_id, first.choice, first.told_by) == (other, 0, None)
        await expect_only_genuine(orders, me)


async def first_of(found: AsyncIterator[Acknowledged]) -> AsyncIterator[Acknowledged]:
    """Yield the first of many."""
    async with asyncio.timeout(60):
        async for one in found:
            yield one
            return


async def expect_only_genuine(orders: Any, officer: PersonId) -> None:
    """A server that makes records up, or shows those of other orders, is not believed."""
    (issued,) = orders.issued
    honest, pages = Api.order_records, list[wire.OrderRecords]()

    async def recording(api: Api, order_id: MessageId, after: str) -> wire.OrderRecords:
        pages.append(await honest(api, order_id, after))
        return pages[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Api, "order_records", recording)
        assert len([one async for one in issued.acknowledgements()]) == 1
    (item,) = pages[0].records
    record = Acknowledgement.parse(item.record)
    made_up = [
        replace(record, choice=1),
        replace(record, person_id=secrets.token_bytes(16)),
        replace(record, header_hash=secrets.token_bytes(32)),
        replace(record, message_id=secrets.token_bytes(16)),
        replace(record, told=Told.IN_PERSON),
        replace(record, created=record.created + 1),
    ]
    forged = [one.encode() for one in made_up] + [b"", item.record[:-1], item.record + b"x"]

    async def hostile(_api: Api, _id: MessageId, after: str) -> wire.OrderRecords:
        assert after == ""
        records = [msgspec.structs.replace(item, record=one) for one in forged]
        answered = msgspec.structs.replace(item, answer=b"not what was signed")
        return msgspec.structs.replace(pages[0], records=[*records, answered, item])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Api, "order_records", hostile)
        found = [one async for one in issued.acknowledgements()]
    assert [(one.person_id, one.choice) for one in found] == [(officer, 2)]
