"""Web Push, put together. app.py makes one for each process.

The node that holds the lease "push" plans and sends; every node takes subscriptions.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select

from copconnect import wire
from copconnect.background import Periodic
from copconnect.bus import AccountWakeup, AnyWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.ids import ClientId, ConversationId, PersonId
from copconnect.leases import Leases
from copconnect.principals import Caller
from copconnect.push import lessons, rules, store
from copconnect.push.http_pool import pools
from copconnect.push.planning import DAY_MS, Planner
from copconnect.push.ports import PushConversations, UnrevokedDevices
from copconnect.push.sending import Sender
from copconnect.push.vapid import Tokens, VapidSigner
from copconnect.settings import Settings

PERIOD_S = 0.5
PRUNE_PERIOD_S = 3_600
LEASE_S = 10.0
RENEW_MS = 3_000


class PushService:
    """Subscriptions of devices, and the pushes to them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        signer: VapidSigner,
        secret: bytes,
        conversations: PushConversations,
        devices: UnrevokedDevices,
        leases: Leases,
    ) -> None:
        """``secret``: the server's, for topics."""
        self._database = database
        self._clock = clock
        self._signer = signer
        self._devices = devices
        self._leases = leases
        self._delay_ms = settings.push_delay_ms
        self._allowed = rules.allowed_origins(settings.push_origins)
        self.planner = Planner(database, clock, conversations, settings.push_delay_ms)
        self.sender = Sender(
            database,
            clock,
            conversations,
            Tokens(signer, settings.push_contact, clock),
            pools(
                settings.proxy_url,
                settings.push_ca_file,
                settings.push_private_addresses == "yes",
            ),
            secret,
            self._allowed,
            settings.push_connections,
        )
        self._asked_ms = 0
        self._holds = False
        self._rounds = Periodic("push", self.round, PERIOD_S)
        self._pruning = Periodic("push_pruning", self.prune, PRUNE_PERIOD_S)

    async def start(self) -> None:
        """Begin to plan and to send."""
        if self._allowed:
            await self._rounds.start()
            await self._pruning.start()

    async def close(self) -> None:
        """Stop."""
        await self._pruning.close()
        await self._rounds.close()
        await self.sender.close()

    async def on_wakeup(self, wakeup: AnyWakeup) -> None:
        """Note messages, and forget devices that were signed out; a locked one is woken again when
        it is unlocked. Subscribe this to the bus."""
        if not self._allowed:
            return
        await self.planner.on_wakeup(wakeup)
        if not isinstance(wakeup, AccountWakeup) or wakeup.event != "signed_out":
            return
        if wakeup.client_ids and wakeup.reason != "locked":
            async with self._database.transaction() as connection:
                await store.unsubscribe(connection, wakeup.client_ids)

    async def round(self) -> None:
        """Plan and send, if this node holds the lease."""
        now = self._clock.now_ms()
        if not 0 <= now - self._asked_ms < RENEW_MS:
            self._asked_ms = now
            self._holds = await self._leases.acquire("push", LEASE_S)
        if not self._holds:
            self.planner.rest()
            return
        if await self.planner.round():
            self.sender.nudge()
        await self.sender.round()

    async def prune(self) -> None:
        """Forget devices that ended without a wake-up, and marks that count no longer."""
        async with self._database.transaction() as connection:
            await store.unsubscribe_without(connection, self._devices.unrevoked_clients())
            await store.forget_marks(connection, self._clock.now_ms() - DAY_MS)

    # --- Routes -------------------------------------------------------------------------------

    def key(self) -> wire.PushKey:
        """Return the key to subscribe with."""
        return wire.PushKey(key=self._signer.public_key)

    async def subscribe(self, caller: Caller, body: wire.PutPushSubscription) -> None:
        """Wake the caller's device at an endpoint from now on. Raises PushOriginRefused."""
        endpoint = rules.endpoint_of(body.endpoint, self._allowed)
        async with self._database.transaction() as connection:
            await store.subscribe(
                connection,
                caller.client_id,
                caller.person_id,
                body.endpoint,
                endpoint.origin,
                self._clock.now_ms(),
            )

    async def unsubscribe(self, caller: Caller) -> None:
        """Wake the caller's device no longer."""
        async with self._database.transaction() as connection:
            await store.unsubscribe(connection, [caller.client_id])

    # --- For other roles ----------------------------------------------------------------------

    async def wake(self, connection: Transaction, client_ids: Collection[ClientId]) -> None:
        """Wake devices at once, so that they ask the server whether it takes them. One
        statement."""
        if self._allowed:
            now_ms = self._clock.now_ms()
            await store.queue_for(
                connection,
                ConversationId(rules.DEVICE),  # In a conversation's place.
                now_ms,
                store.of_clients(client_ids),
                rules.DEVICE,
                now_ms,
                now_ms,
            )

    async def remind(
        self,
        connection: Transaction,
        conversation_id: ConversationId,
        seq: int,
        people: Select[Any],
    ) -> int:
        """Wake the devices of the people of a statement (``person_id``) about a message, whether
        they have received it or not; return how many. One statement."""
        if not self._allowed:
            return 0
        now_ms = self._clock.now_ms()
        return await store.queue_for(
            connection,
            conversation_id,
            seq,
            store.of_people(people),
            rules.REMINDER,
            now_ms,
            now_ms,
        )

    async def remind_of_lessons(self, connection: Transaction, people: Select[Any]) -> int:
        """Wake the devices of the people of a statement (``person_id``) about open lessons; return
        how many. One statement."""
        if not self._allowed:
            return 0
        return await lessons.remind_of_lessons(connection, people, self._clock.now_ms())

    async def lessons_done(self, connection: Transaction, person_id: PersonId) -> None:
        """Take back what a person's devices were to be woken for. One statement."""
        if self._allowed:
            await lessons.lessons_done(connection, person_id)

    async def call(
        self,
        connection: Transaction,
        conversation_id: ConversationId,
        seq: int,
        people: Select[Any],
    ) -> int:
        """Wake the devices of the people of a statement (``person_id``) that have not received a
        message soon, whether they muted its conversation or not; return how many. One statement."""
        if not self._allowed:
            return 0
        now_ms = self._clock.now_ms()
        due_ms = now_ms + self._delay_ms
        return await store.queue_for(
            connection,
            conversation_id,
            seq,
            store.of_people(people),
            rules.CALL,
            now_ms,
            due_ms,
        )
