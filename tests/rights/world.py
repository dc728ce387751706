"""One server with an account of every kind, about whom the tables of expectations speak.

Everything happens at Charminar PS. The admins differ in their part of the tree alone: one has a
grant over the commissionerate that the station is in, the other over one beside it.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import pytest

from copconnect import wire
from copconnect.admin import rules as admin_rules
from copconnect.app import Container, create_app
from copconnect.auth_service.keys import authority
from copconnect.http.operations import Operations
from copconnect.ids import (
    AttachmentId,
    ConversationId,
    MessageId,
    PersonId,
    ReportId,
    Seq,
    UnitId,
    UploadId,
    new_id,
)
from copconnect.operator import proof as operator_proof
from copconnect.principals import AcceptedMessage
from copconnect.records.primitives.kem import X25519
from copconnect.records.trust.department import Policy
from copconnect.reports import store as reports_store
from copconnect.settings import Settings
from tests.contract.device import order_terms
from tests.harness.operator import OPERATOR
from tests.harness.presence import HOST, ORIGIN
from tests.identity.approved import ADMIN
from tests.identity.running import (
    DGP,
    PATROL,
    SHO,
    START_MS,
    Device,
    MovedClock,
    SentTexts,
    synthetic_bank,
)
from tests.identity.signing import (
    device_key,
    endorse,
    endorsement,
    give,
    grant,
    looked_at,
    name_root_admin,
    put_keys,
)
from tests.identity.whole import Whole
from tests.rights import uploads

COMMISSIONERATE, STATION = UnitId("TG-HYD"), UnitId("TG-HYD-PS001")
COMMISSIONERATE_BESIDE = UnitId("TG-CYB")
CHUNK = bytes(17)
MANY = 1_000_000  # Requests in a minute: limits are not under test here.


class Account(Enum):
    """An account that asks. The value says in words whose it is."""

    NOBODY = "somebody without an account"
    OPERATOR = "a program with the server's secret"
    HRMS = "a system with a SCIM token"
    NEWCOMER = "an officer who has not accepted the code of conduct"
    UNCONFIRMED = "an officer whose device nobody confirmed"
    SUSPENDED = "a suspended officer"
    REVOKED = "an officer whose device was revoked"
    OFFICER = "an officer of the station"
    HEAD = "the station house officer"
    BESIDE = "an admin of another commissionerate"
    ADMIN = "an admin of the commissionerate"
    ROOT = "a root admin"


# Their numbers in the synthetic data bank.
NUMBERS = {
    Account.NEWCOMER: "+917000000011",
    Account.UNCONFIRMED: "+917000000012",
    Account.SUSPENDED: "+917000000013",
    Account.REVOKED: "+917000000014",
    Account.OFFICER: PATROL,
    Account.HEAD: SHO,
    Account.ADMIN: "+917000000015",
    Account.BESIDE: "+917000000021",  # Commissioner of Cyberabad.
    Account.ROOT: DGP,
}
# People of the station, about whom requests and acts are.
SUBJECT, OTHER_SUBJECT = "+917000000018", "+917000000019"


class World(Whole):
    """The server, its accounts, and what requests are about. ``group`` and ``attachment`` are the
    head's, who administers the group; the officer is the group's other member."""

    group = ConversationId("c" * 32)
    attachment = AttachmentId("a" * 32)
    order = MessageId("d" * 32)  # The head's, to the group.
    cell: str  # The group's only one.
    report: ReportId  # About the subject.
    upload: UploadId  # The admin's, about a person of the station.
    waiting_act = ""
    waiting_hash: str
    waiting_effect: str
    subject: Device
    other_subject: Device

    def __init__(self, container: Container, app: Any, http: httpx.AsyncClient) -> None:
        super().__init__(container, http, SentTexts())
        self._app = app
        self.devices: dict[Account, Device] = {}
        self.headers: dict[Account, dict[str, str]] = {Account.NOBODY: {}}
        self.paths: dict[UnitId, str] = {}
        self.key_ids: dict[bytes, bytes] = {}  # Devices of the group, by the id of their key.
        self.lost: Device | None = None

    @property
    def operations(self) -> Operations:
        """The operations below the turns."""
        operations: Operations = self._app.rest
        return operations

    @property
    def ids_of_the_station(self) -> list[str]:
        """The ids that name people of the station, or the act that waits."""
        others = (Account.ROOT, Account.BESIDE)
        accounts = [one for account, one in self.devices.items() if account not in others]
        people = [*accounts, self.subject, self.other_subject]
        return [self.waiting_act, *(one.person_id for one in people)]

    @property
    def seals(self) -> bytes:
        """Seals to the group's devices, of 17 bytes each, ascending."""
        return b"".join(key_id + b"s" for key_id in sorted(self.key_ids))

    @property
    def clock(self) -> Any:
        return self.container.clock

    def path_of(self, unit_id: UnitId) -> str:
        """Return a unit's path."""
        return self.paths[unit_id]

    async def _register(self, account: Account) -> Device:
        device = await self.device(NUMBERS[account], conduct=account != Account.NEWCOMER)
        self.devices[account] = device
        self.headers[account] = device.headers
        return device

    async def _confirm(self, device: Device) -> None:
        self.clock.ms += 1000
        made = endorsement(self, device, self.devices[Account.ROOT], ADMIN)
        assert (await endorse(self, self.devices[Account.ROOT], made)).is_success

    async def prepare(self) -> None:
        """Make accounts and conversations."""
        container = self.whole
        await container.editor.import_bank(OPERATOR, synthetic_bank())
        async with container.database.reading() as connection:
            for unit in (COMMISSIONERATE, COMMISSIONERATE_BESIDE, STATION):
                path = await container.directory.path_of(connection, unit)
                assert path is not None
                self.paths[unit] = path
        await self._accounts()
        await self._credentials()
        await self._conversations()
        await self._issue()
        admin = PersonId(self.devices[Account.ADMIN].person_id)
        content = await uploads.renamed(self.whole, PersonId(self.subject.person_id))
        self.upload = await uploads.ready(self.whole, admin, content)
        self.report = await self.report_subject()

    async def report_subject(self) -> ReportId:
        """Return a new report about the subject, by another officer of the station."""
        report_id = ReportId(new_id())
        row = {
            "report_id": report_id,
            "conversation_id": self.group,
            "message_id": new_id(),
            "header_hash": bytes(32),
            "reporter_id": self.other_subject.person_id,
            "reported_id": self.subject.person_id,
            "path": self.path_of(STATION),
            "clause": 1,
            "messages": 1,
            "created_ms": self.clock.ms,
            "state": "open",
            "reason": "",
        }
        readers = {
            PersonId(self.devices[Account.ROOT].person_id): [
                reports_store.OwnedKey(bytes(16), bytes(32))
            ]
        }
        async with self.whole.database.transaction() as connection:
            await reports_store.add(connection, row, b"sealed", readers)
        return report_id

    async def _issue(self) -> None:
        """Let the head issue an order to the group."""
        message = AcceptedMessage(
            message_id=self.order,
            conversation_id=self.group,
            seq=Seq(1),
            header_hash=bytes(32),
            person_id=PersonId(self.devices[Account.HEAD].person_id),
            sent_ms=self.clock.now_ms(),
        )
        async with self.whole.database.transaction() as connection:
            await self.whole.issuing.accepted(connection, message, order_terms())

    async def _accounts(self) -> None:
        root = await self._register(Account.ROOT)
        self.clock.ms += 1000
        await name_root_admin(self, root)
        for account in NUMBERS:
            if account == Account.ROOT:
                continue
            device = await self._register(account)
            if account not in (Account.NEWCOMER, Account.UNCONFIRMED):
                await self._confirm(device)
        self.subject = await self.device(SUBJECT)
        self.other_subject = await self.device(OTHER_SUBJECT)
        for device in (self.subject, self.other_subject):
            await self._confirm(device)
        async with self.whole.database.reading() as connection:
            card = await self.whole.directory.card(connection, PersonId(self.subject.person_id))
        assert card is not None
        self.subject_post = card.post_id
        for account, unit in (
            (Account.ADMIN, COMMISSIONERATE),
            (Account.BESIDE, COMMISSIONERATE_BESIDE),
        ):
            self.clock.ms += 1000
            given = grant(self, root, self.devices[account], self.path_of(unit))
            assert (await give(self, root, given)).is_success
        await self.propose()
        self.clock.ms += 1000
        suspended = self.devices[Account.SUSPENDED]
        async with self.whole.database.transaction() as connection:
            await self.whole.editor.set_status(
                connection, OPERATOR, PersonId(suspended.person_id), "suspended"
            )
        revoked = self.devices[Account.REVOKED]
        assert await self.whole.auth.administering.revoke_client(OPERATOR, revoked.client_id)

    async def propose(self) -> None:
        """Let an act of the commissionerate's admin wait for another: a grant over all of it. One
        that nobody has decided yet waits on: to list many takes long."""
        admin = self.devices[Account.ADMIN]
        waiting = await self._waiting(admin)
        if self.waiting_act not in waiting:
            self.clock.ms += 1000
            asked = grant(self, admin, self.other_subject, self.path_of(COMMISSIONERATE))
            with pytest.MonkeyPatch.context() as small:
                small.setattr(admin_rules, "SECOND_LEAST", 10)  # The force has sixty people.
                proposed = await give(self, admin, asked)
            assert proposed.json()["state"] == "waiting"
            self.waiting_act = proposed.json()["actId"]
            waiting = await self._waiting(admin)
        agree = await looked_at(self, admin, waiting[self.waiting_act])
        self.waiting_hash, self.waiting_effect = agree.hash, agree.shown

    async def _waiting(self, admin: Device) -> dict[str, Any]:
        """Return the acts that wait, by their ids."""
        answer = await self.get("/v1/admin/acts", admin)
        return {one["actId"]: one for one in answer.json()["acts"]}

    async def _credentials(self) -> None:
        proof = operator_proof.make(self.whole.authority.secret, self.clock.now_ms())
        self.headers[Account.OPERATOR] = {"authorization": proof}
        token = await self.whole.scim_tokens.make(OPERATOR, "HRMS", "change")
        self.headers[Account.HRMS] = {"authorization": f"Bearer {token}"}

    async def _conversations(self) -> None:
        head, officer = self.devices[Account.HEAD], self.devices[Account.OFFICER]
        made = wire.CreateConversation(
            conversation_id=self.group,
            kind="group",
            person_ids=[PersonId(officer.person_id)],
            who_may_send="everyone",
            history_days=30,
            audience=None,
        )
        assert (await self.post("/v1/conversations", head, made)).is_success
        begun = wire.BeginAttachment(
            attachment_id=self.attachment, conversation_id=self.group, size=17
        )
        assert (await self.post("/v1/attachments", head, begun)).is_success
        chunk = f"/v1/attachments/{self.attachment}/chunks/0"
        assert (await self.http.put(chunk, headers=head.headers, content=CHUNK)).is_success
        leaves = await self.get(f"/v1/conversations/{self.group}/cells/own", head)
        for device in (head, officer):
            record = device_key(self, device, 1)
            assert (await put_keys(self, device, record)).is_success
            self.key_ids[record.key_id()] = record.device
        self.cell = base64.b64decode(leaves.json()["leaves"])[:16].hex()


@asynccontextmanager
async def prepared(folder: Path) -> AsyncIterator[World]:
    """Serve in this process until the block ends."""
    authority.create(folder / "keys", "Strict Police", START_MS, Policy.APPROVAL, X25519)
    settings = Settings(
        authenticator_host=HOST,
        authenticator_origins=ORIGIN,
        data_dir=folder,
        otp_resend_ms=0,
        kem="x25519",
        requests_per_person_per_minute=MANY,
        otp_per_number_and_address_per_day=MANY,
        otp_per_number_per_day=MANY,
    )
    texts = SentTexts()
    container = Container(settings, clock=MovedClock(), gateway=texts)
    app: Any = create_app(settings, container)
    await container.start()
    try:
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            world = World(container, app, http)
            world.sent = texts
            await world.prepare()
            yield world
    finally:
        await container.close()
