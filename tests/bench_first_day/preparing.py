"""The scene for a new device: a force, conversations, 30 days of messages, the other devices."""

import contextlib
import dataclasses
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from bench.crowd.crowd import Crowd
from bench.crowd.plan import Population, populations
from bench.force import caching, conversations
from bench.force.conversations import EVERYONE, Prepared
from bench.force.history import History, with_history
from bench.force.making import DATA_BANK_SEED, data_bank
from bench.machine.deployment import Deployment, deployed
from bench.measures.serving import connect
from copconnect import wire
from copconnect.ids import PersonId, UnitId
from demo import synthetic
from tests.harness import databank

DAYS = 30
ONLINE = 300  # Simulated devices of each conversation that are connected, at most.


def unit(code: str) -> wire.Audience:
    return wire.Audience(include=[wire.Clause(units=[UnitId(code)], below=True)])


_DIVISION, _ZONE = synthetic.SHOWN_CHAIN
# The officer's station, the units above it, and twice everybody; messages a day in each.
STANDING: Sequence[tuple[wire.Audience, int]] = (
    (EVERYONE, 3),
    (EVERYONE, 5),
    (unit(synthetic.SHOWN_COMMISSIONERATE), 5),
    (unit(_ZONE), 10),
    (unit(_DIVISION), 10),
    (unit(synthetic.SHOWN_STATION), 30),
    (unit(synthetic.SHOWN_STATION), 10),
)


class FirstDay(NamedTuple):
    """Everything, and the officer who has not registered."""

    prepared: Prepared
    histories: Sequence[History]
    population: Population
    officer: databank.Officer


def prepare(
    cache: Path,
    members: int,
    standing: Sequence[tuple[wire.Audience, int]] = STANDING,
    texts: Sequence[str] = (),
) -> FirstDay:
    """Make it, or find it made. ``standing``: the rule of each conversation and its messages a day;
    ``texts``: what they say."""
    bank = data_bank(members)
    station = [one for one in bank.people if one.unit == synthetic.SHOWN_STATION]
    officer = next(one.person_id for one in station if not one.head)
    force = caching.force(cache, members, DAYS + 1.0, frozenset({officer}))
    rules = [rule for rule, _ in standing]
    made = conversations.prepared(force, rules, f"standing-{len(rules)}", days=DAYS + 0.5)
    prepared, histories = with_history(made, DAYS, [per_day for _, per_day in standing], texts)
    (population,) = populations(prepared, 1, only=_online(prepared), histories=histories)
    return FirstDay(prepared, histories, population, _officer(force.database, officer))


@contextlib.contextmanager
def served(
    day: FirstDay, folder: Path, processes: int, **settings: object
) -> Iterator[tuple[Deployment, Crowd]]:
    """Start the servers and connect the others, which do what the server asks of them."""
    keys, database = day.prepared.force.folder / "keys", day.prepared.database
    with contextlib.ExitStack() as stack:
        # Only a demo's server shows the code that the officer is sent.
        deployment = stack.enter_context(
            deployed(keys, database, folder, processes, "demo", **settings)
        )
        crowd = Crowd([day.population], deployment.addresses, folder, stack)
        connect(deployment, crowd)
        crowd.ask("live", on=True)
        yield deployment, crowd


def _online(prepared: Prepared) -> set[bytes]:
    """Return the devices that are connected: of each conversation some, and all of the cell where
    the new device will come."""
    choose = random.Random(DATA_BANK_SEED)
    found: set[int] = set()
    for one in prepared.conversations:
        members = [member for cell in one.cells for member in cell.members]
        found |= set(choose.sample(members, min(ONLINE, len(members))))
        found |= set(min(one.cells, key=lambda cell: len(cell.members)).members)
    return {prepared.force.devices[member].device for member in found}


def _officer(database: Path, person_id: PersonId) -> databank.Officer:
    fields = [field.name for field in dataclasses.fields(databank.Officer)]
    with closing(sqlite3.connect(database)) as connection:
        row = connection.execute(
            "SELECT code, name_en, name_te, number, rank, post_en, unit_id, head, roles, ''"
            " FROM directory_people JOIN directory_posts USING (post_id) WHERE person_id = ?",
            (person_id,),
        ).fetchone()
    return databank.Officer(**dict(zip(fields, row, strict=True)))
