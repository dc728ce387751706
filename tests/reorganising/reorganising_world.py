"""A small organisation, and the services that reorganise it."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from copconnect import wire
from copconnect.audit import Audit
from copconnect.bus import LocalBus
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.directory import databank, policies, store
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.names import english
from copconnect.directory.postings.posting_store import POSTINGS
from copconnect.directory.postings.transfers import Transfers
from copconnect.directory.reorganising import reorganising_store
from copconnect.directory.reorganising.service import Reorganiser
from copconnect.directory.rules import person_id
from copconnect.directory.service import DirectoryService
from copconnect.ids import ConversationId, PersonId, PostId, UnitId
from copconnect.wakeup_log import BusAndLog, WakeupLog
from tests.harness.operator import OPERATOR
from tests.identity.running import MovedClock
from tests.identity.test_import import Recorded

DAY_MS = 86_400_000
FILES = {
    "levels": "code,name_en\nstate,State\ndistrict,District\ndivision,Division\nstation,PS\n",
    "ranks": "code,name_en\nPC,Constable\nSI,Sub-Inspector\nSP,Superintendent\n",
    "roles": "code,name_en\nsho,SHO\npatrol,Patrol\n",
    "units": (
        "code,parent,level,name_en\n"
        "TG,,state,Telangana\nA,TG,district,Adilabad\nB,TG,district,Bhongir\n"
        "A1,A,division,Asifabad Division\nA1a,A1,station,Alwal PS\nA1b,A1,station,Bolarum PS\n"
        "B1,B,division,Bibinagar Division\n"
    ),
    "people": (
        "code,name_en,number,rank,post_en,roles,unit,head,status\n"
        "1,Ravi,7000000001,PC,Patrol,patrol,A1a,no,active\n"
        "2,Swapna,7000000002,PC,Patrol,patrol,A1a,no,active\n"
        "3,Imran,7000000003,SI,SHO of Alwal,sho,A1a,yes,active\n"
        "4,Kumar,7000000004,PC,Patrol,patrol,A1b,no,suspended\n"
        "5,Fatima,7000000005,SI,SHO of Bolarum,sho,A1b,yes,active\n"
        "6,Anita,7000000006,SP,SP,,A,yes,active\n"
        "7,Joseph,7000000007,SP,SP,,B,yes,active\n"
        "8,Lakshmi,7000000008,SI,Reader,,A1,no,active\n"
        "9,Mohan,7000000009,SI,Reader,,B1,no,active\n"
    ),
}
POLICY = [
    wire.GroupPolicy(
        code="all", title=english("{unit}"), levels=["district", "division", "station"]
    ),
    wire.GroupPolicy(code="sho", title=english("SHOs, {unit}"), levels=["district"], roles=["sho"]),
]


def person(number: int) -> PersonId:
    return person_id(str(number))


class NoConversations:
    """Plays the Delivery Service: conversations that officers made, and those with posts."""

    def __init__(self) -> None:
        self.followed: dict[str, tuple[wire.Audience, wire.Names | None]] = {}
        self.with_posts: dict[ConversationId, PostId] = {}

    async def followed_by_hand(
        self, _: Any
    ) -> Mapping[str, tuple[wire.Audience, wire.Names | None]]:
        return self.followed

    async def asked(self, _: Any, post_ids: Collection[PostId]) -> dict[ConversationId, PostId]:
        return {c: post for c, post in self.with_posts.items() if post in post_ids}

    async def go_on(self, _: Any, posts: Mapping[ConversationId, PostId]) -> None:
        self.with_posts |= posts


class Nobody:
    """Plays the Authentication Service: nobody has registered."""

    async def registered(self, _: Any, __: Any) -> set[PersonId]:
        return set()


class World:
    """A small organisation and what changes it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock: Any = MovedClock()
        clock: Clock = self.clock
        log = WakeupLog(database, clock, has_bus=False)
        database.announce_through(BusAndLog(LocalBus(), log))
        self.audit = Audit(database, clock)
        self.editor = DirectoryEditor(database, clock, Recorded(), self.audit)
        self.transfers = Transfers(database, clock, self.audit)
        self.conversations = NoConversations()
        self.reorganiser = Reorganiser(
            clock, self.audit, lambda: self.conversations, lambda: self.conversations
        )
        self.directory = DirectoryService(database, Nobody(), clock, self.audit, 1000)

    async def load(self) -> None:
        bank = databank.read({name: text.encode() for name, text in FILES.items()})
        assert bank.problems == []
        await self.editor.import_bank(OPERATOR, bank)
        await self.editor.set_group_policy(OPERATOR, POLICY)

    async def do(self, *steps: wire.Step) -> int:
        self.clock.ms += DAY_MS
        async with self.database.transaction() as connection:
            return await self.reorganiser.reorganise(connection, OPERATOR, steps)

    async def undo(self, number: int) -> int:
        self.clock.ms += DAY_MS
        async with self.database.transaction() as connection:
            return await self.reorganiser.undo(connection, OPERATOR, number)

    async def preview(self, *steps: wire.Step) -> wire.ReorganisationPreview:
        async with self.database.reading() as connection:
            return (await self.reorganiser.examine(connection, steps)).preview

    async def transfer(self, number: int, unit: str, post: str = "Clerk") -> None:
        self.clock.ms += DAY_MS
        place = wire.NewPlace(unit_id=UnitId(unit), post=english(post), roles=[], head=False)
        async with self.database.transaction() as connection:
            await self.transfers.transfer(connection, OPERATOR, person(number), place, None)

    async def charge(self, number: int, unit: str) -> int:
        place = wire.NewPlace(unit_id=UnitId(unit), post=english("In charge"), roles=[], head=True)
        async with self.database.transaction() as connection:
            return await self.transfers.give_charge(
                connection, OPERATOR, person(number), place, "additional"
            )

    async def homes(self) -> dict[int, str]:
        """Return the unit of each person who is not removed."""
        return {one: (await self.card(one)).unit_id for one in range(1, 10)}

    async def card(self, number: int) -> wire.Person:
        async with self.database.reading() as connection:
            found = await self.directory.card(connection, person(number))
        assert found is not None
        return found

    async def held_at(self, number: int, at_ms: int) -> list[wire.Posting]:
        return await self.transfers.held_at(f"+91700000000{number}", at_ms) or []

    async def found(self, text: str) -> list[str]:
        people = (await self.directory.people(None, text=text)).people
        return [one.names.en for one in people]

    async def stored(self) -> dict[str, Any]:
        """Return every table of the organisation, but for times, history and posts that ended."""
        async with self.database.reading() as connection:
            tables: dict[str, Any] = {
                "units": [tuple(one) for one in await connection.execute(select(store.units))],
                "people": {
                    (row.person_id, row.post_id, row.status, row.rank, row.sort_key)
                    for row in await connection.execute(select(store.people))
                },
                "search": {
                    (row.person_id, row.sort_key, row.words)
                    for row in await connection.execute(select(store.search))
                },
                "posts": {
                    tuple(row)
                    for row in await connection.execute(
                        select(store.posts).where(store.posts.c.abolished_ms.is_(None))
                    )
                },
                "charges": {
                    (row.person_id, row.post_id, row.charge)
                    for row in await connection.execute(
                        select(POSTINGS).where(POSTINGS.c.until_ms.is_(None))
                    )
                },
                "former": set(
                    await connection.scalars(select(reorganising_store.FORMER_UNITS.c.unit_id))
                ),
                "policy": await policies.read(connection),
            }
        tables["units"].sort()
        return tables


def merge(code: str, into: str) -> wire.MergeUnits:
    return wire.MergeUnits(unit_id=UnitId(code), into=UnitId(into))


def move(code: str, parent: str) -> wire.MoveUnit:
    return wire.MoveUnit(unit_id=UnitId(code), parent_id=UnitId(parent))


def rename(code: str, level: str, name: str) -> wire.RenameUnit:
    return wire.RenameUnit(unit_id=UnitId(code), level=level, names=english(name))


async def post_of(world: World, number: int) -> PostId:
    return (await world.card(number)).post_id
