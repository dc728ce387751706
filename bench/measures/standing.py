"""Standing groups of a large force: made from the policy, counted, and followed through transfers.

Everybody has a registered device. ``transfers`` people are moved by one import, in pairs that swap
their units; the server's own rounds follow it. From the import's commit on, the database is looked
at four times a second: ``gone_s`` is when no group that a person must leave lists their device any
more, ``followed_s`` when every group that they come to lists it.
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
from bench.force.making import DATA_BANK_SEED
from bench.force.operator import OPERATOR
from bench.machine import copying
from bench.machine.postgresql import PostgreSQL
from copconnect import wire
from copconnect.app import Container, command_line
from copconnect.database.engine import chunks
from copconnect.delivery.rosters.standing import standing_id
from copconnect.delivery.store import leaves
from copconnect.directory import databank, policies
from copconnect.directory.databank import DataBank
from copconnect.ids import ConversationId, PersonId
from copconnect.settings import Settings
from demo import synthetic

LOOK_S = 0.25
LIMIT_S = 120
AUDIENCES = 200
Places = Mapping[PersonId, Set[ConversationId]]


def measure(force: Force, folder: Path, transfers: int) -> Figures:
    """Return the figures of both databases."""
    figures: Figures = {"transfers": transfers}
    for database in ("sqlite", "postgresql"):
        say(f"{database}: standing groups")
        with _copied(force, folder / database, database) as settings:
            figures |= asyncio.run(_measure(settings, force, transfers, database))
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


async def _measure(settings: Settings, force: Force, transfers: int, name: str) -> Figures:
    policy = policies.parse((files("demo") / "standing_groups.json").read_bytes())
    async with command_line(settings) as container:
        await container.editor.set_group_policy(OPERATOR, policy)
        began = time.monotonic()
        await container.delivery.following.round()
        made_s = time.monotonic() - began
        groups = len(await container.delivery.audiences.groups())
        say(f"{groups:,} groups are made.")
        figures: Figures = {"groups": groups, f"made_s_{name}": made_s}
        figures |= await _audiences(container, name)
        figures |= await _transfers(container, force, transfers, name)
    return figures


# --- Audiences --------------------------------------------------------------------------------


async def _audiences(container: Container, name: str) -> Figures:
    """Time how long it takes to say who belongs, for rules as people make them."""
    choose = random.Random(DATA_BANK_SEED)  # noqa: S311 - must be reproducible.
    directory = await container.directory.directory()
    units = [unit.unit_id for unit in directory.units]
    roles = [role.code for role in directory.roles]
    times: list[float] = []
    for _ in range(AUDIENCES):
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

    bank: DataBank
    leaving: Places
    coming: Places


async def _transfers(container: Container, force: Force, transfers: int, name: str) -> Figures:
    bank = databank.read(synthetic.write(len(force.devices), DATA_BANK_SEED))
    pairs = _pairs(bank, transfers // 2)
    people = [person for pair in pairs for person in pair]
    before = await _wanted(container, people)
    moved = _swapped(bank, pairs)
    await container.delivery.start()
    try:
        await asyncio.sleep(1.5)
        began_statements = container.database.statements
        await container.editor.import_bank(OPERATOR, moved)
        committed = time.monotonic()
        after = await _wanted(container, people)
        plan = _Moved(
            moved,
            {one: before[one] - after[one] for one in people},
            {one: after[one] - before[one] for one in people},
        )
        gone, followed = await _watch(container, plan, committed)
        statements = container.database.statements - began_statements
    finally:
        await container.delivery.close()
    places = sum(len(plan.leaving[one]) + len(plan.coming[one]) for one in people)
    return {
        f"places_changed_{name}": places,
        **{f"gone_s_{key}_{name}": v for key, v in _quantiles(gone).items()},
        **{f"followed_s_{key}_{name}": v for key, v in _quantiles(followed).items()},
        f"statements_per_transfer_{name}": statements / len(people),
    }


def _quantiles(times_s: Sequence[float]) -> Figures:
    return {"p50": percentile(times_s, 0.5), "p99": percentile(times_s, 0.99)}


def _pairs(bank: DataBank, count: int) -> list[tuple[PersonId, PersonId]]:
    """Choose pairs of people who head nothing and are in different units."""
    choose = random.Random(DATA_BANK_SEED)  # noqa: S311 - must be reproducible.
    able = [one for one in bank.people if not one.head]
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
    container: Container, plan: _Moved, committed: float
) -> tuple[list[float], list[float]]:
    """Return for each person when they were out of all groups that they left, and in all others."""
    gone: dict[PersonId, float] = {}
    followed: dict[PersonId, float] = {}
    while len(gone) < len(plan.leaving) or len(followed) < len(plan.coming):
        now = time.monotonic() - committed
        if now > LIMIT_S:
            lacking = len(plan.leaving) - len(gone), len(plan.coming) - len(followed)
            raise RuntimeError(f"after {LIMIT_S} s, still listed and not yet listed: {lacking}")
        waiting = [one for one in plan.leaving if one not in gone or one not in followed]
        listed: dict[PersonId, set[ConversationId]] = {}
        async with container.database.reading() as connection:
            for some in chunks(waiting):
                for c, own in (await leaves.of_people(connection, some)).items():
                    for leaf in own:
                        listed.setdefault(leaf.leaf.person_id, set()).add(c)
        for one in waiting:
            there = listed.get(one, set())
            if not plan.leaving[one] & there:
                gone.setdefault(one, now)
            if plan.coming[one] <= there:
                followed.setdefault(one, now)
        await asyncio.sleep(LOOK_S)
    return list(gone.values()), list(followed.values())
