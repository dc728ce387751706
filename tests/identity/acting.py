"""Confirmed devices, and acts that tests of administration ask for."""

import json
from typing import Any

from copconnect import wire
from tests.identity.approved import ADMIN, Force
from tests.identity.running import Device, Running
from tests.identity.signing import endorse, endorsement


async def confirmed(running: Running, force: Force, number: str) -> Device:
    """Register a device that the root admin confirms."""
    return await confirmed_by(force.root, running, number)


async def confirmed_by(admin: Device, running: Running, number: str) -> Device:
    """Register a device that an admin confirms."""
    device = await running.device(number)
    made = endorsement(running, device, admin, ADMIN)
    assert (await endorse(running, admin, made)).is_success
    clock: Any = running.container.clock
    clock.ms += 1000
    return device


def suspend(person: Device, reason: str = "") -> wire.SuspendPerson:
    return wire.SuspendPerson(person_id=person.person_id, reason=reason)


async def entries(running: Running) -> list[tuple[str, dict[str, Any]]]:
    """Return who did what, the oldest first."""
    return [
        (one.content.by, json.loads(one.content.act))
        async for one in running.container.audit.entries()
    ]


async def verified(running: Running) -> Any:
    return await running.container.audit.verify(running.container.registry)
