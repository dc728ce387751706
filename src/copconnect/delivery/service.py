"""The Delivery Service, put together. app.py makes one for each process.

``DeliveryService`` also implements what other roles state as Protocols: the
Authentication Service's ``Memberships`` (devices_changed), the attachments' ``Conversations``
(belongs_to_any) and the sockets' ``Feed`` (``feed``).
"""

from collections.abc import Collection

from sqlalchemy import CompoundSelect
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.bus import AnyWakeup
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.heads.trees import DRAWING_LEAVES
from copconnect.delivery.keys.cell_keys import CellKeyExchange
from copconnect.delivery.keys.conversation_keys import ConversationKeys
from copconnect.delivery.keys.late_seals import LateSeals
from copconnect.delivery.keys.shares import KeyShares
from copconnect.delivery.live.asking import HelpRequests
from copconnect.delivery.live.feed import LiveFeed
from copconnect.delivery.live.receipt_counts import ReceiptCounting
from copconnect.delivery.log import reported
from copconnect.delivery.log.holding import LegalHolds
from copconnect.delivery.log.intake import MessageIntake
from copconnect.delivery.log.reading import LogReading
from copconnect.delivery.log.retention import Retention
from copconnect.delivery.log.starting import Starting
from copconnect.delivery.rosters.audiences import AudienceConversations
from copconnect.delivery.rosters.conversations import Conversations
from copconnect.delivery.rosters.department import DepartmentGroups
from copconnect.delivery.rosters.devices import DeviceChanges
from copconnect.delivery.rosters.following import Following
from copconnect.delivery.rosters.incarnation import begin_incarnation
from copconnect.delivery.rosters.joining import Joining
from copconnect.delivery.rosters.membership import Membership
from copconnect.delivery.rosters.posts import PostConversations
from copconnect.delivery.rosters.reading import RosterReading
from copconnect.delivery.rosters.sending_rights import SendingRights
from copconnect.delivery.rosters.unit_orders import UnitOrders
from copconnect.delivery.store import holds, members
from copconnect.ids import ConversationId, MessageId, PersonId
from copconnect.leases import Leases
from copconnect.principals import LoggedMessage


class DeliveryService:
    """Conversations, their log, their rosters and their keys."""

    def __init__(self, deps: DeliveryDependencies, leases: Leases) -> None:
        self.deps = deps
        self.conversations = Conversations(deps)
        self.membership = Membership(deps)
        self.joining = Joining(deps)
        self.rosters = RosterReading(deps)
        self.following = Following(deps, leases)
        self.audiences = AudienceConversations(deps, self.following)
        self.department = DepartmentGroups(deps, self.audiences, self.following)
        self.posts = PostConversations(deps, self.following)
        self.unit_orders = UnitOrders(deps, self.audiences, self.following)
        self._sending_rights = SendingRights(deps)
        self.intake = MessageIntake(deps, self._sending_rights)
        self.log = LogReading(deps)
        self.keys = ConversationKeys(deps)
        self.cell_keys = CellKeyExchange(deps)
        self.late_seals = LateSeals(deps)
        self.shares = KeyShares(deps)
        self.starting = Starting(deps, self.log, self.cell_keys, self.shares)
        self.feed = LiveFeed(deps)
        self.asking = HelpRequests(deps)
        self.receipt_counts = ReceiptCounting(deps, leases)
        self.holds = LegalHolds(deps)
        self.retention = Retention(deps, leases)
        self._device_changes = DeviceChanges(deps)

    async def start(self) -> None:
        """Start background work."""
        await self.retention.rounds.start()
        await self.following.start()
        await self.receipt_counts.rounds.start()
        await self.asking.start()

    def leave_heads(self) -> None:
        """Leave rounds, and heads of large conversations, to another process of this node."""
        self.following.leave_heads()

    async def start_drawing(self) -> None:
        """Start the rounds alone: this process serves nobody and has the memory for trees."""
        self.deps.trees.most_leaves = DRAWING_LEAVES
        await self.following.start()

    async def close(self) -> None:
        """Stop background work."""
        await self.asking.close()
        await self.receipt_counts.rounds.close()
        await self.following.close()
        await self.retention.rounds.close()

    async def on_wakeup(self, wakeup: AnyWakeup) -> None:
        """Count receipts and bring rosters up to date; subscribe this to the bus."""
        await self.receipt_counts.on_wakeup(wakeup)
        await self.following.on_wakeup(wakeup)

    async def logged(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        message_id: MessageId,
        reader: PersonId,
    ) -> LoggedMessage | None:
        """Return a message of the log, with whether a person could read it."""
        return await reported.logged(connection, conversation_id, message_id, reader)

    async def sending_changed(self, connection: Transaction, person_id: PersonId) -> None:
        """Bring the right to send in all rosters that list a person up to date, at once."""
        await self._sending_rights.apply(connection, person_id)

    async def begin_incarnation(self, number: int) -> int:
        """After a restored backup, with the server stopped: sign a head of every conversation for
        the incarnation of this number; return how many there are."""
        return await begin_incarnation(self.deps, number)

    # --- For other roles --------------------------------------------------------------------

    async def devices_changed(
        self, connection: Transaction, person_ids: Collection[PersonId], *, urgent: bool
    ) -> None:
        """Compare what rosters list of these people with ``ListableDevices.devices_of``, and list
        or unlist what differs, in this transaction.

        Call it after the caller's own rows are written: a device was confirmed, revoked, expired,
        or its person suspended. ``urgent`` (a revocation, a suspension): unlist in every
        conversation in this transaction, however large (D6). Otherwise conversations of more than
        256 devices, and conversations that follow the data bank, follow within a round.
        """
        await self._device_changes.apply(connection, person_ids, urgent=urgent)

    async def belongs_to_any(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
    ) -> bool:
        """Return whether a person is a member of any of these conversations."""
        return await members.belongs_to_any(connection, conversation_ids, person_id)

    def held(self, now_ms: int) -> CompoundSelect[tuple[ConversationId]]:
        """Return a statement of the conversations of which a legal hold keeps everything."""
        return holds.held(now_ms)

    async def any_held(self, connection: AsyncConnection) -> bool:
        """Return whether there is a legal hold."""
        return await holds.any_in_force(connection, self.deps.clock.now_ms())
