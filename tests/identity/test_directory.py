"""Finding people and the organisation, over HTTP on SQLite and PostgreSQL."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from copconnect import errors, wire
from copconnect.directory import store
from copconnect.directory.finding import words as finding
from copconnect.directory.showing.reading import ReadQuota
from copconnect.ids import ClientId, PersonId
from copconnect.principals import Caller
from copconnect.records.primitives.fields import HOUR_MS
from copconnect.rights import HeldRights
from copconnect.settings import Settings
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed, entries
from tests.identity.approved import Force
from tests.identity.running import (
    PATROL,
    SHO,
    Device,
    MovedClock,
    Running,
    run,
    synthetic_bank,
)
from tests.identity.signing import named

DGP = "+917000000000"
STATION, ZONE = "TG-HYD-PS001", "TG-HYD-Z1"


async def search(running: Running, device: Device, **query: str) -> list[str]:
    answer = await running.people(device, **query)
    return [person["number"] for person in answer.json()["people"]]


async def test_people_are_found_by_what_one_knows_of_them(running: Running) -> None:
    device = await running.device(PATROL)
    sho = (await running.people(device, text=SHO)).json()
    person = sho["people"][0]
    assert sho["total"] == 1
    names, post = person["names"], person["post"]
    for text in (
        names["en"].upper(),
        names["te"],
        " ".join(reversed(names["te"].split())),
        "70000 00004",
        "0700000-0004",
        post["en"],
        post["te"],
        "charminar sho",
        "చార్మినార్ ఎస్హెచ్ఓ",  # Typed without the joiner.
    ):
        assert SHO in await search(running, device, text=text), text
    assert await search(running, device, text="charminar xyz") == []
    assert await search(running, device, text="%") == []
    assert await search(running, device, text="_") != await search(running, device)
    assert await search(running, device, role="sho", unit=STATION) == [SHO]
    assert await search(running, device, rank="CI", unit=ZONE, deep="true") == [SHO]
    assert await search(running, device, unit=ZONE) == ["+917000000002"]
    assert SHO in await search(running, device, unit="TG", deep="1")
    assert await search(running, device, unit="NOWHERE", deep="1") == []
    assert await search(running, device, role="sh") == []


async def test_an_exact_name_comes_before_all_others(running: Running) -> None:
    device = await running.device(DGP)  # Everybody is of the own unit.
    everybody = await _people(running, device, limit="200")
    junior, seniors = everybody[-1], everybody[:3]
    # Seniors who are found by the junior's names too, such as by the name of a unit.
    names = junior["names"]
    words = " ".join(word for name in names.values() for word in finding.words_of(name))
    async with running.container.database.transaction() as connection:
        await connection.execute(
            update(store.search)
            .where(store.search.c.person_id.in_([one["personId"] for one in seniors]))
            .values(words=store.search.c.words + f" {words}")
        )
    for text in (names["en"].upper(), names["te"], names["te"].replace("\u200c", "")):
        found = await _people(running, device, text=text)
        assert found[0] == junior, text
        assert found[1:4] == seniors, text
        assert await _one_by_one(running, device, text) == found, text
    # Part of a name puts nobody first.
    found = await _people(running, device, text=names["en"].split()[0])
    assert found == [one for one in everybody if one in found]


async def test_people_of_the_own_unit_come_before_seniors_elsewhere(running: Running) -> None:
    sho = await running.device(SHO)
    everybody = await _people(running, sho, limit="200")
    text = next(
        name
        for person in reversed(everybody)
        if person["unitId"] == STATION
        for name in person["names"]["en"].split()
        if any(name in one["names"]["en"] and one["unitId"] != STATION for one in everybody[:20])
    )
    found = await _people(running, sho, text=text)
    own = [one for one in found if one["unitId"] == STATION]
    assert found != [one for one in everybody if one in found]
    assert 0 < len(own) < len(found)
    assert found[: len(own)] == own
    for searched in ({"unit": "TG", "deep": "1"}, {"limit": "1"}):
        assert (await _people(running, sho, text=text, **searched))[: len(own)] == own
    pages = await _one_by_one(running, sho, text)
    assert [one["personId"] for one in pages] == list(
        dict.fromkeys(one["personId"] for one in pages)
    )
    assert {one["personId"] for one in pages} >= {one["personId"] for one in found}
    # A search that does not reach the own unit finds what it found.
    assert await _people(running, sho, text=text, unit=ZONE) == [
        one for one in found if one["unitId"] == ZONE
    ]


async def _one_by_one(running: Running, device: Device, text: str) -> list[Any]:
    found: list[Any] = []
    after = ""
    while True:
        query = {"text": text, "limit": "1", "after": after}
        page = (await running.people(device, **query)).json()
        found += page["people"]
        if page["next"] is None:
            return found
        after = page["next"]


async def _people(running: Running, device: Device, **query: str) -> list[Any]:
    answer = await running.people(device, **query)
    people: list[Any] = answer.json()["people"]
    return people


async def test_every_person_is_on_exactly_one_page(running: Running) -> None:
    device = await running.device(PATROL)
    found: list[str] = []
    after = ""
    while True:
        query = {"limit": "7", "after": after}
        page = (await running.people(device, **query)).json()
        assert page["total"] == 60
        found += [person["number"] for person in page["people"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert len(found) == len(set(found)) == 60
    assert found[0] == DGP  # Seniors come first.


@pytest.mark.databases("sqlite")
async def test_malformed_searches_are_refused(running: Running, code_of: Any) -> None:
    device = await running.device(PATROL)
    for query in (
        {"after": "not a token!"},
        {"limit": "-1"},
        {"limit": "²"},
        {"limit": "99999999999999999999"},
        {"text": "x" * 101},
        {"text": "a\0b"},
        {"unit": "a\0"},
        {"rank": "x" * 500},
    ):
        answer = await running.people(device, **query)
        assert (answer.status_code, code_of(answer)) == (400, "bad_request"), query


@pytest.mark.databases("sqlite")
async def test_cards(running: Running, code_of: Any) -> None:
    device, other = await running.device(SHO), await running.device(PATROL)
    card = (await running.get(f"/v1/people/{other.person_id}", device)).json()
    assert (card["number"], card["registered"], card["status"]) == (PATROL, True, "active")
    assert code_of(await running.get(f"/v1/people/{'0' * 32}", device)) == "not_found"
    assert code_of(await running.get("/v1/people/%00", device)) in ("not_found", "bad_request")


async def test_people_who_were_removed_are_not_found(running: Running) -> None:
    device, other = await running.device(SHO), await running.device(PATROL)
    await running.container.editor.suspend(OPERATOR, PATROL)
    assert await search(running, device, text=PATROL) == [PATROL]
    card = (await running.get(f"/v1/people/{other.person_id}", device)).json()
    assert (card["status"], card["registered"]) == ("suspended", False)
    async with running.container.database.transaction() as connection:
        await store.set_status(connection, OPERATOR, [PersonId(other.person_id)], "removed", 1)
    assert await search(running, device, text=PATROL) == []
    card = (await running.get(f"/v1/people/{other.person_id}", device)).json()
    assert card["status"] == "removed"


@pytest.mark.databases("sqlite")
async def test_the_directory_has_an_etag(running: Running) -> None:
    device = await running.device(SHO)
    first = await running.get("/v1/directory", device)
    headers = device.headers | {"if-none-match": first.headers["etag"]}
    again = await running.http.get("/v1/directory", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    body = first.json()
    assert first.headers["etag"] == f'"{body["version"]}"'
    codes = {unit["unitId"] for unit in body["units"]}
    assert all(unit["parentId"] is None or unit["parentId"] in codes for unit in body["units"])
    orders = [rank["order"] for rank in body["ranks"]]
    assert orders == sorted(orders)
    assert body["levels"][0]["code"] == "state"


async def test_nobody_carries_the_names_of_the_force_away_at_once(
    settings: Settings, clock: MovedClock
) -> None:
    limited = msgspec.structs.replace(settings, directory_names_per_person_per_hour=100)
    async with run(limited, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        constable, sho = await server.device(PATROL), await server.device(SHO)
        for limit in ("60", "40"):
            assert (await server.people(constable, limit=limit)).status_code == 200
        for answer in (
            await server.people(constable, limit="60"),
            await server.get(f"/v1/people/{sho.person_id}", constable),
        ):
            refused = answer.json()
            assert (answer.status_code, refused["code"]) == (429, "rate_limited")
            assert refused["details"]["limit"] == "directory_names_per_hour"
            assert 0 < refused["retryAfterMs"] <= HOUR_MS
        # Others have their own limit, and heads of units no other.
        assert (await server.people(sho, limit="60")).status_code == 200
        assert (await server.people(sho, limit="60")).status_code == 429
        recorded = [one for _, one in await entries(server) if one["act"] == "limit_reached"]
        assert [one["limit"] for one in recorded] == ["directory_names_per_hour"] * 2
        clock.ms += answer.json()["retryAfterMs"]
        assert (await server.get(f"/v1/people/{sho.person_id}", constable)).status_code == 200


async def test_signed_cards_are_limited_as_names_are(settings: Settings, clock: MovedClock) -> None:
    limited = msgspec.structs.replace(settings, trust_people_per_person_per_hour=50)
    async with run(limited, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        constable = await server.device(PATROL)
        everybody = [one["personId"] for one in await _people(server, constable, limit="60")]
        found = await server.trust_of(constable, *everybody[:40])
        assert len(found.people) == 40
        known = [wire.KnownPerson(person_id=one.person_id, held=named(one)) for one in found.people]
        body = wire.LookUpTrust(people=known, keys=False)
        for _ in range(3):  # A repeat without news costs nothing.
            assert (await server.post("/v1/people/trust", constable, body)).status_code == 200
        asked = [wire.KnownPerson(person_id=one, held=b"") for one in everybody]
        body = wire.LookUpTrust(people=asked, keys=False)
        refused = await server.post("/v1/people/trust", constable, body)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.json()["details"]["limit"] == "trust_people_per_hour"


async def test_names_are_counted_once_for_all_nodes(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """Each node takes portions of one budget in the database."""
    container, reader = approving.container, await confirmed(approving, force, PATROL)
    caller = caller_of(reader)
    nodes = [ReadQuota(container.database, container.audit, 500, clock.now_ms) for _ in range(3)]

    async def read() -> None:
        for turn in range(26):
            await nodes[turn % 3].names(caller, HeldRights(), ["TG"] * 20)

    with pytest.raises(errors.RateLimited):
        await read()
    clock.ms += 3_600_000
    await nodes[0].names(caller, HeldRights(), ["TG"] * 20)


async def test_reading_without_a_limit_is_a_right_over_a_part_and_in_the_audit_log(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    container = approving.container
    reading = ReadQuota(container.database, container.audit, 100, clock.now_ms)
    async with container.database.reading() as connection:
        held = await container.admin.rights.of(connection, PersonId(force.admin.person_id))
    admin = caller_of(force.admin)
    for _ in range(30):
        await reading.names(admin, held, [force.path] * 50)
    assert [one for _, one in await entries(approving) if one["act"] == "directory_read"] == [
        {"act": "directory_read", "names": 1_000}
    ] * 2
    await reading.names(admin, held, ["TG"] * 100)
    with pytest.raises(errors.RateLimited):
        await reading.names(admin, held, ["TG"])


async def test_few_whole_numbers_are_tried_in_a_day(approving: Running, force: Force) -> None:
    device = await confirmed(approving, force, PATROL)
    for index in range(100):
        assert await search(approving, device, text=f"+9179{index:08}") == []
    assert await search(approving, device, text="Patrol") is not None
    refused = await approving.people(device, text="+917000000001")
    assert refused.json()["details"]["limit"] == "directory_numbers_per_day"
    refused = await approving.people(device, text="+917000000002")
    assert refused.status_code == 429
    found = [one for _, one in await entries(approving) if one["act"] == "limit_reached"]
    assert found == [{"act": "limit_reached", "limit": "directory_numbers_per_day"}]


def caller_of(device: Device) -> Caller:
    return Caller(
        PersonId(device.person_id), ClientId(device.client_id), device.device, frozenset()
    )
