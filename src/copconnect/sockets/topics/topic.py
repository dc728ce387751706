"""A conversation as this node's connections see it: who sits in which cell, how far it has come.

Pure bookkeeping: no I/O, no encoding.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable

from copconnect.bus import CellKeyWakeup, EntryWakeup, KeyWakeup
from copconnect.ids import CellId, ConversationId
from copconnect.sockets.connections.connection import Connection

Queued = EntryWakeup | KeyWakeup | CellKeyWakeup
UNKNOWN = -1
_MOST_SENDERS = 1_000
_MOST_KEYS = 64


class Senders:
    """The senders whose records and leaf this conversation's readers have been given."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def lacks(self, wakeup: EntryWakeup, trust: int) -> tuple[set[int], bool]:
        """Return what readers of a message may lack: heads and proofs of these epochs (R2), and
        the records of the sender's person. ``trust`` counts changes of those records."""
        known = self._known.get(wakeup.device)
        if known == (wakeup.epoch, wakeup.named_epoch, trust):
            return set(), False
        return {wakeup.epoch, wakeup.named_epoch}, known is None or known[2] != trust

    def given(self, wakeup: EntryWakeup, trust: int) -> None:
        """Readers have what they need for this sender at this message's epochs."""
        self._known[wakeup.device] = wakeup.epoch, wakeup.named_epoch, trust
        self._known.move_to_end(wakeup.device)
        if len(self._known) > _MOST_SENDERS:
            self._known.popitem(last=False)


class Topic:
    """Connections of one conversation.

    ``head`` is the last seq passed on, ``taken`` the last one whose turn has come: those between
    wait in ``queue``, with new keys in the order in which they came. ``held`` are messages that
    arrived before their turn; ``wanted`` is the newest seq that is known to be in the log.
    ``epoch`` is the roster epoch that the seats are of, ``wanted_epoch`` the newest that is known
    to be there. Changes after ``base`` are in the seats; changes before it are only for clients
    that have entered since. ``unread``: changes after this epoch are to be read, which is under way
    while ``catching_up``. ``unused``: the newest key, while no message is under it: a client that
    enters is given it, so that not everybody asks for it once there is one; "" while there is none,
    None while that is not known.
    """

    __slots__ = (
        "_keys",
        "base",
        "catching_up",
        "cells",
        "conversation_id",
        "epoch",
        "head",
        "held",
        "pumping",
        "queue",
        "repairing",
        "seats",
        "senders",
        "taken",
        "unread",
        "unused",
        "wanted",
        "wanted_epoch",
    )

    def __init__(self, conversation_id: ConversationId, head: int, epoch: int) -> None:
        """``head``: UNKNOWN until it is read."""
        self.conversation_id = conversation_id
        self.head = self.taken = self.wanted = head
        self.epoch = self.base = self.wanted_epoch = epoch
        self.unread: int | None = None
        self.unused: str | None = None
        self.held: dict[int, EntryWakeup] = {}
        self.queue: deque[Queued] = deque()
        self.seats: dict[Connection, CellId] = {}
        self.cells: dict[CellId, dict[Connection, None]] = {}
        self.senders = Senders()
        self.pumping = self.repairing = self.catching_up = False
        self._keys: deque[str] = deque(maxlen=_MOST_KEYS)

    @property
    def idle(self) -> bool:
        """Whether no connection of this node belongs and nothing is under way."""
        return not (self.seats or self.pumping or self.repairing or self.catching_up)

    @property
    def connections(self) -> Iterable[Connection]:
        """Everybody here, in the order in which they came in.

        The memory of connections, the kernel's too, lies roughly in that order: tens of thousands
        of sockets are written to soonest in it.
        """
        return self.seats.keys()

    def seat(self, connection: Connection, cell_id: CellId) -> bool:
        """Give a connection its seat; return whether it had another or none."""
        former = self.seats.get(connection)
        if former == cell_id:
            return False
        if former is not None:
            self._leave_cell(connection, former)
        self.seats[connection] = cell_id
        self.cells.setdefault(cell_id, {})[connection] = None
        return True

    def unseat(self, connection: Connection) -> bool:
        """Take a connection's seat away; return whether it had one."""
        cell_id = self.seats.pop(connection, None)
        if cell_id is None:
            return False
        self._leave_cell(connection, cell_id)
        return True

    def _leave_cell(self, connection: Connection, cell_id: CellId) -> None:
        there = self.cells[cell_id]
        del there[connection]
        if not there:
            del self.cells[cell_id]

    def begin(self, head: int) -> None:
        """It is known by now where the log stands."""
        if self.head == UNKNOWN:
            self.head = self.taken = head
            self.wanted = max(self.wanted, head)
            self.drop_held()

    def skip_to(self, seq: int) -> None:
        """The topic keeps no message up to this seq."""
        self.taken = max(self.taken, seq)
        if not self.queue:
            self.head = self.taken

    def drop_held(self) -> None:
        """Forget held entries whose turn has come."""
        for seq in [seq for seq in self.held if seq <= self.taken]:
            del self.held[seq]

    def new_key(self, key_id: str) -> bool:
        """Note a conversation key; return whether it is new here."""
        if key_id in self._keys:
            return False
        self._keys.append(key_id)
        self.unused = key_id
        return True

    def forget_key(self, key_id: str) -> None:
        """A conversation key could not be passed on."""
        if key_id in self._keys:
            self._keys.remove(key_id)
