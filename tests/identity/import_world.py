"""An importer, and small files for it."""

from typing import Any

from copconnect.audit import Audit
from copconnect.bus import LocalBus
from copconnect.database.engine import Database
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.imports import exporting
from copconnect.directory.imports.importer import Importer, ImportOptions
from copconnect.directory.postings.transfers import Transfers
from copconnect.wakeup_log import BusAndLog, WakeupLog
from tests.harness.operator import OPERATOR
from tests.identity.running import MovedClock
from tests.identity.test_import import Recorded

ORGANISATION = {
    "levels": "code,name_en\nstate,State\nstation,Police station\n",
    "ranks": "code,name_en\nPC,Police Constable\nSI,Sub-Inspector\n",
    "roles": "code,name_en\nsho,Station house officer\n",
    "units": (
        "code,parent,level,name_en\n"
        "TG,,state,Telangana\nA,TG,station,Alwal PS\nB,TG,station,Bolarum PS\n"
    ),
}
HEADER = "code,name_en,name_te,number,rank,post_en,roles,unit,head,status\n"
PEOPLE = [
    "1,Ravi,రవి,7000000001,PC,Patrol,,A,no,active",
    "2,Swapna,స్వప్న,7000000002,PC,Writer,,A,no,active",
    "3,Imran,ఇమ్రాన్,7000000003,SI,SHO,sho,B,yes,active",
    "4,Kumar,కుమార్,7000000004,PC,Patrol,,B,no,suspended",
]
SURE = ImportOptions(confirmed=True)
ANY = ImportOptions(confirmed=True, most_leaving=None)


def files(rows: list[str], **organisation: str) -> list[tuple[str, bytes]]:
    texts = {**ORGANISATION, **organisation, "people": HEADER + "\n".join(rows) + "\n"}
    return [(f"{name}.csv", text.encode()) for name, text in texts.items()]


def roll(text: str) -> list[tuple[str, bytes]]:
    return [("roll.csv", text.encode())]


class World:
    """An importer, its clock and the Authentication Service's stand-in."""

    def __init__(self, database: Database) -> None:
        self.clock = MovedClock()
        self.accounts = Recorded()
        log = WakeupLog(database, self.clock, has_bus=False)
        database.announce_through(BusAndLog(LocalBus(), log))
        self.audit = Audit(database, self.clock)
        self.editor = DirectoryEditor(database, self.clock, self.accounts, self.audit)
        self.importer = Importer(database, self.clock, self.editor, self.audit)
        self.transfers = Transfers(database, self.clock, self.audit)

    async def apply(self, some: list[tuple[str, bytes]], options: ImportOptions = SURE) -> Any:
        self.clock.ms += 1_000
        return await self.importer.apply(OPERATOR, some, options)

    async def rows(self) -> dict[str, list[exporting.FileRow]]:
        return await self.importer.export(OPERATOR)

    async def acts(self) -> list[str]:
        return [entry.content.act async for entry in self.audit.entries()]
