"""Devices and who is confirmed, over HTTP on SQLite and PostgreSQL."""

from contextvars import ContextVar

import pytest
from sqlalchemy import event

from copconnect.ids import PersonId
from copconnect.records.primitives.fields import ZEROS
from copconnect.records.trust.department import Department
from copconnect.records.trust.device import device_id
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from tests.identity.running import PATROL, SHO, Running


@pytest.mark.databases("sqlite")
async def test_registration_makes_a_device_that_rosters_list(running: Running) -> None:
    first = await running.device(SHO)
    server = running.container
    person = PersonId(first.person_id)
    public = first.key.public_key().public_bytes_raw()
    ids = bytes.fromhex(first.person_id), bytes.fromhex(first.client_id)
    assert first.device == device_id(*ids, public)
    async with server.database.reading() as connection:
        (listed,) = await server.registry.devices_of(connection, [person])
        assert (listed.device, listed.client_id) == (first.device, first.client_id)
        assert await server.registry.public_key(connection, first.device) == public
        assert await server.registry.device_of(connection, listed.client_id) == first.device
    assert server.rosters.told == [({first.person_id}, False)]
    assert server.rosters.listed == {first.person_id: {first.device}}


@pytest.mark.databases("sqlite")
async def test_people_trust_is_signed_by_the_roster_authority(running: Running) -> None:
    sho, patrol = await running.device(SHO), await running.device(PATROL)
    second = await running.device(SHO)
    (found,) = (await running.trust_of(patrol, sho.person_id)).people
    authority = running.container.authority
    chain = [PersonDevices.parse(one) for one in found.devices]
    for record in chain:
        record.verify(authority.roster.public_key)
    assert chain[0].previous == ZEROS
    chain[1].check_follows(chain[0])
    assert chain[1].devices == (sho.device, second.device)
    (card,) = [PersonCard.parse(one) for one in found.cards]
    card.verify(authority.roster.public_key)
    me = (await running.get("/v1/me", sho)).json()
    assert dict(card.names)["Latn"] == me["person"]["names"]["en"]
    assert card.path.split("/")[-1] == me["person"]["unitId"]
    assert set(found.certificates) == {sho.certificate, second.certificate}
    trust = (await running.get("/v1/trust")).json()
    assert len(trust["departments"]) == 1
    (department,) = authority.departments
    assert Department.parse(department.encode()) == department
    department.check(authority.root_key)


async def test_the_records_of_many_people_cost_the_statements_of_few(running: Running) -> None:
    sho = await running.device(SHO)
    answer = await running.people(sho, limit="60")
    everybody = [one["personId"] for one in answer.json()["people"]]
    everybody.remove(sho.person_id)  # The card of this person is signed already.

    mine = ContextVar[list[str] | None]("mine", default=None)

    def note(_connection: object, _cursor: object, text: str, *_: object) -> None:
        # Background tasks have no list in their context, so their statements do not count.
        executed = mine.get()
        if executed is not None:
            executed.append(text)

    for engine in running.container.database.sync_engines:
        event.listen(engine, "before_cursor_execute", note)

    async def statements(people: list[str]) -> list[str]:
        executed: list[str] = []
        token = mine.set(executed)
        found = await running.trust_of(sho, *people)
        mine.reset(token)
        assert len(found.people) == len(people)
        return executed

    # The node takes a share of what the reader may read in a day, for many people at once.
    await running.trust_of(sho, everybody.pop())
    # Their cards are signed, then read, then known.
    signed, of_many = await statements(everybody[:5]), await statements(everybody[5:55])
    assert len(signed) == len(of_many), (signed, of_many)
    known, of_many = await statements(everybody[:5]), await statements(everybody[5:55])
    assert len(known) == len(of_many), (known, of_many)
    assert 0 < len(known) <= 5


@pytest.mark.databases("sqlite")
async def test_whose_devices_may_be_listed_is_one_statement(running: Running) -> None:
    devices = [await running.device(number) for number in (SHO, PATROL)]
    database, registry = running.container.database, running.container.registry
    people = [PersonId(one.person_id) for one in devices]
    async with database.reading() as connection:
        await registry.registered(connection, people)  # SQLite begins with the first.
        statements: list[str] = []

        def note(_connection: object, _cursor: object, text: str, *_: object) -> None:
            statements.append(text)

        event.listen(connection.sync_connection, "before_cursor_execute", note)
        assert len(await registry.devices_of(connection, people)) == 2
        assert len(statements) == 1
        for _ in range(2):
            await registry.public_key(connection, devices[0].device)
        assert len(statements) == 2  # Keys never change: remembered.
