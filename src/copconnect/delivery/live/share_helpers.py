"""Chooses which device to ask for a share (D4): an asker's own other devices first, then others of
its cell for a cell key, then the devices that have been connected for longest.

It chooses no device that lacks the same secrets itself, or waits for a late seal of them: where an
author sealed a key as rubbish, or to nobody, only the author is asked. Nor does it choose one that
was asked about ``MOST_ASKS`` devices within the minute (H4).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from copconnect.delivery.live.ask_store import OpenRequest
from copconnect.delivery.store.shares import Asker
from copconnect.ids import CellId, ClientId, ConversationId
from copconnect.records.conversation.key_share import SecretKind
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Online

MOST_ASKS = 32  # Devices that one device is asked about in a minute.
LOOKED_AT = 64  # Helpers that are looked for at a time.
_OF_CELL = 3  # Turns in which devices of the asking device's cell come first.
Same = tuple[ConversationId, frozenset[bytes]]  # The secrets that devices lack alike.
Found = dict[tuple[ConversationId, CellId | None, frozenset[bytes]], list[Online]]


@dataclass(slots=True, eq=False)
class Question:
    """A question to a device."""

    helper: ClientId
    about: dict[Asker, "HelpedRequest"]  # Whose share has not come.
    due_ms: int  # When others are asked.
    working: bool = False  # The device has said that it makes the shares.
    answered: bool = False


@dataclass(slots=True, eq=False)
class HelpedRequest:
    """A device's open request. A device that asks for more begins another one, so that a helper
    that has the former question gets the new one too."""

    who: OpenRequest
    lacks: frozenset[bytes]
    due_ms: int
    asked: set[ClientId] = field(default_factory=set)
    turns: int = 0
    rests: int = 0  # How often it has rested.
    anew_ms: int = 0  # All devices were asked; everybody may be asked again from then on.
    question: Question | None = None  # That is not answered.

    @property
    def key(self) -> Asker:
        """Return the conversation and the device that asks."""
        return self.who.conversation_id, self.who.device

    @property
    def same(self) -> Same:
        """Return what it has in common with others."""
        return self.who.conversation_id, self.lacks


class HelperChoice:
    """The devices of a node that may help others, and how often each was asked."""

    def __init__(self, connected: Callable[[], Fanout]) -> None:
        self._connected = connected
        self._lacking: dict[tuple[ConversationId, bytes], set[bytes]] = {}  # Devices, by secret.
        self.asks: Counter[ClientId] = Counter()  # Within this minute.
        self.waits: Callable[[ConversationId, Online, bytes], bool] = _never

    def note(self, request: HelpedRequest) -> None:
        """Choose its device for nobody who lacks the same."""
        c, device = request.key
        for one in request.lacks:
            self._lacking.setdefault((c, one), set()).add(device)

    def unnote(self, request: HelpedRequest) -> None:
        """Forget a request."""
        c, device = request.key
        for one in request.lacks:
            devices = self._lacking.get((c, one), set())
            devices.discard(device)
            if not devices:
                self._lacking.pop((c, one), None)

    def change(self, request: HelpedRequest, lacks: Iterable[bytes]) -> None:
        """Note that its device lacks these."""
        self.unnote(request)
        request.lacks = frozenset(lacks)
        self.note(request)

    def has_own(self, request: HelpedRequest) -> bool:
        """Return whether another device of the same person is connected here."""
        who = request.who
        own = self._connected().online_of_person(who.conversation_id, who.person_id)
        return any(one.device != who.device for one in own)

    def choose(
        self,
        request: HelpedRequest,
        helpers: Found,
        busy: Collection[tuple[ClientId, ConversationId]],
    ) -> Online | None:
        """Return the best device to ask in this turn. ``helpers``: devices that this round has
        found already; ``busy``: devices that have not answered a question."""
        who, connected = request.who, self._connected()
        own = connected.online_of_person(who.conversation_id, who.person_id)
        # Others of its cell have a cell key; in later turns everybody is asked.
        lacks_cell_key = any(one[0] == SecretKind.CELL_KEY for one in request.lacks)
        own_cell_first = lacks_cell_key and request.turns < _OF_CELL
        cells = [who.cell_id, None] if own_cell_first else [None]
        for one in chain(own, *(self._helpers(request, cell, helpers) for cell in cells)):
            fresh = one.client_id not in request.asked and one.device != who.device
            free = (one.client_id, who.conversation_id) not in busy
            if fresh and free and self._may_help(one, request):
                return one
        return None

    def _helpers(
        self, request: HelpedRequest, cell_id: CellId | None, known: Found
    ) -> Iterator[Online]:
        """Yield devices that may hold the secrets of a request. ``known`` keeps the first of them
        for other requests of the same secrets."""
        c = request.who.conversation_id
        there = (
            one for one in self._connected().online(c, cell_id) if self._may_help(one, request)
        )
        place = c, cell_id, request.lacks
        first = known.get(place)
        if first is None:
            first = known[place] = list(islice(there, LOOKED_AT))
        yield from first
        # A request waits for these while they answer other questions: of a key that nobody can
        # open, each of thousands would else look through all devices.
        if len(first) == LOOKED_AT and all(one.client_id in request.asked for one in first):
            yield from there

    def lacks(self, conversation_id: ConversationId, device: bytes, secret: bytes) -> bool:
        """Whether a device asks for a secret: its kind and reference."""
        return device in self._lacking.get((conversation_id, secret), ())

    def _may_help(self, one: Online, request: HelpedRequest) -> bool:
        """Whether a device was not asked too often and may hold one of the secrets."""
        if self.asks[one.client_id] >= MOST_ASKS:
            return False
        c = request.who.conversation_id
        # A device that waits for a late seal (S9) has not asked for a share, but may have got one.
        waits = self.waits if not request.rests else _never
        return not request.lacks or not all(
            self.lacks(c, one.device, secret) or waits(c, one, secret) for secret in request.lacks
        )


def _never(_c: ConversationId, _one: Online, _secret: bytes) -> bool:
    return False
