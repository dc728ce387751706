"""The bot's device, put together: account, trust, conversations, inbox, outbox, key shares.

:meth:`Device.run` keeps it in step with the server until cancelled: after every Ready it looks
after the account, brings each conversation up to the log (wake-ups may have been lost), then takes
frames in their order. One conversation's trouble never holds up the others, and is tried again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

from copconnect import wire
from copconnect.bot.account.account import Account
from copconnect.bot.account.duties import Duties
from copconnect.bot.context import LOG, Context
from copconnect.bot.conversation.cells import make_cell_key, take_cell_keys
from copconnect.bot.conversation.cursors import Cursors
from copconnect.bot.conversation.inbox import Inbox
from copconnect.bot.conversation.outbox import Outbox
from copconnect.bot.conversation.place import Place, is_gone, row_of
from copconnect.bot.conversation.sharing import Answering, Asking
from copconnect.bot.conversation.signing import Signing
from copconnect.bot.conversation.uploads import Uploads
from copconnect.bot.failures import (
    BotFailure,
    ServerRefused,
    SignedOut,
    Unreachable,
)
from copconnect.bot.net.api import Api
from copconnect.bot.net.http import Http, pause_s, tls_context
from copconnect.bot.net.socket import Socket, connected
from copconnect.bot.state.stores import Stores
from copconnect.bot.trust.clock import Clocks, TrustedTime
from copconnect.bot.trust.own_keys import OwnKeys
from copconnect.bot.trust.people import People
from copconnect.ids import ConversationId, MessageId, PersonId, Seq
from copconnect.records.primitives.fields import MINUTE_MS, Refused

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_CATCH_UPS = 4  # Conversations brought up at once.
_MOST_TASKS = 256  # Frames under way; the socket waits then.
_LATE_MS = 10 * MINUTE_MS  # So old a message may be in a conversation that is new to the bot.
_NOTE_S = 60.0
_ROUND_S = 3600.0  # So often own keys and certificate are looked after while connected.


class Device:
    """``on_message``: a message lies in the inbox of a conversation."""

    def __init__(
        self,
        stores: Stores,
        *,
        on_message: Callable[[Place], None],
        ca_file: Path | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self.stores = stores
        self._clocks = clocks or Clocks()
        self._tls = tls_context(ca_file)
        self._http = Http(_server_of(stores), lambda: self.account.row.access_token, ca_file)
        api = Api(self._http)
        self.account = Account(api, stores)
        time = TrustedTime(api, stores, lambda: self.people.authority, self._clocks)
        self.people = People(
            api,
            stores,
            self.account.department,
            now=self._clocks.monotonic,
            refresh_department=lambda: self.duties.refresh_trust(None),
        )
        self.people.on_changed = self._people_changed
        identity = self.account.identity
        own_keys = OwnKeys(
            api,
            stores,
            time,
            device=identity.device,
            signer=identity.signer,
            lowest_kem=lambda: self.people.trust.department.kem,
        )
        self.context = Context(api, stores, self.people, time, own_keys, identity)
        self.places: dict[ConversationId, Place] = {
            row.conversation_id: Place(self.context, row) for row in stores.conversations.all()
        }
        self.uploads = Uploads(self.context)
        self.inbox = Inbox(
            self.context,
            on_missing=self._missing,
            on_message=self._took,
            on_own=self._accepted,
        )
        self._on_message = on_message
        self._asking = Asking(self.context, self.inbox)
        self._answering = Answering(self.context, self.places.get)
        self.outbox = Outbox(
            self.context,
            Signing(self.context, self._asking.also),
            self.uploads,
            catch_up=self.inbox.catch_up,
            on_lost=self._lost,
        )
        self.cursors = Cursors(self.context)
        self.duties = Duties(self.context, self.account)
        self._tasks: set[asyncio.Task[None]] = set()
        self.connected = asyncio.Event()  # In step with the server.

    # --- Life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay in step with the server until cancelled. Raises SignedOut, Untrusted."""
        self._spawn(self._answering.run())
        failures = 0
        try:
            while True:
                try:
                    await self._connection()
                except* (Unreachable, ServerRefused, Refused) as group:
                    LOG.info("offline: %s", _first(group))
                    await self.duties.check_access()
                except* SignedOut:
                    await self.duties.check_access()
                    raise
                failures = 0 if self.connected.is_set() else failures + 1
                self.connected.clear()
                await asyncio.sleep(pause_s(failures, _FIRST_PAUSE_S, _LONGEST_PAUSE_S))
        except BaseExceptionGroup as group:
            raise _first(group) from group
        finally:
            self.connected.clear()
            await self.close()

    async def close(self) -> None:
        """End all work; what was on its way goes on at the next start."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.outbox.close()
        await self._asking.close()
        await self._http.close()

    async def _connection(self) -> None:
        token = await self.account.fresh_token(self.context.time.best_now())
        positions = [
            wire.Position(conversation_id=place.id, seq=Seq(log.cursor))
            for place in self.places.values()
            if (log := place.row.log) is not None and place.row.listed
        ]
        queue: asyncio.Queue[wire.ServerFrame] = asyncio.Queue(_MOST_TASKS)
        async with (
            connected(self._http.server, self._tls, token, positions) as socket,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._read(socket, queue))
            group.create_task(self.cursors.send(socket))
            group.create_task(self._stay(socket, queue))
            group.create_task(self._round())

    async def _read(self, socket: Socket, queue: asyncio.Queue[wire.ServerFrame]) -> None:
        async for frame in socket.frames():
            await queue.put(frame)

    async def _stay(self, socket: Socket, queue: asyncio.Queue[wire.ServerFrame]) -> None:
        await self._on_ready(socket.ready)
        self.connected.set()
        self.outbox.online()
        slots = asyncio.Semaphore(_MOST_TASKS)
        while True:
            frame = await queue.get()
            await slots.acquire()
            # Tasks begin in order, and a conversation's lock is given in that order.
            self._spawn(self._take(frame)).add_done_callback(lambda _: slots.release())

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        async def quietly() -> None:
            try:
                await work
            except (Unreachable, ServerRefused, Refused) as error:
                LOG.info("background: %s", error)
            except Exception:
                # The next entry, or the next connection, makes up for it.
                LOG.exception("background work failed")

        task = asyncio.create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _lost(self, place: Place) -> None:
        self._spawn(self.refresh(place.id))

    async def _round(self) -> None:
        """Note that the bot is there, and look after the account every hour."""
        await self.connected.wait()
        passed = 0.0
        while True:
            await asyncio.sleep(_NOTE_S)
            self.duties.note_connected(self.context.time.best_now())
            passed += _NOTE_S
            if passed >= _ROUND_S:
                passed = 0.0
                await self.duties.look_after()

    # --- A new connection -----------------------------------------------------------------------

    async def _on_ready(self, ready: wire.Ready) -> None:
        await self.duties.refresh_trust(ready.trust_version)
        await self.duties.look_after()
        for place in self.places.values():
            place.knowledge.reconnected()
        self._asking.reconnected()
        heads = {one.conversation_id: one for one in ready.heads}
        slots = asyncio.Semaphore(_CATCH_UPS)

        async def bring_up(conversation_id: ConversationId) -> None:
            async with slots:
                await self._bring_up_safely(conversation_id, heads.get(conversation_id))

        everything = {*heads, *(one.id for one in self.places.values() if one.row.listed)}
        async with asyncio.TaskGroup() as group:
            for one in everything:
                group.create_task(bring_up(one))
        self.duties.note_connected(ready.server_time_ms)

    async def _bring_up_safely(
        self, conversation_id: ConversationId, head: wire.ConversationHead | None
    ) -> None:
        try:
            await self._bring_up(conversation_id, head)
        except (ServerRefused, Refused) as error:
            LOG.warning("conversation %s: %s", conversation_id, error)
            self._spawn(self._refresh_later(conversation_id))

    async def _refresh_later(self, conversation_id: ConversationId) -> None:
        await asyncio.sleep(pause_s(1, _FIRST_PAUSE_S, _LONGEST_PAUSE_S))
        await self.refresh(conversation_id)

    async def _bring_up(
        self, conversation_id: ConversationId, head: wire.ConversationHead | None
    ) -> None:
        place = self.places.get(conversation_id)
        known = place is not None and place.row.listed and head is not None
        if (
            not known
            or place is None
            or head is None
            or place.row.info_version != head.info_version
        ):
            await self.refresh(conversation_id)
            return
        async with place.lock:
            log = place.row.log
            behind = log is None or (not head.follows and head.last_seq != log.cursor)
            if behind or place.in_doubt:
                await self.inbox.catch_up(place)
        if place.row.standstill:
            self._spawn(self._refresh_later(conversation_id))
            return
        await self._follow_keys(place, shares=head.shares > 0)
        if (head.delivered_seq, head.read_seq) != self.cursors.of(place):
            self.cursors.moved(place)

    async def refresh(self, conversation_id: ConversationId) -> None:
        """Fetch a conversation again and bring it up to the log."""
        try:
            info = await self.context.api.conversation(conversation_id)
        except ServerRefused as error:
            place = self.places.get(conversation_id)
            if is_gone(error) and place is not None:
                async with place.lock:
                    place.set(listed=False)
                return
            raise
        await self.adopt(info)

    async def adopt(self, info: wire.Conversation) -> Place:
        """Take over a conversation as the server shows it, and bring it up to the log."""
        place = self.places.get(info.conversation_id)
        row = row_of(info, None if place is None else place.row)
        self.stores.conversations.put(info.conversation_id, row)
        if place is None:
            place = self.places[info.conversation_id] = Place(self.context, row)
        if info.roster is None:
            return place
        async with place.lock:
            await place.take_roster(info.roster)
            account = self.account.row
            since = min(self.context.time.require_now() - _LATE_MS, account.connected_ms)
            await self.inbox.begin(place, max(since, account.registered_ms - _LATE_MS))
            if info.state is not None:
                await self.inbox.take_state(place, info.state)
            await self.inbox.catch_up(place)
        if place.row.standstill:
            self._spawn(self._refresh_later(place.id))
            return place
        self.outbox.kick(place)
        await self._follow_keys(place, shares=True)
        self.cursors.moved(place)
        return place

    async def _follow_keys(self, place: Place, *, shares: bool) -> None:
        """Have the keys of the own cell, the shares that wait, and ask for what is missing."""
        if place.row.cells > 1 and self.inbox.missing_keys(place):
            items = await self.context.api.own_cell_keys(place.id)
            await self._take_cell_keys(place, [(one.record, one.seal) for one in items])
        if shares:
            await self._asking.fetch(place)
        if self._asking.is_lacking(place):
            self._asking.ask(place)
        self._on_message(place)
        self.outbox.kick(place)

    async def _take_cell_keys(self, place: Place, items: list[tuple[bytes, bytes | None]]) -> None:
        if await take_cell_keys(self.context, place, items):
            await self._seals_again(place)

    async def _seals_again(self, place: Place) -> None:
        """A cell key came: the server's seals to the cell may open now."""
        for key_id in self.inbox.missing_keys(place):
            answer = await self.context.api.key(place.id, key_id)
            if answer.key is not None:
                async with place.lock:
                    place.keys.learn(answer.key.record, answer.key.seal)
        async with place.lock:
            came = await self.inbox.keys_came(place)
        await self._asking.came(place, came)

    # --- Frames ---------------------------------------------------------------------------------

    async def _take(self, frame: wire.ServerFrame) -> None:
        if isinstance(frame, wire.Ready | wire.OrderProgressFrame | wire.OrderAcknowledged):
            return
        if isinstance(frame, wire.AccountFrame):
            await self._account_frame(frame)
            return
        id_ = (
            frame.entry.conversation_id
            if isinstance(frame, wire.EntryFrame)
            else frame.conversation_id
        )
        place = self.places.get(id_)
        if place is None or isinstance(frame, wire.ConversationFrame | wire.ConversationGone):
            await self.refresh(id_)
            return
        try:
            await self._take_of(place, frame)
        except (Unreachable, ServerRefused) as error:
            LOG.info("conversation %s: %s", place.id, error)
            await self._refresh_later(place.id)

    async def _take_of(self, place: Place, frame: wire.ServerFrame) -> None:
        match frame:
            case wire.EntryFrame(entry=entry, supplement=supplement):
                async with place.lock:
                    await self.inbox.receive(place, entry, supplement)
            case wire.KeyFrame(record=record, seal=seal):
                async with place.lock:
                    held = place.keys.learn(record, seal)
                    came = await self.inbox.keys_came(place) if held.secret else set()
                await self._asking.came(place, came)
            case wire.CellKeyFrame(record=record, seal=seal):
                await self._take_cell_keys(place, [(record, seal)])
            case wire.RosterFrame(epoch=epoch) if epoch > place.row.head_epoch:
                async with place.lock:
                    await place.newest(force=True)
            case wire.KeyWanted():
                self.outbox.key_wanted(place)
            case wire.CellKeyWanted():
                await make_cell_key(self.context, place, frame)
            case wire.ShareWanted():
                self._answering.asked(frame)
            case wire.ShareFrame(share=share):
                await self._asking.receive(place, share)
            case _:
                pass  # Receipts tell a bot nothing that it acts on.

    async def _account_frame(self, frame: wire.AccountFrame) -> None:
        if frame.event in {"trust", "clients", "confirmation", "unconfirmed"}:
            await self.duties.refresh_trust(None)
            await self.duties.look_after()

    def _people_changed(self, people: set[PersonId]) -> None:
        async def again(place: Place) -> None:
            async with place.lock:
                await self.inbox.people_changed(place, people)

        for place in self.places.values():
            if any(not one.key_id for one in self.stores.pending.all(place.id)):
                self._spawn(again(place))

    # --- Cursors --------------------------------------------------------------------------------

    def _missing(self, place: Place) -> None:
        self._asking.ask(place)

    def _accepted(self, place: Place, message_id: MessageId, seq: int) -> None:
        self.outbox.accepted(place, message_id, seq)

    def _took(self, place: Place) -> None:
        self.cursors.moved(place)
        self._on_message(place)


def _server_of(stores: Stores) -> str:
    row = stores.account
    if row is None:
        raise BotFailure("this bot is not registered: copconnect-bot register")
    return row.server


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure of several tasks of one connection."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
