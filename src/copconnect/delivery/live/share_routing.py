"""D4: routes what a device lacks to devices that may help, until it says that it has opened.

Every node keeps every request that was announced to it, and asks only devices that are connected to
it: the person's own other devices first, then other people's, the longest connected ones first.
The node at which the asking device is connected begins at once, others after two seconds; each
claims a request in the database before it asks, so that one device at a time is asked about it,
whichever node asks. The next device is asked after two seconds; if the first one has said that it
makes the share, or has sent it, after ten; at once if its connection has ended. One question is
about up to 16 devices that lack the same. While a node waits for an answer, it gathers further
requests for the next question, unless they fill one.

When every device was asked, or 16 in vain, the
request rests for a minute, then for twice as long, up to an hour; it is kept until the secret
opens. A device that connects is asked about a few open requests a round. A device is asked about
``MOST_ASKS`` others a minute at most (H4), so that a storm of requests spreads over many devices;
about none for the rest of the minute if it has let ten seconds pass.
Requests are rows in the database, so a lost wake-up costs a scan's period and a crash costs
nothing. Deterministic: time is the clock's.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from copconnect import wire
from copconnect.bus import ShareAskedWakeup, ShareDoneWakeup, ShareWakeup
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.live import ask_store
from copconnect.delivery.live.ask_store import OpenRequest
from copconnect.delivery.live.share_helpers import (
    MOST_ASKS,
    Found,
    HelpedRequest,
    HelperChoice,
    Question,
    Same,
)
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.rules.limits import HELPED_MS
from copconnect.delivery.store import rosters, shares
from copconnect.delivery.store.rosters import KeptHead
from copconnect.delivery.store.shares import Asker
from copconnect.ids import ClientId, ConversationId, DeviceId
from copconnect.records.conversation.key_share import SecretName
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import Online

AGAIN_MS = 2_000
PAUSE_MS = 60_000
LONGEST_PAUSE_MS = 60 * 60_000
AT_A_TIME = 16  # Devices that are asked in vain before a request rests.
RESTED_AT_ONCE = 30  # Requests that rested and are asked again in one round.
MOST_OPEN = 20_000
SCAN_MS = 15_000
_MINUTE_MS = 60_000
_TOGETHER = 200
_MOST_SCANNED = 5_000
# A device that is asked, in a conversation, for secrets.
_SecretsAsked = tuple[ClientId, ConversationId, tuple[SecretName, ...]]


@dataclass(frozen=True, slots=True)
class _ShareContext:
    """Heads of conversations, and devices that ask: what helpers check, and the secrets that this
    node may ask for."""

    heads: Mapping[ConversationId, KeptHead]
    askers: Mapping[Asker, wire.ShareAsker]
    claimed: Mapping[Asker, Collection[SecretName]]


class ShareRouting:
    """The open requests as one node knows them."""

    def __init__(self, deps: DeliveryDependencies, connected: Callable[[], Fanout]) -> None:
        self._deps = deps
        self._connected = connected
        self.choice = HelperChoice(connected)
        self._open: dict[Asker, HelpedRequest] = {}
        self.questions: dict[tuple[ClientId, ConversationId], Question] = {}
        self._freed: set[Asker] = set()  # To be claimed no more.
        self._helped: dict[Asker, int] = {}  # To be claimed for longer, until when.
        self._minute_ms = 0
        self._scan_ms = 0
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
        self._add_request(who, wakeup.lacks, at_once=is_home or wakeup.anybody)
        others = self._connected().online(who.conversation_id)
        if not is_home or wakeup.anybody or any(one.device != who.device for one in others):
            return None
        return msgspec.structs.replace(wakeup, anybody=True)

    def _add_request(self, who: OpenRequest, lacks: Iterable[bytes], *, at_once: bool) -> None:
        key, names = (who.conversation_id, who.device), frozenset(lacks)
        now_ms = self._deps.clock.now_ms()
        former = self._open.get(key)
        if former is not None and former.lacks == names:
            self._repeat(former, now_ms, at_once=at_once)
            return
        self._drop(key)
        request = HelpedRequest(who, names, now_ms if at_once else now_ms + AGAIN_MS)
        if former is not None:
            request.turns, request.rests = former.turns, former.rests
        self._open[key] = request  # The newest last.
        self.choice.note(request)
        if len(self._open) > MOST_OPEN:
            self._drop(next(iter(self._open)))

    def _repeat(self, request: HelpedRequest, now_ms: int, *, at_once: bool) -> None:
        """A device asks for the same again: end the rest of its request."""
        if request.anew_ms:
            request.asked.clear()
            request.anew_ms = 0
            request.due_ms = now_ms
        if at_once and not request.turns:
            request.due_ms = now_ms

    def _drop(self, key: Asker) -> HelpedRequest | None:
        request = self._open.pop(key, None)
        if request is not None:
            self.choice.unnote(request)
            self._end(request)
        return request

    def done(self, wakeup: ShareDoneWakeup) -> None:
        """Forget secrets that a device could open, and its request once it lacks nothing."""
        key = wakeup.conversation_id, bytes.fromhex(wakeup.device)
        request = self._open.get(key)
        if request is None or not wakeup.lacks:
            self._drop(key)
            return
        self.choice.change(request, wakeup.lacks)
        if request.question is None and self._connected().here(request.who.client_id):
            self._free(key, request)

    def begun(self, client_id: ClientId, conversation_id: ConversationId) -> None:
        """A device says that it makes the shares that it was asked for."""
        question = self.questions.get((client_id, conversation_id))
        if question is not None and not question.working:
            question.working = True
            question.due_ms = self._deps.clock.now_ms() + HELPED_MS
            self._helped |= dict.fromkeys(question.about, question.due_ms)

    def shared(self, wakeup: ShareWakeup) -> None:
        """A share waits for a device, which says whether it opens."""
        request = self._open.get((wakeup.conversation_id, bytes.fromhex(wakeup.device)))
        if request is not None:
            if request.question is not None:
                request.question.answered = True
            self._end(request)
            request.due_ms = max(request.due_ms, self._deps.clock.now_ms() + HELPED_MS)

    def _end(self, request: HelpedRequest) -> None:
        """Wait no more for an answer about a request."""
        question, request.question = request.question, None
        if question is not None:
            question.about.pop(request.key, None)
            if not question.about:
                self.questions.pop((question.helper, request.who.conversation_id), None)

    def entered(self) -> None:
        """Devices have connected: they may help where nobody else could."""
        now_ms = self._deps.clock.now_ms()
        for request in self._open.values():
            if request.anew_ms:
                request.due_ms = now_ms

    # --- Asking -----------------------------------------------------------------------------

    async def work(self) -> None:
        """Ask for everything that is due. A constant number of statements for each ``_TOGETHER``
        requests."""
        now_ms = self._deps.clock.now_ms()
        if now_ms - self._minute_ms >= _MINUTE_MS:
            self._minute_ms = now_ms
            self.choice.asks.clear()
        if now_ms - self._scan_ms >= SCAN_MS:
            self._scan_ms = now_ms
            await self._scan()
        self._rested = 0
        self._give_up(now_ms)
        await self._say_helped()
        while turns := self._turns(now_ms):
            await self._ask(turns, now_ms)
            await self._say_helped()

    def _give_up(self, now_ms: int) -> None:
        """Wait no more for devices that have answered about others, that are not connected any
        more, or whose time is over."""
        for place, question in list(self.questions.items()):
            over = question.answered or not self._connected().here(question.helper)
            if not over and question.due_ms > now_ms:
                continue
            if not over and question.working:
                self.choice.asks[question.helper] = MOST_ASKS
            del self.questions[place]
            for key, request in question.about.items():
                request.question = None
                if over:
                    self._free(key, request)

    def _free(self, key: Asker, request: HelpedRequest) -> None:
        """Ask the next device at once."""
        self._freed.add(key)
        request.due_ms = max(request.anew_ms, self._deps.clock.now_ms())

    async def _say_helped(self) -> None:
        """Keep other nodes from asking about requests whose helper works, and let all nodes ask
        about requests whose helper has gone."""
        freed, self._freed = self._freed, set()
        helped, self._helped = self._helped, {}
        if freed or helped:
            async with self._deps.database.transaction() as connection:
                await shares.hold(connection, freed, 0)
                if helped:
                    await shares.hold(connection, helped, max(helped.values()))

    def _turns(self, now_ms: int) -> list[tuple[HelpedRequest, Online]]:
        """Return some requests that are due, with whom to ask."""
        turns: list[tuple[HelpedRequest, Online]] = []
        helpers: Found = {}
        busy = set(self.questions)
        full = set[Same]()  # Every helper of anybody is busy with these.
        for together in self._due(now_ms):
            for request in together:
                # Its person's own devices are no helpers of others': D4 asks them first.
                alone = not self.choice.has_own(request)
                if request.same in full and not request.asked and alone:
                    continue
                chosen = self.choice.choose(request, helpers, busy)
                if chosen is None and 0 < request.anew_ms <= now_ms:
                    request.asked.clear()
                    chosen = self.choice.choose(request, helpers, busy)
                if chosen is not None:
                    self.choice.asks[chosen.client_id] += 1
                    turns.append((request, chosen))
                elif self.choice.choose(request, helpers, ()) is None:
                    self._rest(request, now_ms)
                elif not request.asked and alone:
                    full.add(request.same)
            busy |= {(one.client_id, request.who.conversation_id) for request, one in turns}
            if len(turns) >= _TOGETHER:
                break
        return turns

    def _due(self, now_ms: int) -> Iterator[list[HelpedRequest]]:
        """Yield the requests that are due, as many together as one question may be about. A few
        that lack what another question is about wait until it is answered."""
        going = {one.same for q in self.questions.values() for one in q.about.values()}
        due: dict[tuple[ConversationId, frozenset[bytes]], list[HelpedRequest]] = defaultdict(list)
        for request in self._open.values():
            rested = request.anew_ms > 0
            waits = request.question is not None or request.due_ms > now_ms
            if not waits and not (rested and self._rested >= RESTED_AT_ONCE):
                self._rested += rested
                due[request.same].append(request)
        most = wire.SHARES_AT_ONCE
        for same, requests in due.items():
            gathers = same in going or len(requests) > most
            count = len(requests) // most * most if gathers else len(requests)
            for at in range(0, count, most):
                yield requests[at : at + most]

    def _rest(self, request: HelpedRequest, now_ms: int) -> None:
        if request.anew_ms <= now_ms:
            pause_ms = min(PAUSE_MS << min(request.rests, 10), LONGEST_PAUSE_MS)
            request.rests += 1
            request.anew_ms = now_ms + pause_ms
        request.due_ms = request.anew_ms

    async def _ask(self, turns: list[tuple[HelpedRequest, Online]], now_ms: int) -> None:
        known = await self._claim([request for request, _ in turns], now_ms)
        # Devices that lack the same, by whom to ask: one question is about many of them.
        questions: dict[_SecretsAsked, list[wire.ShareAsker]] = defaultdict(list)
        for request, one in turns:
            key = request.key
            if self._open.get(key) is not request:
                self._freed.add(key)  # It was done meanwhile, or its device asked for more.
                continue
            asker = known.askers.get(key)
            if asker is None:
                self._drop(key)  # It is done, or its device is not listed any more.
                continue
            claimed = known.claimed.get(key)
            if claimed is None:  # Another node has asked a device.
                request.due_ms = now_ms + AGAIN_MS
                continue
            part = _part(sorted(claimed), request.turns)
            questions[one.client_id, key[0], part].append(asker)
            new = Question(one.client_id, {}, now_ms + AGAIN_MS)
            request.question = self.questions.setdefault((one.client_id, key[0]), new)
            request.question.about[key] = request
            request.asked.add(one.client_id)
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

    async def _claim(self, requests: Collection[HelpedRequest], now_ms: int) -> _ShareContext:
        """Claim these requests for devices of this node. Return what helpers check about each, with
        its proof under the newest head; nothing of one that lacks nothing or is not listed."""
        deps = self._deps
        async with deps.database.transaction() as connection:
            asking = {request.key: request for request in requests}
            claimed = await shares.claim(connection, asking, now_ms, now_ms + AGAIN_MS)
            lacking = await shares.requested(connection, asking)
            for key, names in lacking.items():
                if self._open.get(key) is asking[key]:
                    self.choice.change(asking[key], _secrets(names))
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
        return _ShareContext(heads, askers, claimed)

    # --- Requests that were not announced -----------------------------------------------------

    async def _scan(self) -> None:
        """Add requests that this node has not heard of, and forget finished ones."""
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
            self._add_request(who, lacks, at_once=True)


def _secrets(names: Iterable[SecretName]) -> list[bytes]:
    return [name.encode() for name in names]


def _part(lacking: list[SecretName], turn: int) -> tuple[SecretName, ...]:
    """Return as many names as one share may have, others in each turn."""
    most = wire.SHARE_SECRETS
    at = turn * most % len(lacking) // most * most
    return tuple(lacking[at : at + most])
