"""Subscriptions of a force's devices at a push service on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.force.device import Device
from bench.machine.deployment import Deployment
from copconnect.database.engine import BULK, chunks, open_database
from copconnect.ids import ClientId
from copconnect.push.store import SUBSCRIPTIONS


def pushed_at(origin: str, certificate: Path) -> dict[str, Any]:
    """Return the workers' settings for a push service with this certificate."""
    return {
        "push_origins": origin,
        "push_ca_file": certificate,
        "push_private_addresses": "yes",
        "push_contact": "mailto:it@police.example",
    }


async def subscribe(deployment: Deployment, origin: str, paths: Mapping[Device, str]) -> None:
    """Store a push subscription for each device. ``paths``: the paths of the endpoints."""
    database = open_database(deployment.postgresql.url())
    try:
        for some in chunks(list(paths), BULK):
            async with database.transaction() as connection:
                await connection.execute(
                    SUBSCRIPTIONS.insert(),
                    [
                        {
                            "client_id": ClientId(one.client_id),
                            "person_id": one.person_id,
                            "endpoint": f"{origin}{paths[one]}",
                            "origin": origin,
                            "created_ms": 0,
                        }
                        for one in some
                    ],
                )
    finally:
        await database.close()
