"""A conversation whose members lack secrets and pass them on (D4)."""

from collections.abc import Sequence

from sqlalchemy import delete

from copconnect.bus import ShareAskedWakeup, ShareDoneWakeup, ShareWakeup
from copconnect.delivery.live.asking import HelpRequests
from copconnect.delivery.live.share_routing import AGAIN_MS
from copconnect.delivery.rules.limits import HELPED_MS
from copconnect.delivery.store import shares
from copconnect.delivery.store.tables import SHARE_REQUESTS
from copconnect.principals import Caller
from tests.live.connected import AskingWorld, Node
from tests.live.rows import Rows, device, second


class Force(AskingWorld):
    """A conversation of an asker, their other device and five others."""

    async def fill(self, cells: int = 1) -> "Force":
        """Write it."""
        self.asker = device()
        self.own = second(self.asker)
        self.others = [device() for _ in range(5)]
        self.devices.add(self.asker, self.own, *self.others)
        self.rows = Rows(self.database, cells)
        await self.rows.roster([self.asker, *self.others, self.own])
        return self

    async def lack(self, kind: int = 1, count: int = 1) -> ShareAskedWakeup:
        """The asker lacks secrets."""
        for n in range(count):
            reference = n.to_bytes(16, "big")
            await self.rows.share_request(self.asker, kind, reference, self.clock.at)
        return self.announced(kind, count)

    def announced(self, kind: int = 1, count: int = 1) -> ShareAskedWakeup:
        """The announcement of the request."""
        return ShareAskedWakeup(
            conversation_id=self.rows.conversation_id,
            device=self.asker.device.hex(),
            client_id=self.asker.client_id,
            person_id=self.asker.person_id,
            cell_id=self.rows.cells[0],
            lacks=[bytes([kind]) + n.to_bytes(16, "big") for n in range(count)],
        )

    async def forget(self, askers: Sequence[Caller] | None = None) -> None:
        """These devices lack nothing any more; None: no device does."""
        query = delete(SHARE_REQUESTS)
        if askers is not None:
            query = query.where(SHARE_REQUESTS.c.device.in_([one.device for one in askers]))
        async with self.database.transaction() as connection:
            await connection.execute(query)

    async def join(self, people: Sequence[Caller]) -> None:
        """List more devices."""
        self.devices.add(*people)
        await self.rows.roster(people)

    async def all_lack(self, asking: HelpRequests, askers: Sequence[Caller]) -> None:
        """These devices lack a secret, the same."""
        for self.asker in askers:
            await asking.receive(await self.lack())

    async def help(self, asking: HelpRequests, askers: Sequence[Caller]) -> None:
        """A device has sent shares for these."""
        for one in askers:
            wakeup = ShareWakeup(
                conversation_id=self.rows.conversation_id,
                device=one.device.hex(),
                client_id=one.client_id,
                share=b"share",
            )
            await asking.receive(wakeup)
        places = [(self.rows.conversation_id, one.device) for one in askers]
        async with self.database.transaction() as connection:
            await shares.hold(connection, places, self.clock.at + HELPED_MS)

    def opened(self, by: Caller) -> ShareDoneWakeup:
        """The announcement that a device lacks nothing any more."""
        c = self.rows.conversation_id
        return ShareDoneWakeup(conversation_id=c, device=by.device.hex(), opened=[], lacks=[])

    async def turns(self, node: Node, asking: HelpRequests, count: int) -> list[Caller]:
        """Return who is asked in so many turns."""
        found = []
        for _ in range(count):
            await asking.work()
            found += node.asked()
            self.clock.at += AGAIN_MS
        return found
