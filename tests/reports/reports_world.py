"""A group in which somebody is reported, and the moderators of three units above them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.audit import Audit
from copconnect.database.engine import Database
from copconnect.ids import ConversationId, MessageId, PersonId, ReportId, new_id
from copconnect.leases import Leases
from copconnect.principals import RightsBasis, Signer
from copconnect.records.conversation.envelope import APPEAL, REPORT
from copconnect.records.conversation.message import message_hash, parse_message
from copconnect.records.trust.admin_act import SignedAct
from copconnect.reports.dependencies import ReportDependencies
from copconnect.reports.service import ReportService
from copconnect.rights import HeldRights, covers
from copconnect.sealing.envelopes import EnvelopePlace, seal_envelope
from copconnect.sealing.keys import new_secret
from copconnect.sealing.messages import body_key
from copconnect.sealing.proofs import Proof, ProofItem, ReportPlace
from tests.contract.delivery_world import World
from tests.contract.device import Device, Talk, keys_of

DISTRICT = "TG/HYD"
STATION = "TG/HYD/PS1"


class People:
    """Everybody is active and of the station."""

    async def lock_active(self, _connection: AsyncConnection, person_id: PersonId) -> bool:
        """Everybody is."""
        return bool(person_id)

    async def rights_bases(
        self, _connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, RightsBasis]:
        """All are of the station."""
        return {one: RightsBasis(status="active", path=STATION) for one in person_ids}

    async def cards(
        self,
        _connection: AsyncConnection,
        person_ids: Collection[PersonId],
        viewer: PersonId | None,
    ) -> dict[PersonId, wire.Person]:
        """Return cards that hold an id and no name."""
        assert viewer is not None
        names = wire.Names(en="", te="", ur="", hi="")
        return {
            one: wire.Person(
                person_id=one,
                names=names,
                number="",
                rank="",
                post_id="0" * 32,  # type: ignore[arg-type]
                post=names,
                roles=[],
                unit_id="PS1",  # type: ignore[arg-type]
                charges=[],
                registered=True,
                status="active",
            )
            for one in person_ids
        }


@dataclass
class Rights:
    """The right to moderate, by person, over these paths; nobody with a sanction has it."""

    sanctions: Any
    paths: dict[PersonId, list[str]] = field(default_factory=dict)
    grants: dict[PersonId, list[str]] = field(default_factory=dict)

    async def granted(self, _connection: AsyncConnection, person_id: PersonId) -> Sequence[str]:
        """Return the unit paths of a person's grants."""
        return self.grants.get(person_id, ())

    async def of(self, connection: AsyncConnection, person_id: PersonId) -> HeldRights:
        """Return the rights of a person."""
        if await self.sanctions.bars(connection, [person_id]):
            return HeldRights()
        return HeldRights(
            tuple(
                wire.HeldRight(right="moderate", path=path, deep=True, heads=False)
                for path in self.paths.get(person_id, [])
            )
        )

    async def holders_over(
        self, connection: AsyncConnection, right: wire.Right, path: str
    ) -> Mapping[PersonId, Sequence[str]]:
        """Return who moderates a unit."""
        assert right == "moderate"
        found = {
            person: [one for one in paths if covers(one, path)]
            for person, paths in self.paths.items()
        }
        barred = await self.sanctions.bars(connection, list(found))
        return {one: paths for one, paths in found.items() if paths and one not in barred}


