"""Officers of several stations who may issue orders to the whole department."""

import json
from collections.abc import Iterable
from pathlib import Path

from tests.harness import databank
from tests.harness.server import ServerProcess, run_copconnect

RIGHTS = ("issue_routine", "issue_urgent", "issue_flash")


def let_issue(server: ServerProcess, folder: Path, officers: Iterable[databank.Officer]) -> None:
    """Give each of these a charge at the top of the department, and everybody who is posted
    somewhere the rights to issue orders there and below. They oversee no orders by it."""
    for one in officers:
        place = ("--unit", "TG", "--post", "Operations")
        run_copconnect(server.data, "directory", "charge", one.number, *place)
    table = json.loads(run_copconnect(server.data, "admin", "rights", "show"))
    more = {"holder": "everybody", "code": "", "level": "", "over": "part"}
    file = folder / "rights.json"
    file.write_text(json.dumps([*table, *({"right": right, **more} for right in RIGHTS)]))
    run_copconnect(server.data, "admin", "rights", "set", str(file))
