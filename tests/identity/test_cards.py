"""PersonCards: what plates show, signed when somebody needs it, following the data bank."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from copconnect import wire
from copconnect.auth_service import tables
from copconnect.bus import TrustWakeup
from copconnect.directory import names
from copconnect.directory.databank import DataBank, PersonRow
from copconnect.ids import PersonId, UnitId
from copconnect.records.trust.person_card import PersonCard
from copconnect.settings import Settings
from tests.harness.operator import OPERATOR
from tests.identity.running import (
    PATROL,
    SHO,
    START_MS,
    WRITER,
    MovedClock,
    Running,
    run,
    synthetic_bank,
)

pytestmark = pytest.mark.databases("sqlite")


def changed(number: str, change: Callable[[PersonRow], PersonRow]) -> DataBank:
    """Return the data bank with one person changed."""
    bank = synthetic_bank()
    people = [change(one) if one.number == number else one for one in bank.people]
    return dataclasses.replace(bank, people=people)


async def cards_of(running: Running, device: Any, person_id: str) -> list[PersonCard]:
    (found,) = (await running.trust_of(device, person_id)).people
    cards = [PersonCard.parse(one) for one in found.cards]
    for card in cards:
        card.verify(running.container.authority.roster.public_key)
    return cards


async def count(running: Running) -> int:
    async with running.container.database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(tables.person_cards)) or 0


@pytest.mark.databases("sqlite", "postgresql")
async def test_an_import_signs_no_card(running: Running) -> None:
    assert await count(running) == 0
    sho = await running.device(SHO)
    assert await count(running) == 1  # The registered person's.
    async with running.container.database.reading() as connection:
        writer = await running.container.directory.active_by_number(connection, WRITER)
    assert writer is not None
    (card,) = await cards_of(running, sho, writer)  # Somebody asks: signed and kept.
    assert (card.number, card.created) == (1, START_MS)
    assert await cards_of(running, sho, writer) == [card]
    assert await count(running) == 2


async def test_a_card_names_scripts_rank_post_unit_and_path(running: Running) -> None:
    sho = await running.device(SHO)
    (card,) = await cards_of(running, sho, sho.person_id)
    person = (await running.get("/v1/me", sho)).json()["person"]
    directory = (await running.get("/v1/directory", sho)).json()
    units = {one["unitId"]: one for one in directory["units"]}
    ranks = {one["code"]: one["names"] for one in directory["ranks"]}
    said = (
        person["names"],
        ranks[person["rank"]],
        person["post"],
        units[person["unitId"]]["names"],
    )
    signed = (card.names, card.rank, card.post, card.unit)
    assert signed == tuple(names.by_script(names.spellings(wire.Names(**one))) for one in said)
    assert all(dict(one).keys() >= {"Latn", "Telu"} for one in signed)
    path = card.path.split("/")
    assert path[-1] == person["unitId"]
    for below, above in zip(reversed(path), [*reversed(path[:-1]), None], strict=True):
        assert units[below]["parentId"] == above


async def test_a_change_of_the_data_bank_makes_the_next_card_with_its_date(
    running: Running, clock: MovedClock
) -> None:
    patrol, sho = await running.device(PATROL), await running.device(SHO)
    (first,) = await cards_of(running, sho, patrol.person_id)
    clock.ms += 60_000
    moved_ms = clock.ms
    clerk = wire.Names(en="Clerk", te="", ur="", hi="")
    bank = changed(PATROL, lambda one: dataclasses.replace(one, unit=UnitId("TG-HYD"), post=clerk))
    await running.container.editor.import_bank(OPERATOR, bank)
    clock.ms += 60_000
    before = await count(running)
    running.container.wakeups.clear()
    await running.container.auth.cards.follow()  # In the background, for who has registered.
    assert await count(running) == before + 1
    assert TrustWakeup(person_ids=[PersonId(patrol.person_id)]) in running.container.wakeups
    await running.container.auth.cards.follow()
    assert await count(running) == before + 1
    cards = await cards_of(running, sho, patrol.person_id)
    assert cards[0] == first
    assert (cards[1].number, cards[1].created) == (2, moved_ms)
    assert (cards[1].post, cards[1].path.split("/")[-1]) == ((("Latn", "Clerk"),), "TG-HYD")
    # Importing the same again changes nothing.
    clock.ms += 60_000
    await running.container.editor.import_bank(OPERATOR, bank)
    await running.container.auth.cards.follow()
    assert len(await cards_of(running, sho, patrol.person_id)) == 2


async def test_a_card_that_is_first_needed_later_is_dated_a_minute_back_at_most(
    running: Running, clock: MovedClock
) -> None:
    """Devices that were answered without it take it for one dated back otherwise (E4)."""
    sho = await running.device(SHO)
    bank = changed(SHO, lambda one: dataclasses.replace(one, unit=UnitId("TG-HYD")))
    await running.container.editor.import_bank(OPERATOR, bank)
    clock.ms += 3_600_000
    cards = await cards_of(running, sho, sho.person_id)
    assert cards[-1].path.split("/")[-1] == "TG-HYD"
    assert cards[-1].created == clock.ms - 60_000


async def test_a_unit_that_is_renamed_is_so_on_the_cards_of_its_people(
    running: Running, clock: MovedClock
) -> None:
    sho = await running.device(SHO)
    clock.ms += 60_000
    bank = synthetic_bank()
    old_city = wire.Names(en="Old City", te="", ur="", hi="")
    units = [
        dataclasses.replace(one, names=old_city) if one.code == "TG-HYD-PS001" else one
        for one in bank.units
    ]
    await running.container.editor.import_bank(OPERATOR, dataclasses.replace(bank, units=units))
    cards = await cards_of(running, sho, sho.person_id)
    assert [one.number for one in cards] == [1, 2]
    assert (cards[1].unit, cards[1].created) == ((("Latn", "Old City"),), clock.ms)


async def test_several_who_need_a_card_at_once_make_one(
    settings: Settings, clock: MovedClock
) -> None:
    async with run(settings, clock) as first, run(settings, clock) as second:
        await first.container.editor.import_bank(OPERATOR, synthetic_bank())
        sho = await first.device(SHO)
        async with first.container.database.reading() as connection:
            writer = await first.container.directory.active_by_number(connection, WRITER)
        assert writer is not None
        asked = [node.trust_of(sho, writer) for node in (first, second) for _ in range(4)]
        answers = await asyncio.gather(*asked)
        cards = {card for answer in answers for one in answer.people for card in one.cards}
        assert len(cards) == 1
