"""Nodes that start together agree on one version of Trust."""

import asyncio
from typing import Any

from copconnect.auth_service.registry import TrustPublisher
from copconnect.database import Database
from tests.contract.delivery_world import StillClock


class Issuing:
    """What a node has of the certificate authority here."""

    def __init__(self, *certificates: bytes) -> None:
        self.issuing = list(certificates)


async def start_together(database: Database, authority: Any) -> int:
    nodes = [TrustPublisher(database, StillClock(), authority) for _ in range(8)]
    await asyncio.gather(*(node.start() for node in nodes))
    return await nodes[0].version()


async def test_nodes_that_start_together_agree(database: Database) -> None:
    assert await start_together(database, Issuing(b"first")) == 1
    assert await start_together(database, Issuing(b"first")) == 1
    assert await start_together(database, Issuing(b"first", b"second")) == 2
