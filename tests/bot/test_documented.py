"""docs/bots.md from top to bottom at a demo: its files are written, its commands run, its bots
answer, and the demo starts again."""

import asyncio
import contextlib
import csv
import importlib.util
import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copconnect.bot import Acknowledged, Bot, Edit, Message, Order, Reaction, Upload
from copconnect.services.forking import Forked
from tests.bot.enrolled import key_of, register_bot, soon, until
from tests.harness import databank, forking, processes
from tests.harness.commanding import let_issue
from tests.harness.outbox import Outbox
from tests.harness.server import ROOT, ServerProcess
from tests.harness.waiting import PATIENCE_S

DOCUMENT = (ROOT / "docs" / "bots.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+) ([\w.]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = {name: text for _, name, text in BLOCK.findall(DOCUMENT)}
OFFICERS = databank.officers()


class Demo:
    """A demo in a folder that has what a checkout has, and a terminal beside it."""

    def __init__(self, checkout: Path) -> None:
        self.data = checkout / ".demo"
        self.desk = checkout / "desk"
        self._checkout = checkout
        self._port = processes.free_port()
        self._process: Forked | None = None
        self._outbox = Outbox(self.url)
        subprocess.run(["make", "--silent", "officers"], cwd=ROOT, check=True)
        (checkout / "build").symlink_to(ROOT / "build")
        (checkout / ".venv").symlink_to(sys.prefix)

    @property
    def url(self) -> str:
        return f"http://localhost:{self._port}"

    def code_for(self, number: str) -> str:
        return self._outbox.code_for(number)

    def start(self) -> str:
        """Start it; return the line that says who of the officers is on duty."""
        log = self._checkout / "demo.log"
        arguments = ["--port", f"{self._port}", "--people", "40"]
        given = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        with log.open("wb") as out:
            self._process = forking.start("demo", arguments, given, out, out, folder=self._checkout)
        said: list[str] = []

        def on_duty() -> bool:
            said[:] = re.findall(r".*simulated officers (?:are|ended).*", log.read_text("utf-8"))
            return bool(said)

        processes.wait_until(on_duty, self._process, log, PATIENCE_S)
        return said[0]

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def devices(self) -> dict[str, list[int]]:
        """Return how many valid and how many revoked devices each number has had."""
        with closing(sqlite3.connect(self.data / "copconnect.sqlite3")) as connection:
            rows = connection.execute(
                "SELECT number, COUNT(*), COUNT(revoked_ms) FROM auth_clients"
                " JOIN directory_people USING (person_id) GROUP BY number"
            ).fetchall()
        return {number: [every - revoked, revoked] for number, every, revoked in rows}

    async def terminal(self, name: str) -> asyncio.subprocess.Process:
        """Begin a block of the page, in a shell after the first block."""
        before = BLOCKS["demo"].replace("http://localhost:8080", self.url)
        before = before.replace("/tmp/vehicle-desk", str(self.desk))  # noqa: S108
        assert str(self.desk) in before
        assert self.url in before
        return await asyncio.create_subprocess_exec(
            *("bash", "-euc", f"{before}\n{BLOCKS[name]}"),
            cwd=self._checkout,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def run(self, name: str) -> str:
        """Run a block to its end; return what it prints."""
        process = await self.terminal(name)
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode == 0, said.decode()
        return said.decode()

    @contextlib.asynccontextmanager
    async def running(self, name: str) -> AsyncIterator[None]:
        """Run a block until it is no longer needed, then end it as an operator does."""
        process = await self.terminal(name)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            await process.communicate()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path)
    try:
        yield made
    finally:
        made.kill()


def test_the_page_has_what_this_file_runs() -> None:
    wanted = {
        *("demo", "people.csv", "import", "install", "register", "confirm", "course"),
        *("vehicles.py", "run", "watch.py", "orders.py"),
    }
    assert set(BLOCKS) == wanted


def test_it_installs_what_make_wheel_makes() -> None:
    script = (ROOT / "make" / "wheel").read_text(encoding="utf-8")
    for file, source in {"requirements-bot.txt": "requirements/bot.txt", "*.whl": "$wheel"}.items():
        assert file in BLOCKS["install"]
        assert source in script
    assert '"$to/requirements-bot.txt"' in script
    assert "'copconnect[" not in DOCUMENT  # No registry has it.


@pytest.mark.timeout(300)
async def test_from_nothing_to_an_answering_bot(demo: Demo, tmp_path: Path) -> None:
    on_duty = "6 of 6 simulated officers are on duty; so is the head of the force."
    assert demo.start() == on_duty
    (line,) = csv.DictReader(io.StringIO(BLOCKS["people.csv"]))
    demo.desk.mkdir()
    for name in ("people.csv", "vehicles.py"):
        (demo.desk / name).write_text(BLOCKS[name], encoding="utf-8")
    await demo.run("import")

    registering = await demo.terminal("register")
    code = await asyncio.to_thread(demo.code_for, line["number"])
    said, _ = await asyncio.wait_for(
        registering.communicate(f"{code}\nof course\ny\n".encode()), PATIENCE_S
    )
    assert registering.returncode == 0, said.decode()
    for name in ("vehicles.bot", "vehicles.bot.key"):
        assert (demo.desk / name).stat().st_mode & 0o077 == 0
    await demo.run("confirm")
    await demo.run("course")

    officer, heard = Bot(tmp_path / "officer.bot"), list[Message]()

    @officer.message
    async def listen(message: Message) -> None:
        heard.append(message)

    sho = replace(OFFICERS[0], number="+917000000004")
    await register_bot(demo, sho, tmp_path / "officer.bot")
    await ask(demo, officer, line, heard)
    first = heard[0]
    assert first.text == "white Maruti Swift, reported stolen"
    named = (first.sender.name, first.sender.rank, first.sender.post)
    assert named == ("Vehicle Desk", "Bot", line["post_en"])

    before = demo.devices()
    assert len(before) == 6 + 1 + 1 + 1  # Officers, the head of the force, the bot and the SHO.
    assert all(one == [1, 0] for one in before.values())
    demo.kill()
    vault = min((demo.data / "officers").iterdir())
    vault.unlink()
    lost = vault.name.removeprefix("officer-").removesuffix(".vault")
    assert demo.start() == on_duty
    assert demo.devices() == before | {lost: [1, 1]}
    await ask(demo, officer, line, heard)


async def ask(demo: Demo, officer: Bot, line: Mapping[str, str], heard: list[Message]) -> None:
    """Let an officer ask the bot, which runs meanwhile and answers."""
    before = sum(one.sender.name == line["name_en"] for one in heard)
    async with officer.started():
        await soon(officer.ready())
        (found,) = await officer.find_people(line["name_en"])
        talk = await officer.direct(found.person_id)
        async with demo.running("run"):
            await talk.send("/vehicle ts09ab1234")
            await until(
                lambda: sum(one.sender.name == line["name_en"] for one in heard) > before,
                "the bot answers",
            )
    # The simulated officers talk too.
    heard[:] = [one for one in heard if one.sender.name == line["name_en"]]


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

    marks: list[str | None] = []

    @officer.reaction
    async def seen(reaction: Reaction) -> None:
        marks.append(reaction.emoji)

    @officer.edit
    async def reworded(edit: Edit) -> None:
        marks.append(edit.text)

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
            await talk.send("", attachments=[photo])
            await talk.send("/report yesterday Abids Amberpet")
            await until(lambda: len(heard) >= 3, f"three answers come: {heard}")
            await talk.send("/leave Sunday")
            await until(lambda: heard[-1].text.startswith("Leave on Sunday"), "it asks")
            await heard[-1].react("👍")
            await until(lambda: marks == ["👀", "Leave granted by Anjali Reddy"], f"{marks}")
            await (await constable.direct(other)).send("/report")
            await until(lambda: any("may not" in one for one in refused), "it is refused")
        texts = [one.text for one in heard]
        assert "Sub-Inspector Anjali Reddy: vangpj.exe has 1500000 bytes" in texts
        assert [one for one in texts if one.startswith("Night duty")] == texts[:1]
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
        await message.acknowledge(choice=2, done=[1])
        seen.append(message)

    other = await register_bot(server, OFFICERS[12], state)
    me = await register_bot(server, OFFICERS[13], tmp_path / "officer.bot")
    let_issue(server, tmp_path, [OFFICERS[12], OFFICERS[13]])
    async with officer.started(), orders.bot.started():
        await soon(officer.ready())
        await soon(orders.bot.ready())
        talk = await officer.direct(other)
        await talk.send("/lookout White van at Abids")
        await until(lambda: bool(seen), "the look-out comes and is acknowledged")
        (order,) = [one.order for one in seen]
        assert order is not None
        assert (order.title, order.priority) == ("White van at Abids", "urgent")
        assert [one.language for one in order.translations] == ["te"]
        await talk.send("/who")
        await until(lambda: bool(heard), "the bot counts")
        assert [one.text for one in heard] == ["0 will look out, 1 cannot"]

        issued = await officer.issue(talk, Order(title="Stand to", text="At once."))
        await soon(issued.accepted())
        (first,) = [one async for one in first_of(issued.watch(every_s=0.2))]
        assert (first.person_id, first.choice, first.told_by) == (other, 0, None)
        (order_of_bot,) = orders.issued
        found = [one async for one in order_of_bot.acknowledgements()]
        assert [(one.person_id, one.choice, one.done) for one in found] == [(me, 2, [1])]


async def first_of(found: AsyncIterator[Acknowledged]) -> AsyncIterator[Acknowledged]:
    """Yield the first of many."""
    async with asyncio.timeout(60):
        async for one in found:
            yield one
            return
