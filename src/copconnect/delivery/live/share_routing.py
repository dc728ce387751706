"""D4: routes what a device lacks to devices that may help, until it says that it has opened.

Every node keeps every request that was announced to it, and asks only devices that are connected to
it, one at a time. At once it asks one of the person's own other devices; where there is none, the
node at which the asking device is connected asks another person's device, the longest connected one
first. After two seconds, and every two seconds from then on, every node asks one more device. A
node does not ask a device that lacks the same secrets itself: where an author sealed a key as
rubbish, or to nobody, only the author is asked. When every device was asked, or 16 in vain, the
request rests for a minute, then for twice as long, up to an hour; it is kept until the secret
opens. A device that connects is asked about a few open requests a round. A device is asked
``MOST_ASKS`` times a minute at most (H4), so that a storm of requests spreads over many devices.
Requests are rows in the database, so a lost wake-up costs a scan's period and a crash costs
nothing. Deterministic: time is the clock's.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Protocol

import msgspec

from copconnect import wire
from copconnect.bus import ShareAskedWakeup, ShareDoneWakeup
from copconnect.delivery.dependencies import Dependencies
from copconnect.delivery.live import ask_store
from copconnect.delivery.live.ask_store import OpenRequest
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.store import rosters, shares
from copconnect.delivery.store.rosters import KeptHead
from copconnect.delivery.store.shares import Asker
from copconnect.ids import CellId, ClientId, ConversationId, DeviceId, PersonId
from copconnect.records.conversation.key_share import SecretKind, SecretName
from copconnect.sockets.feed import Online

AGAIN_MS = 2_000
PAUSE_MS = 60_000
LONGEST_PAUSE_MS = 60 * 60_000
AT_A_TIME = 16  # Devices that are asked in vain before a request rests.
RESTED_AT_ONCE = 30  # Requests that rested and are asked again in one round.
MOST_ASKS = 32  # Devices that one device is asked about in a minute.
MOST_OPEN = 20_000
SCAN_MS = 15_000
_MINUTE_MS = 60_000
_TOGETHER = 200
_MOST_SCANNED = 5_000
_HELPERS = 64  # Helpers that are looked for at a time.
_OF_CELL = 3  # Turns in which devices of the asking device's cell come first.
_Helpers = tuple[ConversationId, CellId | None, frozenset[bytes]]
# Whom to ask for which secrets.
_Question = tuple[ClientId, ConversationId, tuple[SecretName, ...]]


class Connected(Protocol):
    """The devices that are connected to this node; the sockets know."""

    def online(
        self, conversation_id: ConversationId, cell_id: CellId | None = None
    ) -> Iterable[Online]:
        """Yield the devices of a conversation, or of one cell; the longest connected first."""
        ...

    def online_of_person(
        self, conversation_id: ConversationId, person_id: PersonId
    ) -> Iterable[Online]:
        """Yield the devices of a person in a conversation."""
        ...

    def here(self, client_id: ClientId) -> bool:
        """Return whether a client is connected here."""
        ...

    def push_to(self, client_id: ClientId, frame: wire.ServerFrame) -> bool:
        """Push a frame to a client; return whether it is connected here."""
        ...


@dataclass(slots=True, eq=False)
class _Request:
    """A device's open request. A device that asks for more begins another one, so that whoever was
    being told of the former meanwhile is asked again."""

    who: OpenRequest
    lacks: frozenset[bytes]
    due_ms: int
    own_only: bool  # In its next turn.
    asked: set[ClientId] = field(default_factory=set)
    turns: int = 0
    rests: int = 0  # How often it has rested.
    anew_ms: int = 0  # All devices were asked; everybody may be asked anew from then on.

    @property
    def key(self) -> Asker:
        """Return the conversation and the device that asks."""
        return self.who.conversation_id, self.who.device


@dataclass(frozen=True, slots=True)
class _Known:
    """Heads of conversations, and devices that ask: what helpers check, and what each lacks."""

    heads: Mapping[ConversationId, KeptHead]
    askers: Mapping[Asker, wire.ShareAsker]
    lacking: Mapping[Asker, Collection[SecretName]]


class ShareRouting:
    """The open requests as one node knows them."""

    def __init__(self, deps: Dependencies, connected: Callable[[], Connected]) -> None:
        self._deps = deps
        self._connected = connected
        self._open: dict[Asker, _Request] = {}
        self._lacking: dict[tuple[ConversationId, bytes], set[bytes]] = {}  # Devices, by secret.
        self._asks: Counter[ClientId] = Counter()
        self._minute_ms = 0
        self._scan_ms = 0
        self.waits: Callable[[ConversationId, Online, bytes], bool] = _never
        self._rested = 0  # Requests of this round that had rested.

    def __len__(self) -> int:
        return len(self._open)

    # --- What is announced ------------------------------------------------------------------

    def asked(self, wakeup: ShareAskedWakeup) -> ShareAskedWakeup | None:
        """A device lacks something. Returns what every node should hear: that this one, at which
        the device is connected, has nobody to ask."""
        who = OpenRequest(
            wakeup.conversation_id,
            bytes.fromhex(wakeup.device),
            wakeup.client_id,
            wakeup.person_id,
            wakeup.cell_id,
        )
        is_home = self._connected().here(wakeup.client_id)
        self._take(who, wakeup.lacks, is_home=is_home or wakeup.anybody)
        others = self._connected().online(who.conversation_id)
        if not is_home or wakeup.anybody or any(one.device != who.device for one in others):
            return None
        return msgspec.structs.replace(wakeup, anybody=True)

    def _take(self, who: OpenRequest, lacks: Iterable[bytes], *, is_home: bool) -> _Request:
        key, names = (who.conversation_id, who.device), frozenset(lacks)
        now_ms = self._deps.clock.now_ms()
        former = self._open.get(key)
        if former is not None and former.lacks == names:
            self._repeat(former, now_ms, is_home=is_home)
            return former
        self._drop(key)
        request = _Request(who, names, now_ms, own_only=not is_home)
        if former is not None:
            request.turns, request.rests = former.turns, former.rests
        self._open[key] = request  # The newest last.
        self._note(request)
        if len(self._open) > MOST_OPEN:
            self._drop(next(iter(self._open)))
        return request

    def _repeat(self, request: _Request, now_ms: int, *, is_home: bool) -> None:
        """A device asks for the same again: end the rest of its request."""
        if request.anew_ms:
            request.asked.clear()
            request.anew_ms = 0
            request.due_ms = now_ms
        if is_home and request.own_only:
            request.own_only = False
            request.due_ms = now_ms

    def _note(self, request: _Request) -> None:
        c, device = request.key
        for one in request.lacks:
            self._lacking.setdefault((c, one), set()).add(device)

    def _drop(self, key: Asker) -> _Request | None:
        request = self._open.pop(key, None)
        if request is not None:
            self._unnote(request)
        return request

    def _unnote(self, request: _Request) -> None:
        c, device = request.key
        for one in request.lacks:
            devices = self._lacking.get((c, one), set())
            devices.discard(device)
            if not devices:
                self._lacking.pop((c, one), None)

    def _change(self, request: _Request, lacks: Iterable[bytes]) -> None:
        self._unnote(request)
        request.lacks = frozenset(lacks)
        self._note(request)

    def done(self, wakeup: ShareDoneWakeup) -> None:
        """Forget secrets that a device could open, and its request once it lacks nothing."""
        key = wakeup.conversation_id, bytes.fromhex(wakeup.device)
        request = self._open.get(key)
        if request is not None and wakeup.lacks:
            self._change(request, wakeup.lacks)
        else:
            self._drop(key)

    def entered(self) -> None:
        """Devices have connected: they may help where nobody else could."""
        now_ms = self._deps.clock.now_ms()
        for request in self._open.values():
            if request.anew_ms:
                request.due_ms = now_ms

    # --- Asking -----------------------------------------------------------------------------

    async def work(self) -> None:
        """Ask for everything that is due. A constant number of statements."""
        now_ms = self._deps.clock.now_ms()
        if now_ms - self._minute_ms >= _MINUTE_MS:
            self._minute_ms = now_ms
            self._asks.clear()
        if now_ms - self._scan_ms >= SCAN_MS:
            self._scan_ms = now_ms
            await self._scan(now_ms)
        self._rested = 0
        while turns := self._turns(now_ms):
            await self._ask(turns, now_ms)

    def _turns(self, now_ms: int) -> list[tuple[_Request, Online]]:
        """Return some requests that are due, with whom to ask."""
        turns: list[tuple[_Request, Online]] = []
        helpers: dict[_Helpers, list[Online]] = {}
        for request in self._open.values():
            rested = request.anew_ms > 0
            if request.due_ms > now_ms or (rested and self._rested >= RESTED_AT_ONCE):
                continue
            chosen = self._choose(request, helpers)
            if chosen is None and 0 < request.anew_ms <= now_ms:
                request.asked.clear()
                chosen = self._choose(request, helpers)
            if chosen is None:
                self._rest(request, now_ms)
                continue
            self._rested += rested
            self._asks[chosen.client_id] += 1
            turns.append((request, chosen))
            if len(turns) == _TOGETHER:
                break
        return turns

    def _rest(self, request: _Request, now_ms: int) -> None:
        if request.own_only:  # Its person has no other device here; the others' turn comes.
            request.own_only = False
            request.due_ms = now_ms + AGAIN_MS
            return
        if request.anew_ms <= now_ms:
            pause_ms = min(PAUSE_MS << min(request.rests, 10), LONGEST_PAUSE_MS)
            request.rests += 1
            request.anew_ms = now_ms + pause_ms
        request.due_ms = request.anew_ms

    def _choose(self, request: _Request, helpers: dict[_Helpers, list[Online]]) -> Online | None:
        """Return the best device to ask in this turn. ``helpers``: devices that this round has
        found already."""
        who, connected = request.who, self._connected()
        found: Iterable[Online] = connected.online_of_person(who.conversation_id, who.person_id)
        if not request.own_only:
            # Others of its cell have a cell key; in later turns everybody is asked.
            lacks_cell_key = any(one[0] == SecretKind.CELL_KEY for one in request.lacks)
            own_cell_first = lacks_cell_key and request.turns < _OF_CELL
            cells = [who.cell_id, None] if own_cell_first else [None]
            found = chain(found, *(self._helpers(request, cell, helpers) for cell in cells))
        for one in found:
            fresh = one.client_id not in request.asked and one.device != who.device
            if fresh and self._may_help(one, request):
                return one
        return None

    def _helpers(
        self, request: _Request, cell_id: CellId | None, known: dict[_Helpers, list[Online]]
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
            first = known[place] = list(islice(there, _HELPERS))
        yield from first
        if len(first) == _HELPERS:
            yield from there

    def lacks(self, conversation_id: ConversationId, device: bytes, secret: bytes) -> bool:
        """Whether a device asks for a secret: its kind and reference."""
        return device in self._lacking.get((conversation_id, secret), ())

    def _may_help(self, one: Online, request: _Request) -> bool:
        """Whether a device was not asked too often and may hold one of the secrets."""
        if self._asks[one.client_id] >= MOST_ASKS:
            return False
        c = request.who.conversation_id
        # A device that waits for a late seal (S9) has not asked for a share, but may have got one.
        waits = self.waits if not request.rests else _never
        return not request.lacks or not all(
            self.lacks(c, one.device, secret) or waits(c, one, secret) for secret in request.lacks
        )

    async def _ask(self, turns: list[tuple[_Request, Online]], now_ms: int) -> None:
        known = await self._read([request for request, _ in turns])
        # Devices that lack the same, by whom to ask: one question is about many of them.
        questions: dict[_Question, list[wire.ShareAsker]] = defaultdict(list)
        for request, one in turns:
            key = request.key
            if self._open.get(key) is not request:
                continue  # It was done meanwhile, or its device asked for more.
            asker = known.askers.get(key)
            if asker is None:
                self._drop(key)  # It is done, or its device is not listed any more.
                continue
            part = _part(sorted(known.lacking[key]), request.turns)
            questions[one.client_id, key[0], part].append(asker)
            request.asked.add(one.client_id)
            request.own_only = False
            request.turns += 1
            request.anew_ms = 0
            request.due_ms = now_ms + AGAIN_MS
            if request.turns % AT_A_TIME == 0:
                self._rest(request, now_ms)
        for (client_id, c, part), askers in questions.items():
            for at in range(0, len(askers), wire.SHARES_AT_ONCE):
                frame = wire.ShareWanted(
                    conversation_id=c,
                    head=known.heads[c].head,
                    stamp=self._deps.stamps.of(c, known.heads[c].hash),
                    references=[
                        wire.ShareReference(kind=one.kind.value, reference=one.reference.hex())
                        for one in part
                    ],
                    askers=askers[at : at + wire.SHARES_AT_ONCE],
                )
                self._connected().push_to(client_id, frame)

    async def _read(self, requests: Collection[_Request]) -> _Known:
        """Return what helpers check about each of these devices, with its proof under the newest
        head; nothing of one that lacks nothing or is not listed."""
        deps = self._deps
        async with deps.database.reading() as connection:
            asking = {request.key: request for request in requests}
            lacking = await shares.requested(connection, asking)
            for key, names in lacking.items():
                if self._open.get(key) is asking[key]:
                    self._change(asking[key], _secrets(names))
            heads = await rosters.newest_heads(connection, {c for c, _ in lacking})
            known = {(c, head.epoch): head for c, head in heads.items()}
            asked = {(c, heads[c].epoch, device): (c, device) for c, device in lacking}
            proven = await prove(connection, deps.trees, asked, known)
            keys = await deps.devices.device_keys(connection, {device for _, device in lacking})
        askers: dict[Asker, wire.ShareAsker] = {}
        for place, proof in proven.proofs.items():
            key = asked[place]
            _, device = key
            askers[key] = wire.ShareAsker(
                device=DeviceId(device.hex()),
                person_id=asking[key].who.person_id,
                proof=proof,
                keys=[one.record for one in keys.get(device, ())],
            )
        return _Known(heads, askers, lacking)

    # --- Requests that were not announced -----------------------------------------------------

    async def _scan(self, now_ms: int) -> None:
        """Take up requests that this node has not heard of, and forget those that are done."""
        async with self._deps.database.reading() as connection:
            found = await ask_store.open_requests(connection, _MOST_SCANNED)
            news = {(one.conversation_id, one.device): one for one in found}
            news = {key: one for key, one in news.items() if key not in self._open}
            lacking = await shares.requested(connection, news) if news else {}
        there = {(one.conversation_id, one.device) for one in found}
        if len(found) < _MOST_SCANNED:
            for key in self._open.keys() - there:
                self._drop(key)
        for key, who in news.items():
            lacks = _secrets(lacking.get(key, ()))
            request = self._take(who, lacks, is_home=self._connected().here(who.client_id))
            request.due_ms = now_ms


def _never(_c: ConversationId, _one: Online, _secret: bytes) -> bool:
    return False


def _secrets(names: Iterable[SecretName]) -> list[bytes]:
    return [name.encode() for name in names]


def _part(lacking: list[SecretName], turn: int) -> tuple[SecretName, ...]:
    """Return as many names as one share may have, others in each turn."""
    most = wire.SHARE_SECRETS
    at = turn * most % len(lacking) // most * most
    return tuple(lacking[at : at + most])
