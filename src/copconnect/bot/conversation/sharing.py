"""Key shares: asking for secrets that the bot is entitled to and lacks (D4, H6), and passing on
what others lack (H1 to H4).

The server keeps a request until the asker says that its key opened; each thing is asked for once on
a connection, and again after a while, ever more seldom. Everything that comes is compared with its
record before it is kept. Answers: one at a time, at most 60 a minute, never inside the lock of a
conversation for longer than reading takes; a request that the checks refuse gets nothing.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from copconnect import wire
from copconnect.bot.context import LOG, Context
from copconnect.bot.conversation.inbox import Inbox
from copconnect.bot.conversation.place import Place
from copconnect.bot.failures import BotFailure, ServerRefused, Unreachable, has_code
from copconnect.bot.net.http import pause_s
from copconnect.ids import ConversationId
from copconnect.limits import SHARE_SECRETS
from copconnect.records.conversation.key_share import (
    KeyShare,
    SecretKind,
    SecretName,
    Shareable,
    check_shareable,
)
from copconnect.records.conversation.message import MessageHeader
from copconnect.records.conversation.roster import Leaf, RosterHead
from copconnect.records.primitives.fields import KEY_ID_BYTES, Refused, require
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing.shares import make_share, open_share

_TOGETHER_S = 0.03  # Secrets found missing within this time share one request.
_FIRST_PATIENCE_S, _LONGEST_PATIENCE_S = 20.0, 900.0
_MOST_A_MINUTE = 60
_MOST_WAITING = 200
_RECIPIENT = slice(17, 33)  # In a KeyShare: after version and conversation.


class Asking:
    """Asks for what the inbox of a conversation lacks."""

    def __init__(self, context: Context, inbox: Inbox) -> None:
        self._context = context
        self._inbox = inbox
        self._also: dict[ConversationId, set[bytes]] = {}
        self._asked: dict[ConversationId, set[SecretName]] = {}
        self._tasks: dict[ConversationId, asyncio.Task[None]] = {}

    def also(self, place: Place, key_id: bytes) -> None:
        """Ask for a key that no message waits for yet, but a sender would use."""
        self._also.setdefault(place.id, set()).add(key_id)
        self.ask(place)

    def ask(self, place: Place) -> None:
        """Ask for what is missing, in the background, until it is here."""
        running = self._tasks.get(place.id)
        if running is not None and not running.done():
            running.cancel()
        self._tasks[place.id] = asyncio.create_task(self._run(place))

    def reconnected(self) -> None:
        """A new connection: what is still missing is asked for again."""
        self._asked.clear()

    async def close(self) -> None:
        """End all asking."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _names(self, place: Place) -> set[SecretName]:
        also = self._also.get(place.id, set())
        for key_id in list(also):
            held = place.keys.find(key_id)
            if held is None or held.secret:
                also.discard(key_id)
        keys = {*self._inbox.missing_keys(place), *also}
        names = {SecretName(SecretKind.CONVERSATION_KEY, one[:KEY_ID_BYTES]) for one in keys}
        cells = place.keys.without_cell_secret() if keys else ()
        names |= {SecretName(SecretKind.CELL_KEY, one) for one in cells}
        state = self._inbox.missing_state(place)
        return names | ({SecretName(SecretKind.BODY_KEY, state)} if state else set())

    def is_lacking(self, place: Place) -> bool:
        """Return whether a conversation lacks anything."""
        return bool(self._names(place))

    async def _run(self, place: Place) -> None:
        await asyncio.sleep(_TOGETHER_S)
        round_ = 0
        while names := self._names(place):
            asked = self._asked.setdefault(place.id, set())
            due = sorted(names - asked)[:SHARE_SECRETS]
            try:
                if due:
                    await self._context.api.request_shares(place.id, due)
                    asked.update(due)
                    continue
            except (Unreachable, ServerRefused) as error:
                LOG.info("conversation %s: asking for keys: %s", place.id, error)
            await asyncio.sleep(pause_s(round_, _FIRST_PATIENCE_S, _LONGEST_PATIENCE_S))
            asked.clear()
            round_ += 1

    async def fetch(self, place: Place) -> None:
        """Take the shares that the server holds. Raises what the API raises."""
        for share in await self._context.api.shares(place.id):
            await self.receive(place, share)

    async def receive(self, place: Place, data: bytes) -> None:
        """Keep the secrets that match their records (H6), and say that they came. Rubbish changes
        nothing: the server asks another holder."""
        async with place.lock:
            done = self._open(place, data)
            if done:
                await self._inbox.keys_came(place)
        await self._say_done(place, done)

    async def came(self, place: Place, key_ids: set[bytes]) -> None:
        """Conversation keys came in another way: the server need not keep requests for them."""
        kind = SecretKind.CONVERSATION_KEY
        await self._say_done(place, [SecretName(kind, one[:KEY_ID_BYTES]) for one in key_ids])

    async def _say_done(self, place: Place, done: list[SecretName]) -> None:
        if not done:
            return
        try:
            await self._context.api.shares_done(place.id, done)
        except (Unreachable, ServerRefused) as error:
            LOG.info("conversation %s: shares done: %s", place.id, error)

    def _open(self, place: Place, data: bytes) -> list[SecretName]:
        opener = self._context.own_keys.opener(data[_RECIPIENT])
        if opener is None:
            return []
        kem, private = opener
        try:
            share = KeyShare.parse(kem, data)
            require(share.conversation_id.hex() == place.id, "H6", "another conversation's share")
            secrets = open_share(kem, share, private)
        except Refused:
            return []
        return [name for name, secret in secrets.items() if self._keep(place, name, secret)]

    def _keep(self, place: Place, name: SecretName, secret: bytes) -> bool:
        try:
            if name.kind == SecretKind.CELL_KEY:
                place.keys.take_cell_secret(name.reference, secret)
                return True
            if name.kind == SecretKind.BODY_KEY:
                return self._inbox.open_state(place, name.reference, secret)
            if name.kind == SecretKind.CONVERSATION_KEY:
                for held in place.keys.referred({name.reference}):
                    place.keys.take_secret(held.key_id, secret)
                    return True
        except Refused as refused:
            LOG.warning("conversation %s: a share was refused: %s", place.id, refused)
        return False


