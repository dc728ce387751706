"""Transfers and charges: who holds which post, when, and where that puts them."""

import json

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.directory.names import english
from copconnect.directory.postings import posting_store
from copconnect.ids import PersonId, UnitId
from copconnect.settings import Settings
from tests.harness.operator import OPERATOR
from tests.identity.approved import ADMIN, Force, path_of
from tests.identity.running import ACP, DCP, PATROL, SHO, MovedClock, Running, run, synthetic_bank
from tests.identity.signing import act, endorse, endorsement, give, grant, refusal

pytestmark = pytest.mark.databases("sqlite")

STATION, ZONE, DAY_MS = UnitId("TG-HYD-PS001"), UnitId("TG-HYD-Z1"), 86_400_000


async def _person(running: Running, number: str) -> PersonId:
    async with running.container.database.reading() as connection:
        found = await running.container.directory.active_by_number(connection, number)
    assert found is not None
    return found


def _place(unit: UnitId, post: str, *roles: str, head: bool = False) -> wire.NewPlace:
    return wire.NewPlace(unit_id=unit, post=english(post), roles=list(roles), head=head)


async def _transfer(
    running: Running, person: PersonId, place: wire.NewPlace, rank: str | None = None
) -> None:
    container = running.container
    async with container.database.transaction() as connection:
        await container.transfers.transfer(connection, OPERATOR, person, place, rank)


async def _belongs(running: Running, person: PersonId, **clause: object) -> bool | None:
    """Return whether a person administers an audience; None: does not belong."""
    rule = wire.Audience(include=[wire.Clause(**clause)])  # type: ignore[arg-type]
    async with running.container.database.reading() as connection:
        return (await running.container.directory.audience(connection, rule)).get(person)


async def test_a_transfer_moves_a_person_and_keeps_where_they_were(
    running: Running, clock: MovedClock
) -> None:
    container, person = running.container, await _person(running, PATROL)
    before_ms = clock.ms
    assert await _belongs(running, person, units=[STATION]) is False
    clock.ms += DAY_MS
    place = _place(ZONE, "Zone Writer", "writer")
    await _transfer(running, person, place, "HC")
    assert await _belongs(running, person, units=[STATION]) is None
    assert await _belongs(running, person, units=[ZONE]) is False
    assert await _belongs(running, person, roles=["blue_colts"]) is None
    async with container.database.reading() as connection:
        card = await container.directory.card(connection, person)
    assert card is not None
    assert (card.unit_id, card.post.en, card.roles, card.rank) == (
        ZONE,
        "Zone Writer",
        ["writer"],
        "HC",
    )
    (found,) = (await container.directory.people(None, text="zone writer")).people
    assert found.person_id == person
    (then,) = await container.transfers.held_at(PATROL, before_ms) or []
    assert (then.unit_id, then.until_ms, then.roles) == (STATION, clock.ms, ["blue_colts"])
    (now,) = await container.transfers.held_at(PATROL, clock.ms) or []
    assert (now.unit_id, now.from_ms, now.until_ms) == (ZONE, clock.ms, None)
    with pytest.raises(errors.PlaceInvalid):  # The same post again is a mistake.
        await _transfer(running, person, place)
    # The next import says otherwise, and that is kept too.
    clock.ms += DAY_MS
    found_changes = await container.editor.import_bank(OPERATOR, synthetic_bank())
    assert (found_changes.moved, found_changes.reposted) == ({person}, {person})
    assert await _belongs(running, person, units=[STATION]) is False
    (then,) = await container.transfers.held_at(PATROL, clock.ms - 1) or []
    assert then.unit_id == ZONE
    acts = [entry.content.act async for entry in container.audit.entries()]
    assert sum("person_transferred" in act for act in acts) == 1


async def test_an_import_that_changes_no_post_keeps_no_history(
    running: Running, clock: MovedClock
) -> None:
    clock.ms += DAY_MS
    await running.container.editor.import_bank(OPERATOR, synthetic_bank())
    async with running.container.database.reading() as connection:
        assert await posting_store.history(connection, await _person(running, PATROL)) == []


