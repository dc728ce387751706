"""The plan of a simulator process, its devices and conversations: a file of MessagePack."""

from collections.abc import Mapping, Sequence, Set

import msgspec

from bench.force.conversations import Conversation, Prepared
from bench.force.device import Device
from bench.force.history import History
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.message import LOG_START


class PlannedCell(msgspec.Struct, frozen=True, array_like=True):
    """A cell's key as its members hold it: id and C; empty where the conversation has one cell."""

    conversation: int
    cell_id: CellId
    key_id: bytes
    secret: bytes


class PlannedDevice(msgspec.Struct, frozen=True, array_like=True):
    """A device, and the cells it belongs to, one for each of its conversations."""

    device: Device
    cells: list[int]


class PlannedConversation(msgspec.Struct, frozen=True, array_like=True):
    """A conversation with a head that its devices hold, and what they have read: the newest seq,
    the log's hash there, and records and secrets of the keys."""

    conversation_id: ConversationId
    head: bytes
    seq: int = 0
    log_hash: bytes = LOG_START
    keys: list[tuple[bytes, bytes]] = []


class Population(msgspec.Struct, frozen=True, array_like=True):
    """The devices of one process. ``encapsulations``: a file of force/encapsulated.py."""

    conversations: list[PlannedConversation]
    cells: list[PlannedCell]
    devices: list[PlannedDevice]
    encapsulations: str | None = None


def populations(
    prepared: Prepared,
    processes: int,
    without: Set[bytes] = frozenset(),
    only: Set[bytes] | None = None,
    histories: Sequence[History] = (),
    encapsulations: str | None = None,
) -> list[Population]:
    """Deal the devices of prepared conversations, but some, or only some, over processes.
    ``histories``: what they have read, by conversation; ``encapsulations``: see Population."""
    conversations = [
        PlannedConversation(one.conversation_id, one.head) for one in prepared.conversations
    ]
    for number, one in enumerate(histories):
        conversation = prepared.conversations[number]
        conversations[number] = PlannedConversation(
            conversation.conversation_id, conversation.head, one.seq, one.log_hash, one.keys
        )
    cells = [
        PlannedCell(number, cell.cell_id, cell.key_id, cell.secret)
        for number, one in enumerate(prepared.conversations)
        for cell in one.cells
    ]
    places = _places(prepared.conversations)
    planned = [
        PlannedDevice(device, places[index])
        for index, device in enumerate(prepared.force.devices)
        if index in places
        and device.device not in without
        and (only is None or device.device in only)
    ]
    return [
        Population(conversations, cells, planned[first::processes], encapsulations)
        for first in range(processes)
    ]


def _places(conversations: Sequence[Conversation]) -> Mapping[int, list[int]]:
    """Return the cells of each of the force's devices, by their number over all conversations."""
    found: dict[int, list[int]] = {}
    number = 0
    for one in conversations:
        for cell in one.cells:
            for member in cell.members:
                found.setdefault(member, []).append(number)
            number += 1
    return found
