"""How long a search among all people takes, on SQLite and PostgreSQL.

The directory's own service is asked, one search after the other, for what people type: names in
four scripts and misspelled, their beginnings, numbers, posts and units, some within a district. A
time is that of one page of 60 cards, from the text to the answer, in this process.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import msgspec

from bench.figures import Figures, percentile, say
from bench.force.making import data_bank, opened, settings_of
from bench.force.operator import OPERATOR
from bench.machine.postgresql import PostgreSQL
from copconnect import wire
from copconnect.auth_service.keys import authority
from copconnect.clock import SystemClock
from copconnect.directory.databank import DataBank, PersonRow
from copconnect.ids import UnitId
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Policy
from copconnect.settings import Settings

PAGE = 60
SEED = 1
# Spellings of the data bank, and those of people who search.
_MISSPELLED = (
    *(("sri", "sree"), ("th", "t"), ("sh", "s"), ("ee", "i"), ("v", "w"), ("ddy", "ddi")),
    *(("oo", "u"), ("mm", "m"), ("ll", "l"), ("ksh", "x"), ("z", "j"), ("ra", "raa")),
)


class Query(msgspec.Struct, frozen=True):
    """One search, as ``GET /v1/people`` takes it."""

    text: str
    unit: UnitId | None = None


async def measure(bank: DataBank, settings: Settings, count: int) -> Figures:
    """Import a data bank into the empty database of these settings and search it ``count`` times.
    Return milliseconds: median, 99th percentile, the longest; and seconds of the import."""
    searches = queries(bank, count)
    async with opened(settings, SystemClock()) as container:
        began = time.perf_counter()
        await container.editor.import_bank(OPERATOR, bank)
        imported_s = time.perf_counter() - began
        for query in searches[: count // 10]:  # The database reads its pages.
            await container.directory.people(None, text=query.text, limit=PAGE)
        times: list[float] = []
        found = 0
        slowest = (0.0, searches[0])
        for query in searches:
            began = time.perf_counter()
            page = await container.directory.people(
                None, text=query.text, unit=query.unit, deep=query.unit is not None, limit=PAGE
            )
            times.append((time.perf_counter() - began) * 1000)
            found += page.total > 0
            slowest = max(slowest, (times[-1], query), key=lambda one: one[0])
    say(f"The slowest search: {slowest[1]}")
    return {
        "search_p50_ms": percentile(times, 0.5),
        "search_p99_ms": percentile(times, 0.99),
        "search_max_ms": max(times),
        "search_finds": found / len(times),
        "search_import_s": imported_s,
    }


async def run(folder: Path, people: int, count: int) -> Figures:
    """Search ``people`` on both databases; return the figures, each with its database's name."""
    bank = data_bank(people)
    authority.create(
        folder / "keys", "Benchmark Police", SystemClock().now_ms(), Policy.NONE, XWING
    )
    figures: Figures = {"searched": people, "searches": count}
    with PostgreSQL() as postgresql:
        for name, settings in (
            ("sqlite", settings_of(folder)),
            ("postgresql", settings_of(folder, database_url=postgresql.url())),
        ):
            measured = await measure(bank, settings, count)
            say(f"{name}: {measured}")
            figures |= {f"{figure}_{name}": value for figure, value in measured.items()}
    return figures


def queries(bank: DataBank, count: int) -> list[Query]:
    """Return searches of all kinds for people of a data bank, the same each time."""
    random = Random(SEED)  # noqa: S311 - must be the same each time; nothing here is secret.
    units = {unit.code: unit.names for unit in bank.units}
    districts = [unit.code for unit in bank.units if unit.level in ("district", "commissionerate")]

    def word(person: PersonRow) -> str:
        return random.choice(person.names.en.split())

    def begun(person: PersonRow) -> str:
        whole = word(person)
        return whole[: random.randint(2, max(2, len(whole) - 1))]

    def native(person: PersonRow) -> str:
        name: str = getattr(person.names, random.choice(wire.LANGUAGES[1:]))
        return random.choice([name, random.choice(name.split())])

    def misspelled(person: PersonRow) -> str:
        name = person.names.en.lower()
        changes = [(old, new) for old, new in _MISSPELLED if old in name]
        return name.replace(*random.choice(changes), 1) if changes else f"{name[:3]}{name[2:]}"

    def posted(person: PersonRow) -> str:
        return person.post.en.replace(",", "")

    kinds: Sequence[tuple[int, Callable[[PersonRow], str]]] = (
        (20, lambda person: person.names.en),
        (20, word),
        (15, begun),
        (12, native),
        (10, misspelled),
        (6, lambda person: person.number.removeprefix("+91")),
        (3, lambda person: person.number[-5:]),
        (5, posted),
        (5, lambda person: units[person.unit].en),
        (2, lambda person: f"{person.rank} {units[person.unit].te}"),
        (2, lambda person: f"{begun(person)} {word(person)}"),
    )
    weights = [weight for weight, _ in kinds]
    found: list[Query] = []
    for _ in range(count):
        person = random.choice(bank.people)
        ((_, make),) = random.choices(kinds, weights)
        unit = random.choice(districts) if random.random() < 0.1 else None
        found.append(Query(make(person), unit))
    return found