@pytest.mark.databases("sqlite", "postgresql")
async def test_an_officiating_head_belongs_to_both_and_administers_there(
    running: Running, clock: MovedClock
) -> None:
    container, person = running.container, await _person(running, SHO)
    place = _place(ZONE, "DCP, Charminar Zone", "dcp", head=True)
    async with container.database.transaction() as connection:
        posting_id = await container.transfers.give_charge(
            connection, OPERATOR, person, place, "officiating"
        )
    assert await _belongs(running, person, units=[STATION]) is True
    assert await _belongs(running, person, units=[ZONE]) is True
    assert await _belongs(running, person, roles=["dcp"]) is False
    # Both places must not be mixed: nobody is an SHO of the zone itself.
    assert await _belongs(running, person, units=[ZONE], roles=["sho"]) is None
    async with container.database.reading() as connection:
        card = await container.directory.card(connection, person)
    assert card is not None
    assert [(one.posting_id, one.charge, one.head) for one in card.charges] == [
        (posting_id, "officiating", True)
    ]
    with pytest.raises(errors.PlaceInvalid):
        async with container.database.transaction() as connection:
            await container.transfers.give_charge(
                connection, OPERATOR, person, place, "officiating"
            )
    other = await _person(running, DCP)
    for whose, which in ((other, posting_id), (person, posting_id + 1)):
        with pytest.raises(errors.NotFound):
            async with container.database.transaction() as connection:
                await container.transfers.end_charge(connection, OPERATOR, whose, which)
    clock.ms += DAY_MS
    async with container.database.transaction() as connection:
        await container.transfers.end_charge(connection, OPERATOR, person, posting_id)
    assert await _belongs(running, person, units=[ZONE]) is None
    held = await container.transfers.held_at(SHO, clock.ms - 1) or []
    assert {one.unit_id for one in held} == {STATION, ZONE}
    with pytest.raises(errors.NotFound):
        async with container.database.transaction() as connection:
            await container.transfers.end_charge(connection, OPERATOR, person, posting_id)


@pytest.mark.parametrize(
    ("place", "rank", "reason"),
    [
        (_place(UnitId("NOWHERE"), "Clerk"), None, "no such unit"),
        (_place(ZONE, "Clerk", "wizard"), None, "no such role"),
        (_place(ZONE, "Clerk"), "KING", "no such rank"),
        (_place(ZONE, " "), None, "the post has no English name"),
    ],
)
async def test_a_place_that_cannot_be(
    running: Running, place: wire.NewPlace, rank: str | None, reason: str
) -> None:
    person = await _person(running, PATROL)
    with pytest.raises(errors.PlaceInvalid) as caught:
        await _transfer(running, person, place, rank)
    assert caught.value.details["reason"] == reason
    assert await _belongs(running, person, units=[STATION]) is False


async def test_a_person_who_is_removed_holds_nothing_until_they_return(
    running: Running, clock: MovedClock
) -> None:
    container, person = running.container, await _person(running, PATROL)
    async with container.database.transaction() as connection:
        place = _place(ZONE, "Clerk")
        await container.transfers.give_charge(connection, OPERATOR, person, place, "additional")
    bank = synthetic_bank()
    kept = [one for one in bank.people if one.person_id != person]
    gone = type(bank)(
        levels=bank.levels, ranks=bank.ranks, roles=bank.roles, units=bank.units, people=kept
    )
    clock.ms += DAY_MS
    await container.editor.import_bank(OPERATOR, gone, remove_missing=True)
    removed_ms = clock.ms
    async with container.database.reading() as connection:
        assert await posting_store.charges(connection, [person]) == []
    with pytest.raises(errors.NotFound):
        await _transfer(running, person, _place(ZONE, "Clerk"))
    # In the same post again, but not for the days between.
    clock.ms += 7 * DAY_MS
    await container.editor.import_bank(OPERATOR, bank)
    for at_ms, units in ((removed_ms - 1, {STATION, ZONE}), (removed_ms + 1, set())):
        held = await container.transfers.held_at(PATROL, at_ms) or []
        assert {one.unit_id for one in held} == units
    (now,) = await container.transfers.held_at(PATROL, clock.ms) or []
    assert (now.unit_id, now.from_ms) == (STATION, clock.ms)


