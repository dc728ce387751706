"""docs/bots.md from top to bottom: its files are written, its commands run, its bots answer."""

import asyncio
import csv
import importlib.util
import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from copconnect.bot import Bot, Message, Upload
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
    wanted = {"ranks.csv", "people.csv", "register", "confirm", "vehicles.py", "run", "watch.py"}
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


@pytest.mark.timeout(200)
async def test_what_a_program_can_do(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "watch.py").write_text(BLOCKS["watch.py"], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("watch", tmp_path / "watch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    watch: Bot = module.bot
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
