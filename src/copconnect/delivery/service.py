"""The Delivery Service, put together. app.py makes one for each process.

``DeliveryService`` also implements what other roles state as Protocols of their own: the
Authentication Service's ``Memberships`` (client_added, certificate_renewed, clients_removed), the
attachments' ``Conversations`` (belongs_to_any) and the sockets' ``Feed`` (``feed``).
"""

from collections.abc import Collection
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.bus import AnyWakeup, Bus
from copconnect.clock import Clock
from copconnect.database import Database
from copconnect.delivery import member_store, suites
from copconnect.delivery.audiences import Audiences
from copconnect.delivery.commits import Commits
from copconnect.delivery.key_packages import KeyPackages
from copconnect.delivery.keys import Keys
from copconnect.delivery.live import LiveFeed
from copconnect.delivery.log_reading import LogReading
from copconnect.delivery.membership import Membership
from copconnect.delivery.parts import Parts
from copconnect.delivery.ports import Attachments, Organisation, Registrations, RosterAuthority
from copconnect.delivery.posting import Posting
from copconnect.delivery.receipt_counts import ReceiptCounting
from copconnect.delivery.retention import Retention
from copconnect.delivery.rosters import Rosters
from copconnect.delivery.sealed_posting import SealedPosting
from copconnect.ids import ClientId, ConversationId, PersonId
from copconnect.leases import Leases
from copconnect.principals import RegisteredClient
from copconnect.wakeup_log import WakeupLog
from copconnect.wire import CELL_SIZE

__all__ = ["Attachments", "DeliveryService", "Organisation", "Registrations", "RosterAuthority"]


class DeliveryService:
    """Conversations, their log and their rosters."""

    def __init__(
        self,
        *,
        database: Database,
        bus: Bus,
        clock: Clock,
        registrations: Registrations,
        organisation: Organisation,
        authority: RosterAuthority,
        attachments: Attachments,
        leases: Leases,
        wakeup_log: WakeupLog,
        suite: suites.Name = "x25519",
        cell_size: int = CELL_SIZE,
        log_retention_days: int = 180,
        conversations_per_hour: int = 100,
    ) -> None:
        parts = Parts(
            database=database,
            bus=bus,
            clock=clock,
            registrations=registrations,
            authority=authority,
            attachments=attachments,
            suite=suites.BY_NAME[suite],
            cell_size=cell_size,
            conversations_per_hour=conversations_per_hour,
        )
        self.trees = parts.trees
        self.membership = Membership(parts, organisation, wakeup_log)
        self.rosters = Rosters(parts)
        self.audiences = Audiences(parts, organisation, leases)
        self.posting = Posting(parts)
        self.sealed = SealedPosting(parts)
        self.log = LogReading(parts)
        self.commits = Commits(parts)
        self.keys = Keys(parts)
        self.key_packages = KeyPackages(parts)
        self.feed = LiveFeed(parts)
        self.receipt_counts = ReceiptCounting(parts, leases)
        self.retention = Retention(parts, log_retention_days, leases)

    async def start(self) -> None:
        """Start background work."""
        await self.retention.start()
        await self.audiences.start()
        await self.receipt_counts.start()

    async def close(self) -> None:
        """Stop background work."""
        await self.sealed.close()
        await self.receipt_counts.close()
        await self.audiences.close()
        await self.retention.close()

    # --- For other roles --------------------------------------------------------------------

    async def client_added(
        self, connection: AsyncConnection, client: RegisteredClient
    ) -> list[AnyWakeup]:
        """Name a new client in its person's conversations; publish the result after commit."""
        return await self.membership.client_added(connection, client)

    async def certificate_renewed(
        self, connection: AsyncConnection, client: RegisteredClient
    ) -> list[AnyWakeup]:
        """Name a client's new certificate beside its old one; publish after commit."""
        return await self.membership.certificate_renewed(connection, client)

    async def clients_removed(
        self,
        connection: AsyncConnection,
        client_ids: Collection[ClientId],
        reason: Literal["device_removed", "department"],
    ) -> list[AnyWakeup]:
        """Take revoked clients out of every conversation; publish after commit."""
        return await self.membership.clients_removed(connection, client_ids, reason)

    async def belongs_to_any(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
    ) -> bool:
        """Return whether a person is a member of any of these conversations."""
        return await member_store.is_member(connection, conversation_ids, person_id)
