"""The people of a benchmark of transfers: who is moved, and the data bank before and after."""

import csv
import io
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from bench.force.caching import Force
from bench.force.conversations import Conversation, Prepared
from bench.force.device import Device
from bench.force.making import DATA_BANK_SEED, data_bank
from bench.force.operator import OPERATOR
from copconnect import wire
from copconnect.app import Container
from copconnect.directory import columns, databank
from copconnect.directory.databank import DataBank
from copconnect.ids import UnitId
from demo import synthetic

HALVES = ("TG-MZ1", "TG-MZ2")  # The multi-zones, with all units below.
RULES = [wire.Audience(include=[wire.Clause(units=[UnitId(one)], below=True)]) for one in HALVES]


@dataclass(frozen=True, slots=True)
class Side:
    """One conversation: who writes there, and who is moved from it to the other. The first
    ``online`` of the moved are connected."""

    conversation: Conversation
    sender: Device
    moved: Sequence[Device]
    online: int


@dataclass(frozen=True, slots=True)
class Move:
    """A change of the data bank that moves people from each side to the other. ``whole``: a
    conversation whose people stay the same, although their unit moves."""

    sides: tuple[Side, Side]
    change: Callable[[Container], Awaitable[object]]
    whole: Conversation | None = None


def transfers(prepared: Prepared, count: int, joining: int) -> Move:
    """Return the transfer of so many people by an import; ``joining`` of them are online."""
    pair = sides(prepared.force, prepared.conversations, count, joining)
    after = transferred(prepared.force, pair)
    return Move(pair, lambda container: container.editor.import_bank(OPERATOR, after))


def sides(
    force: Force, conversations: Sequence[Conversation], transfers: int, joining: int
) -> tuple[Side, Side]:
    """Choose who is moved: half of them from each side, nobody who leads it; of an odd number one
    more from the first. ``joining`` of all are online. Raises ValueError if there are too few
    people."""
    bank = data_bank(len(force.devices))
    leading = {person.person_id for person in bank.people if person.unit in HALVES}
    members = [{one for cell in each.cells for one in cell.members} for each in conversations]
    both = members[0] & members[1]

    def side(number: int) -> Side:
        # Spread over the cells as they come, so that nearly every cell loses somebody.
        own = sorted(members[number] - both)
        able = [one for one in own if force.devices[one].person_id not in leading]
        sender, *others = able
        count, online = ((total + 1 - number) // 2 for total in (transfers, joining))
        if len(others) < count:
            raise ValueError(f"only {len(others)} people of a conversation can be moved")
        chosen = random.Random(DATA_BANK_SEED).sample(others, count)  # noqa: S311
        moved = [force.devices[one] for one in chosen]
        return Side(conversations[number], force.devices[sender], moved, online)

    return side(0), side(1)


def transferred(force: Force, pair: tuple[Side, Side]) -> DataBank:
    """Return the data bank after the transfers: each of the moved changes units with somebody of
    the other side, or comes to the unit of its writer. Read from CSV, as a department's is."""
    files = synthetic.write(len(force.devices), DATA_BANK_SEED)
    rows = list(csv.DictReader(io.StringIO(files["people"].decode())))
    people = data_bank(len(force.devices)).people
    by_person: Mapping[str, dict[str, str]] = {
        person.person_id: row for person, row in zip(people, rows, strict=True)
    }
    for one, other in zip_longest(pair[0].moved, pair[1].moved):
        a = by_person[one.person_id]
        if other is None:
            a["unit"] = by_person[pair[1].sender.person_id]["unit"]
        else:
            b = by_person[other.person_id]
            a["unit"], b["unit"] = b["unit"], a["unit"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns.PEOPLE_COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    bank = databank.read({**files, "people": text.getvalue().encode()})
    if bank.problems:
        raise RuntimeError(f"the data bank has problems: {bank.problems[:3]}")
    return bank
