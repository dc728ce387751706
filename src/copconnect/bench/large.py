"""What a conversation of a whole force costs the Delivery Service alone, on SQLite, in process.

Creating it, changing its roster by one person, a cell's roster, a sealed message, and a page of the
log. The cells count as founded and keyed by rows; seals hold noise of the right size, which nobody
opens here: the server cannot tell.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, update

from copconnect import wire
from copconnect.app import Container, command_line
from copconnect.bench.figures import say
from copconnect.bench.force import Device, Force
from copconnect.bench.noise import sealed_with_noise
from copconnect.delivery import key_store
from copconnect.delivery.roster_tree import leaf
from copconnect.delivery.tables import CELL_KEYS, CELLS
from copconnect.ids import CellId, ClientId, ConversationId, PersonId, Seq, new_id
from copconnect.principals import Caller
from copconnect.settings import Settings

EVERYONE = wire.Audience(everyone=True, unit_ids=[], deep=False)
Work = Callable[[], Awaitable[object]]


def measure(
    force: Force, folder: Path, rounds: int, cell_size: int = wire.CELL_SIZE
) -> Mapping[str, float | int]:
    """Return the figures. ``folder`` is for a copy of the force's database."""
    database = folder / "large.sqlite3"
    shutil.copyfile(force.database, database)
    url = f"sqlite+aiosqlite:///{database}"
    settings = Settings(
        data_dir=force.folder, database_url=url, cell_size=cell_size, suite="x25519"
    )
    return asyncio.run(_measure(settings, force.devices, rounds))


async def _measure(
    settings: Settings, devices: Sequence[Device], rounds: int
) -> Mapping[str, float | int]:
    figures: dict[str, float | int] = {"members": len(devices)}
    async with command_line(settings) as container:
        service = container.delivery
        conversation_id = ConversationId(new_id())
        async with container.database.reading() as connection:
            (creator, *_) = await container.roster.leaders(connection, EVERYONE)

        async def create() -> None:
            body = wire.CreateConversation(
                conversation_id=conversation_id,
                kind="announcement",
                cell_id=new_id(),
                person_ids=[],
                who_may_post="everyone",
                audience=EVERYONE,
            )
            _, figures["cells"] = await service.audiences.create_for(creator, body)

        say("Creating the conversation …")
        figures["create_s"], figures["create_cpu_s"] = await _timed(create)
        await _found(container, conversation_id)
        sender = next(one for one in devices if one.person_id == creator)
        say("Changing the roster …")
        others = [one for one in devices if one.person_id != creator]

        async def edit() -> None:
            async with container.database.transaction() as connection:
                gone = [ClientId(others.pop().client_id)]
                await service.clients_removed(connection, gone, "department")

        await _middle(figures, "edit", edit, rounds)
        caller = _caller(sender)
        own = (await service.membership.conversation(caller, conversation_id)).cells[0].cell_id
        rosters = service.rosters
        await _middle(
            figures, "cell_roster", lambda: rosters.of_cell(caller, conversation_id, own), rounds
        )
        say("Posting sealed messages …")
        await _post(container, conversation_id, own, sender, figures, rounds)
    return figures


async def _found(container: Container, conversation_id: ConversationId) -> None:
    async with container.database.transaction() as connection:
        now_ms = container.clock.now_ms()
        states = await key_store.states(connection, conversation_id, now_ms)
        for version, one in enumerate(states):
            key_id = os.urandom(16)
            await connection.execute(
                update(CELLS).where(CELLS.c.cell_id == one.cell_id).values(epoch=1, key_id=key_id)
            )
            await connection.execute(
                insert(CELL_KEYS).values(
                    cell_id=one.cell_id,
                    epoch=1,
                    conversation_id=conversation_id,
                    key_id=key_id,
                    record=b"",
                    signer_certificate_hash="",
                    signer_proof=b"",
                    created_ms=now_ms,
                    version=version,
                )
            )


async def _post(
    container: Container,
    conversation_id: ConversationId,
    own: CellId,
    sender: Device,
    figures: dict[str, float | int],
    rounds: int,
) -> None:
    service, caller = container.delivery, _caller(sender)
    roster = await service.rosters.of_cell(caller, conversation_id, own)
    async with container.database.reading() as connection:
        states = await key_store.states(connection, conversation_id, container.clock.now_ms())
        tree = await service.trees.tree(connection, conversation_id, roster.head)
    proof = tree.inclusion_proof(leaf(own, sender.certificate_hash))
    keys = {one.cell_id: one.key_id for one in states if one.key_id is not None and one.ready}
    key = Ed25519PrivateKey.from_private_bytes(sender.private_key)
    chain = wire.SenderChain(seq=0, prev=bytes(32))
    walls: list[float] = []
    cpus: list[float] = []
    last = Seq(0)
    for _ in range(rounds):
        message = sealed_with_noise(
            conversation_id, keys, key, sender.certificate, chain, roster.head, proof
        )
        figures["upload_bytes"] = len(message.seals) + len(message.body) + len(message.sealed)

        async def post(message: wire.PostSealed = message) -> None:
            nonlocal last
            last = (await service.sealed.post(caller, conversation_id, message)).seq

        before = container.database.statements
        wall, cpu = await _timed(post)
        figures["post_statements"] = container.database.statements - before
        walls.append(wall)
        cpus.append(cpu)
        chain = await service.sealed.chain(caller, conversation_id)
    figures["post_ms"], figures["post_cpu_ms"] = 1000 * median(walls), 1000 * median(cpus)
    behind = last - rounds

    async def page() -> None:
        found = await service.log.page(caller, conversation_id, behind, 200)
        if len(found.entries) != rounds:
            raise RuntimeError("the log lacks messages")

    await page()
    await _middle(figures, "log_page", page, rounds)


async def _timed(work: Work) -> tuple[float, float]:
    """Return seconds on the clock, and of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - wall, time.process_time() - cpu


async def _middle(figures: dict[str, float | int], name: str, work: Work, rounds: int) -> None:
    """Put the medians of several rounds into the figures, and what the first one took."""
    times = [await _timed(work) for _ in range(rounds + 1)]
    figures[f"{name}_first_ms"] = 1000 * times[0][0]
    figures[f"{name}_ms"] = 1000 * median(wall for wall, _ in times[1:])
    figures[f"{name}_cpu_ms"] = 1000 * median(cpu for _, cpu in times[1:])


def _caller(device: Device) -> Caller:
    return Caller(PersonId(device.person_id), ClientId(device.client_id), conduct_accepted=True)
