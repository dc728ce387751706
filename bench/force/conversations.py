"""Conversations of a force whose people follow the data bank, with a key for every cell.

Members, leaves, cell lines and the signed head are made by the server's own code
(delivery/rosters), as ``copconnect conversations create`` does. The first device of each cell makes
its key (C1) and seals it to every device of the cell; that is done by as many processes as there
are processors, and the server's own code takes the records, so a seal that it would refuse ends the
making. There is no conversation key yet: it would be too old a day later.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import insert

from bench.figures import say
from bench.force import caching
from bench.force.caching import Force
from bench.force.device import Device
from bench.force.making import Past, opened, settings_of
from bench.force.operator import OPERATOR
from bench.force.sealing import sealed_to
from bench.machine import copying, pool
from copconnect import wire
from copconnect.app import Container
from copconnect.clock import SystemClock
from copconnect.delivery.store import leaves
from copconnect.delivery.store.tables import CELL_KEY_ASKS
from copconnect.directory.names import english
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.roster import RosterHead
from copconnect.sealing.keys import make_cell_key, new_secret

CONVERSATIONS = "conversations.msgpack"
EVERYONE = wire.Audience(include=[wire.Clause(everyone=True)])


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """A cell with its secret C; ``members`` are indices of the force's devices, ascending by
    device."""

    cell_id: CellId
    secret: bytes
    key_id: bytes
    members: list[int]


class Conversation(msgspec.Struct, frozen=True, array_like=True):
    """A conversation with its first head."""

    conversation_id: ConversationId
    head: bytes
    cells: list[Cell]

    @property
    def devices(self) -> int:
        """How many devices it lists."""
        return sum(len(cell.members) for cell in self.cells)


class Prepared(msgspec.Struct, frozen=True):
    """Conversations of a force, and the database that holds them."""

    force: Force
    database: Path
    conversations: list[Conversation]


def prepared(
    force: Force,
    rules: Sequence[wire.Audience] = (EVERYONE,),
    name: str = "everyone",
    cell_size: int = wire.CELL_SIZE,
    days: float = 0,
) -> Prepared:
    """Return a conversation for each rule, made now if they are not in the cache. ``days``: how
    long ago they were created; cell keys are of today."""

    async def make(folder: Path) -> None:
        await _make(force, folder, rules, cell_size, days)

    cache = force.folder.parent
    folder = caching.kept(cache, f"{name}-{cell_size}-of-{force.folder.name}", make)
    file = folder / CONVERSATIONS
    found = msgspec.msgpack.decode(file.read_bytes(), type=list[Conversation])
    return Prepared(force, folder / caching.DATABASE, found)


async def _make(
    force: Force, folder: Path, rules: Sequence[wire.Audience], cell_size: int, days: float
) -> None:
    database = folder / caching.DATABASE
    copying.to_file(force.database, database)
    url = f"sqlite+aiosqlite:///{database}"
    settings = settings_of(force.folder, database_url=url, cell_size=cell_size)
    places = {one.device: index for index, one in enumerate(force.devices)}
    created: list[ConversationId] = []
    async with opened(settings, Past(days)) as container:
        for number, rule in enumerate(rules):
            create = container.delivery.audiences.create_for_department
            title = english(f"Group {number + 1:03}")
            conversation_id, people, devices = await create(OPERATOR, rule, title, talk=True)
            say(f"A conversation of {people:,} people and {devices:,} devices is made.")
            created.append(conversation_id)
    async with opened(settings, SystemClock()) as container:
        made = [await _found_cells(container, force, one, places) for one in created]
    (folder / CONVERSATIONS).write_bytes(msgspec.msgpack.encode(made))


async def _found_cells(
    container: Container,
    force: Force,
    conversation_id: ConversationId,
    places: Mapping[bytes, int],
) -> Conversation:
    """Make every cell's key, as if each cell's first device had been asked for it."""
    delivery = container.delivery
    async with container.database.reading() as connection:
        listed = await leaves.all_current(connection, conversation_id)
    cells: dict[CellId, list[int]] = {}
    for one in sorted(listed, key=lambda placed: placed.leaf.device):
        cells.setdefault(one.cell_id, []).append(places[one.leaf.device])
    first = force.devices[places[listed[0].leaf.device]]
    state = await delivery.rosters.state(first.caller, conversation_id)
    head = RosterHead.parse(state.head)
    if len(cells) == 1:  # Sealed to directly.
        ((cell_id, members),) = cells.items()
        return Conversation(conversation_id, state.head, [Cell(cell_id, b"", b"", members)])
    now_ms = container.clock.now_ms()
    work = [
        _Work(state.head, cell_id, [force.devices[one] for one in members], now_ms)
        for cell_id, members in cells.items()
    ]
    found: list[Cell] = []
    for at, sealed in enumerate(_sealed(work)):
        author = work[at].members[0]
        async with container.database.transaction() as connection:
            await connection.execute(
                insert(CELL_KEY_ASKS).values(
                    conversation_id=conversation_id,
                    cell_id=work[at].cell_id,
                    epoch=head.epoch,
                    generation=1,
                    device=author.device,
                    asked_ms=work[at].now_ms,
                )
            )
        body = wire.SubmitCellKey(record=sealed.record, seals=sealed.seals, left_out=[])
        await delivery.cell_keys.submit(author.caller, conversation_id, body)
        key_id = CellKey.parse(sealed.record).key_id()
        cell_id = work[at].cell_id
        found.append(Cell(cell_id, sealed.secret, key_id, cells[cell_id]))
        if (at + 1) % 50 == 0:
            say(f"{at + 1} of {len(work)} cells have their key.")
    return Conversation(conversation_id, state.head, found)


# --- Sealing, by as many processes as there are processors ----------------------------------------


class _Work(msgspec.Struct, frozen=True):
    head: bytes
    cell_id: CellId
    members: list[Device]
    now_ms: int


class _Sealed(msgspec.Struct, frozen=True):
    secret: bytes
    record: bytes
    seals: bytes


def _sealed(work: Sequence[_Work]) -> Iterator[_Sealed]:
    yield from pool.shared_out(_seal, work, sum(len(one.members) for one in work))


def _seal(work: _Work) -> _Sealed:
    author, secret = work.members[0], new_secret()
    record = make_cell_key(
        secret,
        author.signer,
        head=RosterHead.parse(work.head),
        cell_id=bytes.fromhex(work.cell_id),
        generation=1,
        author=author.device,
        now=work.now_ms,
    )
    seals = sealed_to(secret, record.seal_info, work.members)
    return _Sealed(secret, record.encode(), seals)