async def test_an_admin_transfers_within_their_own_part(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """A signed act moves a person between units that the admin holds, and nowhere else."""
    admin = await approving.device(ACP)
    made = endorsement(approving, admin, force.root, ADMIN)
    assert (await endorse(approving, force.root, made)).is_success
    clock.ms += 1000
    division = await path_of(approving, admin)
    given = await give(approving, force.root, grant(approving, force.root, admin, division))
    assert given.is_success
    clock.ms += 1000
    person = await _person(approving, PATROL)
    inside = _place(UnitId(division.split("/")[-1]), "Division Writer", "writer")
    moved = await act(
        approving, admin, wire.TransferPerson(person_id=person, place=inside, rank=None)
    )
    assert moved.json()["state"] == "done", moved.json()
    assert await _belongs(approving, person, units=[inside.unit_id]) is False
    outside = _place(UnitId("TG-HYD"), "Reader", "writer")
    for one in (
        wire.TransferPerson(person_id=person, place=outside, rank=None),
        wire.GiveCharge(person_id=person, place=outside, charge="additional"),
    ):
        assert refusal(await act(approving, admin, one))[0] == "not_allowed"
    own = wire.TransferPerson(person_id=PersonId(admin.person_id), place=inside, rank=None)
    assert refusal(await act(approving, admin, own))[0] == "act_invalid"
    station = _place(STATION, "SHO", "sho", head=True)
    charge = wire.GiveCharge(person_id=person, place=station, charge="officiating")
    assert (await act(approving, admin, charge)).is_success
    async with approving.container.database.reading() as connection:
        (held,) = await posting_store.charges(connection, [person])
    ended = wire.EndCharge(person_id=person, posting_id=held.posting_id)
    assert (await act(approving, admin, ended)).is_success
    assert await _belongs(approving, person, units=[STATION]) is None
    kinds = {
        json.loads(entry.content.act)["act"]
        async for entry in approving.container.audit.entries()
        if entry.content.signed_as
    }
    assert {"person_transferred", "charge_given", "charge_ended"} <= kinds
    await approving.container.audit.verify(approving.container.registry)


async def test_a_chain_of_command_names_the_heads_of_every_unit_above(
    settings: Settings, clock: MovedClock
) -> None:
    limited = msgspec.structs.replace(settings, directory_names_per_person_per_hour=16)
    async with run(limited, clock) as running:
        container = running.container
        await container.editor.import_bank(OPERATOR, synthetic_bank())
        constable, sho = await running.device(PATROL), await _person(running, SHO)
        place = _place(ZONE, "DCP, Charminar Zone", head=True)
        async with container.database.transaction() as connection:
            await container.transfers.give_charge(connection, OPERATOR, sho, place, "officiating")
        await container.editor.suspend(OPERATOR, ACP)
        assert (await running.get(f"/v1/units/{ZONE}/chain", constable)).status_code == 200
        before = container.database.statements
        answer = await running.get(f"/v1/units/{STATION}/chain", constable)
        statements = container.database.statements - before
        chain = msgspec.json.decode(answer.content, type=wire.ChainOfCommand, strict=False)
        holders = {
            one.unit_id: [held for post in one.posts for held in post.holders]
            for one in chain.units
        }
        heads = {unit: [held.person.number for held in some] for unit, some in holders.items()}
        units = [one.unit_id for one in chain.units]
        assert (units[0], units[2], units[-1]) == (STATION, ZONE, "TG")
        assert heads[STATION] == [SHO]
        assert heads[units[1]] == []  # The suspended ACP leaves the division vacant.
        assert heads[ZONE] == [DCP, SHO]  # The senior one first; who officiates is a head too.
        assert [held.charge for held in holders[ZONE]] == ["regular", "officiating"]
        (vacant,) = chain.units[1].posts
        assert (vacant.head, vacant.holders, vacant.held_by) == (True, [], 0)
        # A unit at the top costs as many statements as one far below.
        before = container.database.statements
        assert (await running.get("/v1/units/TG/chain", constable)).status_code == 200
        assert container.database.statements - before == statements
        found = await container.directory.people(None, unit=ZONE)
        assert [one.number for one in found.people] == [DCP, SHO]
        assert SHO in {
            one.number
            for one in (await container.directory.people(None, unit=ZONE, deep=True)).people
        }
        assert (await running.get("/v1/units/NOWHERE/chain", constable)).status_code == 404
        refused = [
            (await running.get(f"/v1/units/{STATION}/chain", constable)).status_code
            for _ in range(3)
        ]
        assert refused[-1] == 429  # Heads are counted as all other names are.
