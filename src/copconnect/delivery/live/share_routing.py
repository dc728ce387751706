"""D4: routes what a device lacks to devices that may help, until it says that it has opened.

Every node keeps every request that was announced to it, and asks devices that are connected to it
alone. At once it asks the person's own other devices; the node at which the asking device is
connected also asks others, those first that have been connected for longest, three in all. Two
seconds later, and every two seconds from then on, every node asks three more. When all were asked
it waits a minute and begins anew: a device may have come to hold the secret. A device that connects
is asked for what is still open. A device is asked ``MOST_ASKS`` times a minute at most (H4), so
that a storm of requests spreads over many. Requests are rows in the database, so a lost
wake-up costs a scan's period and a crash nothing. Deterministic: time is the clock's.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Protocol

from copconnect import wire
from copconnect.bus import ShareAskedWakeup, ShareDoneWakeup
from copconnect.delivery.dependencies import Dependencies
from copconnect.delivery.live import ask_store
from copconnect.delivery.live.ask_store import Asker, OpenRequest
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.store import rosters
from copconnect.ids import CellId, ClientId, ConversationId, DeviceId, PersonId
from copconnect.sockets.feed import Online

AT_ONCE = 3
AGAIN_MS = 2_000
PAUSE_MS = 60_000
MOST_ASKS = 30  # Requests to one device in a minute.
MOST_OPEN = 20_000
SCAN_MS = 15_000
_MINUTE_MS = 60_000
_TOGETHER = 200
_MOST_SCANNED = 5_000


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
    due_ms: int
    own_only: bool  # In its next turn.
    asked: set[ClientId] = field(default_factory=set)
    turns: int = 0
    anew_ms: int = 0  # All devices were asked; everybody may be asked anew from then on.

    @property
    def key(self) -> Asker:
        """Return the conversation and the device that asks."""
        return self.who.conversation_id, self.who.device


class ShareRouting:
    """The open requests as one node knows them."""

    def __init__(self, deps: Dependencies, connected: Callable[[], Connected]) -> None:
        self._deps = deps
        self._connected = connected
        self._open: dict[Asker, _Request] = {}
        self._asks: Counter[ClientId] = Counter()
        self._minute_ms = 0
        self._scan_ms = 0

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
            wakeup.of_cell,
        )
        is_home = self._connected().here(wakeup.client_id)
        request = self._take(who, is_home=is_home or wakeup.anybody)
        if not is_home or wakeup.anybody or next(self._candidates(request), None) is not None:
            return None
        return ShareAskedWakeup(
            conversation_id=wakeup.conversation_id,
            device=wakeup.device,
            client_id=wakeup.client_id,
            person_id=wakeup.person_id,
            of_cell=wakeup.of_cell,
            anybody=True,
        )

    def _take(self, who: OpenRequest, *, is_home: bool) -> _Request:
        key = who.conversation_id, who.device
        former = self._open.pop(key, None)
        turns = 0 if former is None else former.turns
        request = _Request(who, self._deps.clock.now_ms(), own_only=not is_home, turns=turns)
        self._open[key] = request  # The newest last.
        if len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]
        return request

    def done(self, wakeup: ShareDoneWakeup) -> None:
        """Everything that a device asked for has opened."""
        self._open.pop((wakeup.conversation_id, bytes.fromhex(wakeup.device)), None)

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
        while turns := self._turns(now_ms):
            await self._ask(turns, now_ms)

    def _turns(self, now_ms: int) -> list[tuple[_Request, list[Online]]]:
        """Return some requests that are due, with whom to ask."""
        turns: list[tuple[_Request, list[Online]]] = []
        for request in self._open.values():
            if request.due_ms > now_ms:
                continue
            if request.anew_ms and request.anew_ms <= now_ms:
                request.anew_ms = 0
                request.asked.clear()
            chosen = list(islice(self._candidates(request), AT_ONCE))
            if not chosen:
                self._rest(request, now_ms)
                continue
            turns.append((request, chosen))
            if len(turns) == _TOGETHER:
                break
        return turns

    def _rest(self, request: _Request, now_ms: int) -> None:
        if request.own_only:  # Its person has no other device here; the others' turn comes.
            request.own_only = False
            request.due_ms = now_ms + AGAIN_MS
            return
        request.anew_ms = request.anew_ms or now_ms + PAUSE_MS
        request.due_ms = request.anew_ms

    def _candidates(self, request: _Request) -> Iterator[Online]:
        """Yield whom to ask in this turn, the best first."""
        who, connected = request.who, self._connected()
        own = connected.online_of_person(who.conversation_id, who.person_id)
        others: Iterable[Online] = ()
        if not request.own_only:
            # Others of its cell have a cell key; in later turns everybody is asked.
            cell_id = who.of_cell if not request.turns else None
            others = connected.online(who.conversation_id, cell_id)
            if cell_id is not None:
                others = chain(others, connected.online(who.conversation_id))
        seen: set[ClientId] = set()
        for one in chain(own, others):
            fresh = one.client_id not in request.asked and one.client_id not in seen
            if fresh and one.device != who.device and self._asks[one.client_id] < MOST_ASKS:
                seen.add(one.client_id)
                yield one

    async def _ask(self, turns: list[tuple[_Request, list[Online]]], now_ms: int) -> None:
        frames = await self._frames([request for request, _ in turns])
        for request, chosen in turns:
            key = request.key
            if self._open.get(key) is not request:
                continue  # It was done meanwhile, or its device asked for more.
            frame = frames.get(key)
            if frame is None:
                del self._open[key]  # It is done, or its device is not listed any more.
                continue
            for one in chosen:
                self._connected().push_to(one.client_id, frame)
                request.asked.add(one.client_id)
                self._asks[one.client_id] += 1
            request.own_only = False
            request.turns += 1
            request.anew_ms = 0
            request.due_ms = now_ms + AGAIN_MS

    async def _frames(self, requests: Collection[_Request]) -> dict[Asker, wire.ShareWanted]:
        """Return what to tell helpers about each of these devices, with its proof under the newest
        head; nothing for one that lacks nothing or is not listed."""
        deps = self._deps
        async with deps.database.reading() as connection:
            asking = {request.key: request for request in requests}
            lacking = await ask_store.references(connection, list(asking))
            heads = await rosters.newest_heads(connection, {c for c, _ in lacking})
            known = {(c, head.epoch): head for c, head in heads.items()}
            asked = {(c, heads[c].epoch, device): (c, device) for c, device in lacking}
            proven = await prove(connection, deps.trees, asked, known)
            keys = await deps.devices.device_keys(connection, {device for _, device in lacking})
            stamps = {c: deps.stamps.of(c, head.hash) for c, head in heads.items()}
        frames: dict[Asker, wire.ShareWanted] = {}
        for place, proof in proven.proofs.items():
            key = asked[place]
            c, device = key
            request = asking[key]
            frames[key] = wire.ShareWanted(
                conversation_id=c,
                device=DeviceId(device.hex()),
                person_id=request.who.person_id,
                head=heads[c].head,
                stamp=stamps[c],
                proof=proof,
                keys=[one.record for one in keys.get(device, ())],
                references=_part(lacking[key], request.turns),
            )
        return frames

    # --- Requests that were not announced -----------------------------------------------------

    async def _scan(self, now_ms: int) -> None:
        """Take up requests that this node has not heard of, and forget those that are done."""
        async with self._deps.database.reading() as connection:
            found = await ask_store.open_requests(connection, _MOST_SCANNED)
        there = {(one.conversation_id, one.device) for one in found}
        if len(found) < _MOST_SCANNED:
            for key in self._open.keys() - there:
                del self._open[key]
        for who in found:
            if (who.conversation_id, who.device) not in self._open:
                request = self._take(who, is_home=self._connected().here(who.client_id))
                request.due_ms = now_ms


def _part(lacking: list[tuple[int, bytes]], turn: int) -> list[wire.ShareReference]:
    """Return as many references as one share may have, others in each turn."""
    most = wire.SHARE_SECRETS
    at = turn * most % len(lacking) // most * most
    return [
        wire.ShareReference(kind=kind, reference=reference.hex())  # type: ignore[arg-type]
        for kind, reference in lacking[at : at + most]
    ]
