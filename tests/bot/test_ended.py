"""The end of a bot (E6): the roster authority's word locks it, an admin's signed one wipes it."""

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from copconnect import wire
from copconnect.bot import Bot, SignedOut
from copconnect.bot.core import Status, opened
from copconnect.ids import ClientId, DeviceId, PersonId
from copconnect.records.trust.revocation import Revocation
from tests.bot.enrolled import key_of, register_bot, soon
from tests.harness import databank
from tests.harness.officer import Device
from tests.harness.server import ServerProcess, run_copconnect

OFFICERS = databank.officers()


async def account_in(state: Path) -> tuple[PersonId, ClientId, DeviceId]:
    """Return the account in a state file."""
    async with opened(state, key_of(state)) as (core, _):
        status = await core.call(Status, "bot.status")
        return status.person_id, status.client_id, status.device


@pytest.mark.timeout(120)
async def test_e6_a_revocation_by_the_roster_authority_locks_and_keeps_everything(
    server: ServerProcess, tmp_path: Path
) -> None:
    state = tmp_path / "bot"
    await register_bot(server, OFFICERS[0], state)
    account = await account_in(state)
    bot = Bot(state)
    async with bot.started() as running:
        await soon(bot.ready())
        revoking = (server.data, "admin", "revoke-client", account[1])
        await asyncio.to_thread(run_copconnect, *revoking)
        with pytest.raises(SignedOut, match="does not take this bot"):
            await asyncio.wait_for(running, 60)
    assert await account_in(state) == account


@pytest.mark.timeout(120)
async def test_e6_a_revocation_that_an_admin_signed_wipes_the_state(
    make_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server, state = make_server(department_policy="approval"), tmp_path / "bot"
    with Device(server, OFFICERS[0]) as admin:
        await asyncio.to_thread(admin.register)
        await asyncio.to_thread(admin.become_root_admin)
        await register_bot(server, OFFICERS[1], state)
        person_id, _, device_id = await account_in(state)
        device = bytes.fromhex(device_id)
        await asyncio.to_thread(admin.endorse, device)
        bot = Bot(state)
        async with bot.started() as running:
            await soon(bot.ready())
            now = time.time_ns() // 1_000_000
            record = Revocation(
                device=device, lost=now, created=now, signer=admin.device, standing=()
            ).signed(admin.signer)
            act = wire.RevokeDevice(
                person_id=person_id,
                device=device_id,
                revocation=base64.b64encode(record.encode()).decode(),
            )
            await asyncio.to_thread(admin.act, act)
            with pytest.raises(SignedOut, match="its state is wiped"):
                await asyncio.wait_for(running, 60)
    with pytest.raises(SignedOut, match="its state is wiped"):
        await account_in(state)
    assert device_id.encode() not in state.read_bytes()
