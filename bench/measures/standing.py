"""Standing groups of a large force: made from the policy, counted, and followed through transfers.

Everybody has a registered device. ``transfers`` people are moved by one import, in pairs that swap
their units; the server's own rounds follow it. From the import's commit on, the database is looked
at four times a second: ``gone_s`` is when no group that a person must leave lists their device any
more, ``followed_s`` when every group that they come to lists it. ``single_…`` is the same for
people whom a clerk transfers before, one after the other, one in each district and within it.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from bench.figures import Figures, percentile, say
from bench.force.caching import Force
from bench.force.making import DATA_BANK_SEED, data_bank
from bench.force.operator import OPERATOR
from bench.machine import copying
from bench.machine.postgresql import PostgreSQL
from copconnect import wire
from copconnect.app import Container, command_line
from copconnect.database.engine import chunks
from copconnect.delivery.rosters.standing import standing_id
from copconnect.delivery.store import leaves
from copconnect.directory import policies
from copconnect.directory.databank import DataBank, PersonRow
from copconnect.ids import ConversationId, PersonId, PostId, UnitId
from copconnect.settings import Settings

LOOK_S = 0.25
LIMIT_S = 120
DISTRICTS = ("district", "commissionerate")
Places = Mapping[PersonId, Set[ConversationId]]


def measure(force: Force, folder: Path, transfers: int, audiences: int) -> Figures:
    """Return the figures of both databases, with so many audiences."""
    figures: Figures = {"transfers": transfers}
    for database in ("sqlite", "postgresql"):
        say(f"{database}: standing groups")
        with _copied(force, folder / database, database) as settings:
            figures |= asyncio.run(_measure(settings, force, transfers, audiences, database))
    return figures


@contextmanager
def _copied(force: Force, folder: Path, database: str) -> Iterator[Settings]:
    folder.mkdir(parents=True)
    (folder / "keys").symlink_to((force.folder / "keys").resolve())
    if database == "sqlite":
        copying.to_file(force.database, folder / "copconnect.sqlite3")
        yield Settings(data_dir=folder)
        return
    with PostgreSQL() as server:
        asyncio.run(copying.to_postgresql(force.database, server.url()))
        yield Settings(data_dir=folder, database_url=server.url())


async def _measure(
    settings: Settings, force: Force, transfers: int, audiences: int, name: str
) -> Figures:
    policy = policies.parse((files("demo") / "standing_groups.json").read_bytes())
    async with command_line(settings) as container:
        await container.editor.set_group_policy(OPERATOR, policy)
        began = time.monotonic()
        await container.delivery.following.round()
        made_s = time.monotonic() - began
        groups = len(await container.delivery.audiences.groups())
        say(f"{groups:,} groups are made.")
        figures: Figures = {"groups": groups, f"made_s_{name}": made_s}
        figures |= await _audiences(container, audiences, name)
        bank = data_bank(len(force.devices))
        await container.delivery.start()
        try:
            figures |= await _one_by_one(container, bank, transfers, name)
            figures |= await _transfers(container, bank, transfers, name)
        finally:
            await container.delivery.close()
    return figures


# --- Audiences --------------------------------------------------------------------------------


async def _audiences(container: Container, count: int, name: str) -> Figures:
    """Time how long it takes to say who belongs, for rules as people make them."""
    choose = random.Random(DATA_BANK_SEED)  # noqa: S311 - must be reproducible.
    directory = await container.directory.directory()
    units = [unit.unit_id for unit in directory.units]
    roles = [role.code for role in directory.roles]
    times: list[float] = []
    for _ in range(count):
        clause = wire.Clause(
            units=choose.sample(units, choose.choice((0, 1, 3))),
            below=True,
            roles=choose.sample(roles, choose.choice((1, 2))),
        )
        clause = clause if clause.units else wire.Clause(roles=clause.roles)
        rule = wire.Audience(include=[clause])
        async with container.database.reading() as connection:
            began = time.perf_counter()
            await container.directory.audience(connection, rule)
            times.append((time.perf_counter() - began) * 1000)
    return {
        f"audience_p50_ms_{name}": percentile(times, 0.5),
        f"audience_p99_ms_{name}": percentile(times, 0.99),
    }


# --- Transfers --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Moved:
    """People who are transferred: the groups that each must leave, and those they come to."""

    leaving: Places
    coming: Places


async def _one_by_one(container: Container, bank: DataBank, most: int, name: str) -> Figures:
    """Transfer one person after the other; each waits for the one before to be followed."""
    gone: list[float] = []
    followed: list[float] = []
    for person, post in (await _neighbours(container, bank))[:most]:
        before = await _wanted(container, [person])
        async with container.database.transaction() as connection:
            await container.transfers.transfer(connection, OPERATOR, person, post, None)
        committed = time.monotonic()
        moved = _differing(before, await _wanted(container, [person]))
        times = await _watch(container, moved, committed)
        gone += times[0]
        followed += times[1]
    return {
        f"single_transfers_{name}": len(gone),
        **{f"single_gone_s_{key}_{name}": v for key, v in _quantiles(gone).items()},
        **{f"single_followed_s_{key}_{name}": v for key, v in _quantiles(followed).items()},
    }


async def _neighbours(container: Container, bank: DataBank) -> list[tuple[PersonId, PostId]]:
    """Return a person in each district who heads nothing, and the post of another in another unit
    of it with the same work: other work would change groups of the whole State."""
    directory = await container.directory.directory()
    units = {one.unit_id: one for one in directory.units}

    def district(unit_id: UnitId | None) -> UnitId | None:
        if unit_id is None or units[unit_id].level in DISTRICTS:
            return unit_id
        return district(units[unit_id].parent_id)

    choose = random.Random(DATA_BANK_SEED + 1)  # noqa: S311 - must be reproducible.
    able = _movable(bank)
    some = [one.person_id for one in choose.sample(able, min(2_000, len(able)))]
    async with container.database.reading() as connection:
        cards = await container.directory.cards(connection, some, None)
    waiting: dict[tuple[UnitId, tuple[str, ...]], wire.Person] = {}
    found: dict[UnitId, tuple[PersonId, PostId]] = {}
    for card in cards.values():
        its = district(card.unit_id)
        if its is None or its in found:
            continue
        other = waiting.setdefault((its, (*card.roles,)), card)
        if other.unit_id != card.unit_id:
            found[its] = (card.person_id, other.post_id)
    return [*found.values()]


async def _transfers(container: Container, bank: DataBank, transfers: int, name: str) -> Figures:
    pairs = _pairs(bank, transfers // 2)
    people = [person for pair in pairs for person in pair]
    before = await _wanted(container, people)
    swapped = _swapped(bank, pairs)
    began_statements = container.database.statements
    await container.editor.import_bank(OPERATOR, swapped)
    committed = time.monotonic()
    moved = _differing(before, await _wanted(container, people))
    gone, followed = await _watch(container, moved, committed)
    statements = container.database.statements - began_statements
    places = sum(len(moved.leaving[one]) + len(moved.coming[one]) for one in people)
    return {
        f"places_changed_{name}": places,
        **{f"gone_s_{key}_{name}": v for key, v in _quantiles(gone).items()},
        **{f"followed_s_{key}_{name}": v for key, v in _quantiles(followed).items()},
        f"statements_per_transfer_{name}": statements / len(people),
    }


def _differing(before: Places, after: Places) -> _Moved:
    return _Moved(
        {one: before[one] - after[one] for one in before},
        {one: after[one] - before[one] for one in before},
    )


def _quantiles(times_s: Sequence[float]) -> Figures:
    return {"p50": percentile(times_s, 0.5), "p99": percentile(times_s, 0.99)}


def _movable(bank: DataBank) -> Sequence[PersonRow]:
    """Return people who head nothing; a small force has little but heads, who are moved then."""
    able = [one for one in bank.people if not one.head]
    return able if len(able) > len(bank.people) // 4 else bank.people


def _pairs(bank: DataBank, count: int) -> list[tuple[PersonId, PersonId]]:
    """Choose pairs of people who head nothing and are in different units."""
    choose = random.Random(DATA_BANK_SEED)  # noqa: S311 - must be reproducible.
    able = _movable(bank)
    found: list[tuple[PersonId, PersonId]] = []
    chosen = choose.sample(able, 3 * count)
    for one, other in zip(chosen[::2], chosen[1::2], strict=False):
        if one.unit != other.unit and len(found) < count:
            found.append((one.person_id, other.person_id))
    return found


def _swapped(bank: DataBank, pairs: Sequence[tuple[PersonId, PersonId]]) -> DataBank:
    rows = {one.person_id: one for one in bank.people}
    for one, other in pairs:
        a, b = rows[one], rows[other]
        rows[one], rows[other] = replace(a, unit=b.unit), replace(b, unit=a.unit)
    return replace(bank, people=list(rows.values()))


async def _wanted(
    container: Container, people: Sequence[PersonId]
) -> dict[PersonId, set[ConversationId]]:
    """Return the groups of each person by the policy and the data bank."""
    found: dict[PersonId, set[ConversationId]] = {one: set() for one in people}
    async with container.database.reading() as connection:
        groups = await container.directory.standing_groups(connection)
        there = (await container.delivery.audiences.groups()).keys()
        rules = {standing_id(one.standing.key or ""): one.rule for one in groups}
        rules = {c: rule for c, rule in rules.items() if c in there}
        belonging = await container.directory.belonging(connection, rules)
        for c, own in (await belonging.of(connection, people)).items():
            for person in own:
                found[person].add(c)
    return found


async def _watch(
    container: Container, moved: _Moved, committed: float
) -> tuple[list[float], list[float]]:
    """Return for each person when they were out of all groups that they left, and in all others."""
    gone: dict[PersonId, float] = {}
    followed: dict[PersonId, float] = {}
    while len(gone) < len(moved.leaving) or len(followed) < len(moved.coming):
        now = time.monotonic() - committed
        if now > LIMIT_S:
            lacking = len(moved.leaving) - len(gone), len(moved.coming) - len(followed)
            raise RuntimeError(f"after {LIMIT_S} s, still listed and not yet listed: {lacking}")
        waiting = [one for one in moved.leaving if one not in gone or one not in followed]
        listed: dict[PersonId, set[ConversationId]] = {}
        async with container.database.reading() as connection:
            for some in chunks(waiting):
                for c, own in (await leaves.of_people(connection, some)).items():
                    for leaf in own:
                        listed.setdefault(leaf.leaf.person_id, set()).add(c)
        for one in waiting:
            there = listed.get(one, set())
            if not moved.leaving[one] & there:
                gone.setdefault(one, now)
            if moved.coming[one] <= there:
                followed.setdefault(one, now)
        await asyncio.sleep(LOOK_S)
    return list(gone.values()), list(followed.values())
