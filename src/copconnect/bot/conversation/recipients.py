"""S3 and S4: the device keys and cell keys to which a new conversation key is sealed.

Nothing is sealed to a device that the bot cannot confirm by the newest records of its person, or
whose key is missing or over 14 days old; such devices are left out by name (D2 asks for the names).
A cell key that does not pass affects its own cell alone: its devices are sealed to directly while
direct seals are at most 1,024, else they ask for shares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from copconnect import wire
from copconnect.bot.context import Context
from copconnect.bot.conversation.place import Place
from copconnect.bot.state.rows import CellTableRow
from copconnect.ids import ConversationId, DeviceId
from copconnect.limits import DIRECT_SEALS
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.roster import CellLine, Leaf, RosterHead
from copconnect.records.primitives import merkle
from copconnect.records.primitives.fields import Reader, Refused, ascending, require
from copconnect.records.primitives.signed import SealableRecord
from copconnect.records.trust.confirmed import confirmed


@dataclass(frozen=True, slots=True)
class CheckedCell:
    """A cell under a head. ``only``: the head lists no other."""

    line: CellLine
    leaves: list[Leaf]
    only: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Keys to seal to, and the devices that get nothing from here."""

    keys: list[SealableRecord]
    left_out: list[DeviceId]


def check_cell(head: RosterHead, cell: wire.CellLeaves, rule: str) -> CheckedCell:
    """Check the leaves, line and path of a cell under a head. Raises Refused by ``rule``."""
    if cell.head != head.encode():
        raise Refused("S1", "there is a newer head")
    leaves = _leaves(cell.leaves, rule)
    reader = Reader(cell.line, rule)
    line = CellLine.read(reader)
    reader.end()
    path = Reader(cell.path, rule)
    top = merkle.climb(merkle.leaf_hash(line.encode()), path)
    path.end()
    require(top == head.root, rule, "the cell is not the head's")
    fits = len(leaves) == line.devices and all(one.cell_id == line.cell_id for one in leaves)
    require(fits and ascending([one.device for one in leaves]), rule, "leaves do not fit")
    root = merkle.root([merkle.leaf_hash(one.encode()) for one in leaves])
    require(root == line.root, rule, "leaves are not the cell's")
    return CheckedCell(line, leaves, len(leaves) == head.devices)


async def plan_for(
    context: Context, place: Place, head: RosterHead, *, patient: bool
) -> Plan | None:
    """Return to whom a new key is sealed under the newest head. ``patient``: None where cells lack
    keys and have more devices than are sealed to directly. Raises Refused, and what the API
    raises."""
    api = context.api
    own = check_cell(head, await api.own_cell(place.id), "S3")
    if own.only:
        return await direct_plan(context, place, own.leaves, head)
    lines, usable = await _cell_table(context, place.id, head)
    if place.knowledge.people is not None:
        usable = {}  # A cell key would hide whose devices hold it (R10).
    open_lines = [one for one in lines if one.cell_id not in usable]
    cell_keys: list[SealableRecord] = list(usable.values())
    if sum(one.devices for one in open_lines) > DIRECT_SEALS:
        return None if patient else Plan(cell_keys, [])
    leaves: list[Leaf] = []
    for line in open_lines:
        if line.cell_id == own.line.cell_id:
            leaves += own.leaves
        else:
            answer = await api.cell(place.id, line.cell_id)
            leaves += check_cell(head, answer, "S3").leaves
    direct = await direct_plan(context, place, leaves, head)
    return Plan([*direct.keys, *cell_keys], direct.left_out)


async def direct_plan(
    context: Context, place: Place, leaves: Sequence[Leaf], head: RosterHead
) -> Plan:
    """Return the keys of these devices, by the newest records of their people; none of a third
    person's in a direct conversation (R10)."""
    parties = place.parties(leaves)
    await context.people.ensure([one.person_id for one in parties], keys=True, fresh=True)
    now = context.time.require_now()
    keys: list[SealableRecord] = []
    left_out = [DeviceId(leaf.device.hex()) for leaf in leaves if leaf not in parties]
    for leaf in parties:
        try:
            found = confirmed(context.people.trust, leaf.device, now, "S3")
            require(found.person_id == leaf.person_id, "S3", "another person's device")
            keys.append(context.people.device_key(leaf.device, head.kem, now))
        except Refused:
            left_out.append(DeviceId(leaf.device.hex()))
    return Plan(keys, left_out)


async def _cell_table(
    context: Context, conversation_id: ConversationId, head: RosterHead
) -> tuple[list[CellLine], Mapping[bytes, CellKey]]:
    """Return all cells under a head, and the usable keys by cell (S4)."""
    store = context.stores.cell_tables
    kept = store.get(conversation_id) or CellTableRow(version=0, keys=[])
    answer = await context.api.cell_keys(conversation_id, kept.version)
    if answer.head != head.encode():
        raise Refused("S1", "there is a newer head")
    lines = _lines(head, answer.lines)
    given = [(item.record, item.author_proof) for item in answer.keys]
    by_cell: dict[bytes, tuple[bytes, bytes]] = {}
    for record, proof in [*kept.keys, *given]:
        try:
            by_cell[CellKey.parse(record).cell_id] = record, proof
        except Refused:
            continue
    store.put(conversation_id, CellTableRow(version=answer.version, keys=list(by_cell.values())))
    return lines, await _usable(context, head, lines, by_cell)


async def _usable(
    context: Context,
    head: RosterHead,
    lines: Sequence[CellLine],
    by_cell: Mapping[bytes, tuple[bytes, bytes]],
) -> Mapping[bytes, CellKey]:
    proven: list[tuple[CellKey, Leaf, CellLine]] = []
    for line in lines:
        try:
            if line.cell_id in by_cell:
                record, proof = by_cell[line.cell_id]
                key = CellKey.parse(record)
                proven.append((key, _check_in_cell(line, key.author, proof), line))
        except Refused:
            continue
    await context.people.ensure([leaf.person_id for _, leaf, _ in proven])
    now = context.time.require_now()
    usable: dict[bytes, CellKey] = {}
    for key, leaf, line in proven:
        try:
            author = confirmed(context.people.trust, key.author, now, "S4")
            require(author.person_id == leaf.person_id, "S4", "leaf names another person")
            key.check_usable(head, (leaf, line), author.public_key, now)
            same_head = key.epoch != head.epoch or key.head == head.hash()
            require(same_head, "S4", "another roster head")
            usable[line.cell_id] = key
        except Refused:
            continue
    return usable


def _check_in_cell(line: CellLine, device: bytes, proof: bytes) -> Leaf:
    """Return the leaf that leaf ‖ path shows in a cell. Raises Refused (S4)."""
    reader = Reader(proof, "S4")
    leaf = Leaf.read(reader)
    root = merkle.climb(merkle.leaf_hash(leaf.encode()), reader)
    reader.end()
    listed = root == line.root and (leaf.device, leaf.cell_id) == (device, line.cell_id)
    require(listed, "S4", "author is not listed in the cell")
    return leaf


def _leaves(data: bytes, rule: str) -> list[Leaf]:
    reader = Reader(data, rule)
    found: list[Leaf] = []
    while reader.at < len(data):
        found.append(Leaf.read(reader))
    return found


def _lines(head: RosterHead, data: bytes) -> list[CellLine]:
    reader = Reader(data, "S4")
    found: list[CellLine] = []
    while reader.at < len(data):
        found.append(CellLine.read(reader))
    root = merkle.root([merkle.leaf_hash(one.encode()) for one in found])
    require(root == head.root, "S4", "lines are not the head's")
    return found
