"""How long the console's pages over a whole force take, on SQLite and PostgreSQL: progress of
training by unit, people who have not finished, a reminder to all of them, conduct acceptances by
unit, and the charts.

The services are asked as routes ask them, in this process. Everybody has a registered device, nine
of ten have accepted the code, and the officer course is done as in the demo.
"""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import event, insert
from sqlalchemy.engine import Connection

from bench.figures import Figures, say
from bench.force.making import Past, data_bank, opened, settings_of
from bench.force.operator import OPERATOR
from bench.machine.postgresql import PostgreSQL
from copconnect import wire
from copconnect.app import Container
from copconnect.auth_service import tables
from copconnect.auth_service.keys import authority
from copconnect.clock import SystemClock
from copconnect.conduct.store import acceptances
from copconnect.database.engine import BULK, chunks
from copconnect.directory.databank import DataBank
from copconnect.directory.postings.roll import Roll
from copconnect.ids import ClientId, new_id
from copconnect.principals import Caller
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Policy
from copconnect.rights import WHOLE
from copconnect.settings import Settings
from demo import past_training

TIMES = 5  # Each page is asked so often; the median counts.
_DAY_MS = 86_400_000
_NOON_MS = 6 * 3_600_000 + 1_800_000  # From midnight, UTC.
_SPAN_DAYS = 180


async def run(folder: Path, people: int) -> Figures:
    """Time the pages for ``people`` on both databases; each figure with its database's name:
    milliseconds, and statements for those pages whose number may not grow with the people."""
    bank = data_bank(people)
    authority.create(
        folder / "keys", "Benchmark Police", SystemClock().now_ms(), Policy.NONE, XWING
    )
    figures: Figures = {"console_people": people}
    with PostgreSQL() as postgresql:
        for name, settings in (
            ("sqlite", settings_of(folder)),
            ("postgresql", settings_of(folder, database_url=postgresql.url())),
        ):
            measured = await measure(bank, settings)
            say(f"{name}: {measured}")
            figures |= {f"{figure}_{name}": value for figure, value in measured.items()}
    return figures


async def measure(bank: DataBank, settings: Settings) -> Figures:
    """Fill the empty database of these settings and time each page."""
    # At noon in India, when people are reminded.
    ago_ms = (SystemClock().now_ms() - _NOON_MS) % _DAY_MS
    async with opened(settings, Past(ago_ms / _DAY_MS)) as container:
        await container.editor.import_bank(OPERATOR, bank)
        caller = await _fill(container)
        await past_training.make(container)
        training, admin = container.training, container.admin
        pages: dict[str, Callable[[], Awaitable[object]]] = {
            "training": lambda: training.progress.by_unit(caller, "officer", WHOLE),
            "untrained": lambda: training.progress.untrained(caller, "officer", WHOLE, None),
            "acceptances": lambda: admin.conduct.acceptances(caller),
            "charts": lambda: admin.charting.charts(caller),
            "overview": lambda: admin.overview(caller),
        }
        figures: Figures = {}
        for name, page in pages.items():
            took = sorted([await _timed(container, page) for _ in range(TIMES)])
            ms, statements = took[TIMES // 2]
            figures |= {f"{name}_ms": ms, f"{name}_statements": statements}
        remind = training.reminding
        asked = wire.RemindOfTraining(course="officer", path=WHOLE)
        for name, work in (("remind", lambda: remind.ask(caller, asked)), ("round", remind.round)):
            ms, statements = await _timed(container, work)
            figures |= {f"{name}_ms": ms, f"{name}_statements": statements}
        began = time.perf_counter()
        await training.progress.file(caller, "officer", WHOLE, "en")
        figures["untrained_file_s"] = time.perf_counter() - began
    return figures


async def _timed(
    container: Container, work: Callable[[], Awaitable[object]]
) -> tuple[float, float]:
    """Return how many milliseconds and statements some work takes."""
    statements = 0

    def note(_: Connection, *__: object) -> None:
        nonlocal statements
        statements += 1

    engine = container.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        began = time.perf_counter()
        await work()
        return (time.perf_counter() - began) * 1000, float(statements)
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def _fill(container: Container) -> Caller:
    """Give everybody a device and most an acceptance; return somebody who may see everything."""
    now = container.clock.now_ms()
    async with container.database.transaction() as connection:
        people = (await connection.execute(Roll(container.directory).serving())).all()
        clients, accepted = [], []
        for number, (person_id, _) in enumerate(people):
            at = now - (number * _SPAN_DAYS // len(people)) * _DAY_MS
            clients.append(
                {
                    **{"client_id": new_id(), "person_id": person_id, "label": ""},
                    **{"device": number.to_bytes(32), "public_key": number.to_bytes(32)},
                    **{"created_ms": at, "last_seen_ms": at, "app": f"web {number % 7}"},
                    **{"confirmed": "yes", "expires_ms": now + 300 * _DAY_MS, "lapsed": 0},
                }
            )
            if number % 10:
                row = {"person_id": person_id, "version": 1, "language": "en", "accepted_ms": at}
                accepted.append(row)
        for table, rows in ((tables.clients, clients), (acceptances, accepted)):
            for part in chunks(rows, BULK):
                await connection.execute(insert(table), part)
        first = people[0][0]
        granted = {column.name: b"" for column in tables.grants.columns}
        values = {"person_id": first, "grantor_person_id": first, "path": WHOLE}
        values |= {"created_ms": now, "not_after_ms": now + _DAY_MS}
        await connection.execute(insert(tables.grants).values(granted | values))
    return Caller(first, ClientId(clients[0]["client_id"]), bytes(32), frozenset())
