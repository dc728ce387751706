"""The vehicle desk: "/vehicle TS 09 AB 1234" in a direct chat or a group.

VEHICLES names the CSV, QUERIES the file that records who asked for which plate.
"""

import json
import os
from pathlib import Path

from copconnect.bot import Bot, Message
from examples.vehicles.register import Register, plate_of

HERE = Path(__file__).parent
register = Register(Path(os.environ.get("VEHICLES", HERE / "vehicles.csv")))
queries = Path(os.environ.get("QUERIES", "queries.jsonl"))
bot = Bot("vehicles.bot")


@bot.command("vehicle")
async def vehicle(message: Message, *plate: str) -> None:
    """Look a vehicle up by its plate."""
    wanted = plate_of("".join(plate))
    if not wanted:
        await message.reply("Which plate? /vehicle TS09AB1234")
        return
    _record(message, wanted)
    found = register.find(wanted)
    await message.reply(str(found) if found else f"{wanted} is not in the register.")


def _record(message: Message, plate: str) -> None:
    """Write who asked, before anything is answered. A message that is handed out again after a
    crash is written again, under the same id."""
    line = {
        "id": message.message_id,
        "ms": message.sent_ms,
        "person": message.sender.person_id,
        "name": message.sender.name,
        "unit": message.sender.unit,
        "plate": plate,
    }
    with queries.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