class Reports:
    """``sender`` writes, ``reader`` reports. ``station``, ``district`` and ``root`` moderate their
    part, two people each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sender, self.reader, self.outsider = (world.registry.register() for _ in range(3))
        self.station = [world.registry.register() for _ in range(2)]
        self.district = [world.registry.register() for _ in range(2)]
        self.root = [world.registry.register() for _ in range(2)]
        self.rights = Rights(world.sanctions)
        for people, path in ((self.station, STATION), (self.district, DISTRICT), (self.root, "")):
            for one in people:
                self.rights.paths[one.caller.person_id] = [path]
        self.audit = Audit(world.database, world.clock)
        deps = ReportDependencies(
            database=world.database,
            clock=world.clock,
            audit=self.audit,
            messages=world.service,
            people=People(),
            devices=world.registry,
            log_days=180,
        )
        leases = Leases(world.database, world.clock, alone=True)
        self.service = ReportService(deps, leases)
        self.service.attach(self.rights)
        world.sanctions.attach(self.service.sanctioning)
        self.talk: Talk
        self.key_id = b""

    @classmethod
    async def of(cls, database: Database, **more: Any) -> "Reports":
        """Return the world with a group and a first message in it."""
        made = cls(World(database))
        group = await made.world.group(made.reader, [made.sender], **more)
        made.talk = Talk(made.world.service, group.conversation_id)
        made.key_id = await made.talk.begin(made.reader, [made.sender])
        return made

    @property
    def c(self) -> ConversationId:
        """The group."""
        return self.talk.conversation_id

    async def said(self, text: bytes = b"Curfew, everybody out!") -> bytes:
        """Let the sender write; return the message as the log has it."""
        accepted = await self.talk.say(self.sender, self.key_id, text)
        page = await self.world.service.log.page(
            self.reader.caller, self.c, after=accepted.seq - 1, before=None, limit=1
        )
        return page.entries[0].message

    def report(
        self,
        message: bytes,
        to: Sequence[Device],
        report_id: str = "",
        *,
        secret: bytes | None = None,
        **changes: Any,
    ) -> wire.SubmitReport:
        """Return a report of a message, sealed to devices. ``secret``: the envelope's."""
        header, _ = parse_message(message, bytes.fromhex(self.c))
        place = ReportPlace(
            report_id=bytes.fromhex(report_id or new_id()),
            conversation_id=header.conversation_id,
            message_id=header.message_id,
            header_hash=message_hash(message),
        )
        key = body_key(header, self.reader.secrets[header.key_id])
        proof = Proof(
            2, "words", (ProofItem(bytes.fromhex(self.sender.caller.person_id), key, message),)
        )
        secret = new_secret() if secret is None else secret
        sealed = seal_envelope(REPORT, place.place(), proof.encode(), _keys(to), secret)
        values: dict[str, Any] = {
            "report_id": ReportId(place.report_id.hex()),
            "conversation_id": self.c,
            "message_id": MessageId(header.message_id.hex()),
            "header_hash": place.header_hash,
            "clause": 2,
            "messages": 1,
            "sealed": sealed,
        }
        return wire.SubmitReport(**(values | changes))

    async def reported(self, message: bytes | None = None) -> wire.OwnReport:
        """Report a message, without one a new one, to the moderators who read it."""
        body = self.report(message or await self.said(), [*self.station, *self.district])
        return await self.service.reporting.submit(self.reader.caller, body)

    async def decide(
        self, case: wire.OwnReport, by: Device, second: Device | None = None, **changes: Any
    ) -> None:
        """Decide a case, as the act of a moderator that another one approved."""
        async with self.world.database.reading() as connection:
            detail = await self.service.moderating.case(by.caller, case.report_id)
        values: dict[str, Any] = {
            "report_id": case.report_id,
            "header_hash": detail.case.header_hash.hex(),
            "person_id": self.sender.caller.person_id,
            "finding": "upheld",
            "clause": 2,
            "reason": "A rumour.",
            "sanction": None,
        }
        act = wire.DecideReport(**(values | changes))
        for one in (by, second):
            if one is not None:
                async with self.world.database.reading() as connection:
                    await self.service.moderating.allow(connection, one.caller.person_id, act)
        async with self.world.database.transaction() as connection:
            approver = None if second is None else second.caller.person_id
            await self.service.moderating.decide(connection, signer(by, act), act, approver)

    async def sanctioned(self, kind: wire.SanctionKind, days: int) -> wire.OwnReport:
        """Report and decide with a sanction."""
        case = await self.reported()
        sanction = wire.NewSanction(kind=kind, days=days)
        await self.decide(case, *self.station, sanction=sanction)
        return case

    def appeal(self, case: wire.OwnReport, to: Sequence[Device]) -> wire.SubmitAppeal:
        """Return the sender's appeal, sealed to devices."""
        report_id = bytes.fromhex(case.report_id)
        person = bytes.fromhex(self.sender.caller.person_id)
        place = EnvelopePlace(salt=report_id, joined=report_id + person)
        sealed = seal_envelope(APPEAL, place, b"It was true.", _keys(to), new_secret())
        return wire.SubmitAppeal(sealed=sealed)

    async def decide_appeal(
        self, case: wire.OwnReport, by: Device, outcome: wire.AppealOutcome
    ) -> None:
        """Decide an appeal, as a moderator's act."""
        act = wire.DecideAppeal(
            report_id=case.report_id,
            person_id=self.sender.caller.person_id,
            outcome=outcome,
            reason="It was true.",
        )
        async with self.world.database.transaction() as connection:
            await self.service.moderating.allow(connection, by.caller.person_id, act)
            await self.service.moderating.decide_appeal(connection, signer(by, act), act)


def _keys(devices: Sequence[Device]) -> Any:
    return keys_of(devices)


def signer(device: Device, act: wire.AdminAct) -> Signer:
    """Return a moderator who signs an act."""
    record = SignedAct(
        device=device.device,
        act_id=bytes.fromhex(new_id()),
        created=device.now_ms(),
        body=msgspec.json.encode(act),
    ).signed(device.signer)
    return Signer(device.caller.person_id, device.device, "act", record.encode(), STATION)
