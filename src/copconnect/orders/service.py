"""Orders, put together. app.py makes one for each process."""

from copconnect import wire
from copconnect.ids import ConversationId
from copconnect.leases import Leases
from copconnect.orders.acknowledging import Acknowledging
from copconnect.orders.counting import FRESH_S, Counting
from copconnect.orders.dependencies import OrderDependencies
from copconnect.orders.issuing import OrderIssuing
from copconnect.orders.ports import (
    TextGateway,
)
from copconnect.orders.reading import OrderReads
from copconnect.orders.reminding import Reminding
from copconnect.orders.texting import Texting
from copconnect.orders.watching import Watching
from copconnect.principals import Caller
from copconnect.settings import Settings


class OrderService:
    """Orders, their acknowledgements, and who sees them."""

    def __init__(
        self,
        deps: OrderDependencies,
        issuing: OrderIssuing,
        texts: TextGateway,
        leases: Leases,
        settings: Settings,
        fresh_s: float = FRESH_S,
    ) -> None:
        """``fresh_s``: how long a count may be shown."""
        self._database = deps.database
        self._issuing = issuing
        self.acknowledging = Acknowledging(deps)
        self.counting = Counting(deps, fresh_s)
        self.reading = OrderReads(deps, self.counting)
        self.watching = Watching(self.reading, self.counting)
        self.reminding = Reminding(deps, self.reading, self.counting, leases)
        self.texting = Texting(deps, leases, texts, settings)

    async def may_issue(
        self, caller: Caller, conversation_id: ConversationId | None
    ) -> wire.Issuing:
        """Return the priorities of which somebody may issue orders. Raises NotMember."""
        async with self._database.reading() as connection:
            return await self._issuing.allowed(connection, caller, conversation_id)

    async def units(self, caller: Caller) -> wire.IssuableUnits:
        """Return the units to each of which somebody may issue orders."""
        async with self._database.reading() as connection:
            return await self._issuing.units(connection, caller)

    async def start(self) -> None:
        """Start background work."""
        await self.watching.rounds.start()
        await self.reminding.rounds.start()
        await self.reminding.pruning.start()
        await self.texting.start()

    async def close(self) -> None:
        """Stop background work."""
        await self.texting.close()
        await self.reminding.pruning.close()
        await self.reminding.rounds.close()
        await self.watching.rounds.close()
        await self.acknowledging.close()
