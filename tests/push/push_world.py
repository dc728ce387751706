"""A conversation whose devices sleep, a node that pushes, and a push service."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Select, select

from bench.net.push_service import Pushed, PushService, Reply
from copconnect import wire
from copconnect.auth_service.keys.push_key import PUSH_KEY, PushSigner
from copconnect.bus import EntryWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live.asleep import Asleep
from copconnect.delivery.live.feed import LiveFeed
from copconnect.delivery.store.tables import LEAVES
from copconnect.ids import ClientId, Seq
from copconnect.leases import Leases
from copconnect.principals import Caller
from copconnect.push.service import PushService as Pushes
from copconnect.push.store import QUEUE, SUBSCRIPTIONS
from copconnect.settings import Settings
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import SeenCursor
from tests.live.rows import Rows, device
from tests.live.world import World

DELAY_MS = 3_000


@dataclass
class OpenClients:
    """The devices that are not revoked: those with a leaf."""

    def unrevoked_clients(self) -> Select[Any]:
        """See ports.UnrevokedDevices."""
        return select(LEAVES.c.client_id).where(LEAVES.c.to_epoch.is_(None))


@dataclass
class Here:
    """The devices that are connected to a node."""

    clients: set[ClientId] = field(default_factory=set)

    def here(self, client_id: ClientId) -> bool:
        """See Fanout."""
        return client_id in self.clients


class Waking(World):
    """One conversation, a push service, and a node that pushes."""

    def __init__(self, database: Database, service: PushService, folder: Path) -> None:
        super().__init__(database)
        self.service = service
        service.now = lambda: self.clock.at / 1000
        self.folder = folder
        self.rows = Rows(database)
        self.here = Here()
        self.signer = PushSigner(folder / PUSH_KEY)
        self.sender = device()
        self.nodes: list[Pushes] = []
        self.push = self.node()

    def node(self, *, alone: bool = True, **settings: Any) -> Pushes:
        """Return one more process."""
        origins = f"{self.service.origin},https://push.example"
        chosen: dict[str, Any] = {
            "push_origins": origins,
            "push_ca_file": str(self.folder / "push-service.pem"),
            "push_private_addresses": "yes",
            "push_contact": "mailto:it@police.example",
            "push_delay_ms": DELAY_MS,
        }
        made = Pushes(
            self.database,
            self.clock,
            Settings(**(chosen | settings)),
            self.signer,
            b"secret of the server",
            Asleep(),
            OpenClients(),
            Leases(self.database, self.clock, alone=alone),
        )
        made.sender.attach(cast(Fanout, self.here))
        self.nodes.append(made)
        return made

    async def close(self) -> None:
        """End all nodes."""
        for one in self.nodes:
            await one.sender.close()

    async def members(self, *callers: Caller, subscribed: bool = True) -> None:
        """Let these belong, with the sender the first time, and subscribe them."""
        new = [*([] if self.rows.placed else [self.sender]), *callers]
        await self.rows.roster(new)
        for person_id in {one.person_id for one in new}:
            await self.rows.member(person_id)
        for one in callers if subscribed else ():
            await self.subscribe(one)

    async def subscribe(self, caller: Caller, path: str = "") -> str:
        """Subscribe a device; return its endpoint."""
        endpoint = f"{self.service.origin}/push/{path or caller.client_id[::-1]}"
        await self.push.subscribe(caller, wire.PutPushSubscription(endpoint=endpoint))
        return endpoint

    async def post(
        self,
        *nodes: Pushes,
        sender: Caller | None = None,
        rows: Rows | None = None,
        quiet: bool = False,
        calls_all: bool = False,
    ) -> Seq:
        """Write a message, and let the nodes hear of it. ``rows``: another conversation."""
        by, into = sender or self.sender, rows or self.rows
        seq = await into.post(by, self.clock.at, quiet=quiet, calls_all=calls_all)
        for node in nodes or (self.push,):
            await node.on_wakeup(
                EntryWakeup(
                    conversation_id=into.conversation_id,
                    seq=seq,
                    device=by.device.hex(),
                    person_id=by.person_id,
                    epoch=1,
                    named_epoch=1,
                    key_id="",
                    deletes=False,
                    frame=b"",
                )
            )
        return seq

    async def fetch(self, caller: Caller, seq: int) -> None:
        """Let a device say how far it has come."""
        cursor = SeenCursor(
            self.rows.conversation_id, caller.client_id, caller.person_id, Seq(seq), Seq(0)
        )
        await LiveFeed(self.deps).store_cursors([cursor])

    async def work(self, after_ms: int = DELAY_MS, node: Pushes | None = None) -> None:
        """Let time pass, then plan and send until nothing is due."""
        self.clock.at += after_ms
        doing = node or self.push
        doing.sender.nudge()
        await doing.round()
        await doing.sender.settle()

    def woken(self) -> Counter[str]:
        """Return how often each device was pushed, by client id."""
        return Counter(one.path.rpartition("/")[2][::-1] for one in self.service.requests)

    async def queue(self) -> list[Any]:
        """Return the rows of the queue."""
        async with self.database.reading() as connection:
            return list(await connection.execute(select(QUEUE)))

    async def subscriptions(self) -> dict[str, Any]:
        """Return the subscriptions by device."""
        async with self.database.reading() as connection:
            rows = await connection.execute(select(SUBSCRIPTIONS))
            return {row.client_id: row for row in rows}


def answering(reply: Callable[[Pushed], Reply] | Reply) -> Callable[[Pushed], Reply]:
    """Return what answers every request so."""
    return reply if callable(reply) else lambda _: reply