class Answering:
    """Passes secrets on to devices that are entitled to them."""

    def __init__(self, context: Context, find: Callable[[ConversationId], Place | None]) -> None:
        self._context = context
        self._find = find
        self._waiting: asyncio.Queue[wire.ShareWanted] = asyncio.Queue(_MOST_WAITING)
        self._answered: deque[float] = deque()

    def asked(self, request: wire.ShareWanted) -> None:
        """Take a request; one too many is another holder's."""
        if not self._waiting.full():
            self._waiting.put_nowait(request)

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            request = await self._waiting.get()
            if not self._may_answer():
                continue
            try:
                await self._answer(request)
            except (Refused, BotFailure) as error:
                LOG.info("conversation %s: no share: %s", request.conversation_id, error)

    def _may_answer(self) -> bool:
        """H4."""
        now = time.monotonic()
        while self._answered and now - self._answered[0] > 60:
            self._answered.popleft()
        if len(self._answered) >= _MOST_A_MINUTE:
            return False
        self._answered.append(now)
        return True

    async def _answer(self, request: wire.ShareWanted) -> None:
        place = self._find(request.conversation_id)
        if place is None or not place.row.listed:
            return
        context = self._context
        async with place.lock:
            head, leaf = await self._entitled(place, request)
            await context.people.ensure([leaf.person_id], fresh=True)
            now = context.time.require_now()
            await context.people.confirmed(leaf.person_id, leaf.device, now, "H1")
            context.people.learn_keys(leaf.person_id, request.keys)
            key = context.people.device_key(leaf.device, head.kem, now)
            secrets = self._secrets(place, request, head, leaf)
        if secrets:
            head.check_sealing(context.people.trust.department)
            await self._post(place, request, key, secrets)

    async def _entitled(self, place: Place, request: wire.ShareWanted) -> tuple[RosterHead, Leaf]:
        """H1: the device is listed under the newest head."""
        head = await place.take_newest(request.head, request.stamp)
        device = bytes.fromhex(request.device)
        leaf, _ = await place.knowledge.prove(head.epoch, device, request.proof, "H1")
        require(leaf.person_id.hex() == request.person_id, "H1", "another person's device")
        return head, leaf

    def _secrets(
        self, place: Place, request: wire.ShareWanted, head: RosterHead, leaf: Leaf
    ) -> list[tuple[Shareable, bytes]]:
        """H3: what the bot holds and the other device may have."""
        asked: dict[int, set[bytes]] = {1: set(), 2: set(), 3: set()}
        for one in request.references:
            asked[one.kind].add(bytes.fromhex(one.reference))
        profile = place.row.profile
        newest_state = None if profile is None else bytes.fromhex(profile.message_id)
        found: list[tuple[Shareable, bytes]] = []
        if profile is not None and newest_state in asked[3]:
            found.append((MessageHeader.parse(profile.header), profile.key))
        for held in place.keys.referred(asked[1]):
            if held.secret:
                found.append((held.record, held.secret))
        for key_id in asked[2]:
            cell = place.keys.find_cell_key(key_id)
            if cell is not None and cell[1]:
                found.append(cell)
        return [one for one in found if _may_have(one[0], head, leaf, newest_state)]

    async def _post(
        self,
        place: Place,
        request: wire.ShareWanted,
        key: DeviceKey,
        secrets: list[tuple[Shareable, bytes]],
    ) -> None:
        share = make_share(bytes.fromhex(place.id), key, secrets)
        try:
            await self._context.api.post_share(place.id, request.device, share.encode())
        except ServerRefused as error:
            if not has_code(error, "not_asked"):
                raise


def _may_have(record: Shareable, head: RosterHead, leaf: Leaf, newest_state: bytes | None) -> bool:
    try:
        check_shareable(record, head, leaf, newest_state)
    except Refused:
        return False
    return True
