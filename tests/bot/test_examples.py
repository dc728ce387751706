"""The bots of examples/, run by copconnect-bot at a real server."""

import http.server
import threading
from pathlib import Path

import pytest

from copconnect.bot import Bot, Message
from tests.bot.enrolled import register_bot, running, soon, until
from tests.bot.test_feed import CAP
from tests.harness import databank
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()


@pytest.fixture
def heard() -> list[Message]:
    return []


@pytest.fixture
def officer(tmp_path: Path, heard: list[Message]) -> Bot:
    """A bot in an officer's place."""
    bot = Bot(tmp_path / "officer.bot")

    @bot.message
    async def listen(message: Message) -> None:
        heard.append(message)

    return bot


@pytest.mark.timeout(200)
async def test_the_vehicle_desk_answers_and_records_who_asked(
    server: ServerProcess, tmp_path: Path, officer: Bot, heard: list[Message]
) -> None:
    state, log = tmp_path / "vehicles.bot", tmp_path / "vehicles.log"
    register, queries = tmp_path / "vehicles.csv", tmp_path / "queries.jsonl"
    lines = "plate,model,colour,registered,note\nTS 09 AB-1234,Swift,white,Hyderabad,Stolen\n"
    register.write_text(lines, encoding="utf-8")
    me = await register_bot(server, OFFICERS[0], tmp_path / "officer.bot")
    desk = await register_bot(server, OFFICERS[1], state)
    command = ("run", "examples.vehicles.bot:bot", "--state", str(state))
    files = {"VEHICLES": str(register), "QUERIES": str(queries)}
    async with running(log, "copconnect.bot", *command, environment=files), officer.started():
        await soon(officer.ready())
        talk = await officer.direct(desk)
        for text in ("/vehicle ts09 ab 1234", "/vehicle TS01", "/help", "/what"):
            await talk.send(text)
        await until(lambda: len(heard) == 4, f"four answers come: {log.read_text()}")
        assert [one.text for one in heard] == [
            "TS09AB1234: white Swift, Hyderabad.\n⚠ Stolen",
            "TS01 is not in the register.",
            "Commands:\n/vehicle [plate ...] - Look a vehicle up by its plate.",
            "There is no such command. /help lists them.",
        ]
        register.write_text(f"{lines}TS01,Ace,yellow,Attapur,\n", encoding="utf-8")
        await talk.send("/vehicle TS01")
        await until(lambda: len(heard) == 5, "the changed register is read")
        assert heard[4].text == "TS01: yellow Ace, Attapur."
    asked = queries.read_text(encoding="utf-8")
    assert asked.count(me) == 3
    assert asked.count('"plate": "TS01"') == 2


@pytest.mark.timeout(200)
async def test_each_alert_of_a_feed_is_posted_once(
    server: ServerProcess, tmp_path: Path, officer: Bot, heard: list[Message]
) -> None:
    state, log = tmp_path / "look-outs.bot", tmp_path / "look-outs.log"
    alert = CAP.format(status="Actual", kind="Alert").replace("2026-11-27T18", "2096-11-27T18")
    feed = [alert]

    class Feed(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(feed[0].encode())

        def log_message(self, *_: object) -> None:
            pass

    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    await register_bot(server, OFFICERS[0], tmp_path / "officer.bot")
    room = await register_bot(server, OFFICERS[1], state)
    async with officer.started():
        await soon(officer.ready())
        group = await officer.create_group([room])
        command = ("run", "examples.look_outs.bot:bot", "--state", str(state))
        environment = {
            "FEED": f"http://127.0.0.1:{service.server_port}/",
            "CONVERSATION": group.conversation_id,
            "EVERY_S": "0.2",
        }
        for _ in range(2):  # The second process knows what the first has sent.
            async with running(log, "copconnect.bot", *command, environment=environment):
                await until(lambda: bool(heard), f"the alert comes: {log.read_text()}")
                feed[0] = "<broken"
                await until(lambda: "the feed:" in log.read_text(), "a broken feed is said")
                feed[0] = alert
        feed[0] = CAP.format(status="Actual", kind="Cancel").replace("10:00", "11:00")
        async with running(log, "copconnect.bot", *command, environment=environment):
            await until(lambda: len(heard) == 2, f"the withdrawal comes: {log.read_text()}")
    service.shutdown()
    service.server_close()
    assert heard[0].text.startswith("LOOK-OUT: White van TS09AB1234")
    assert heard[1].text == "WITHDRAWN: White van TS09AB1234"
