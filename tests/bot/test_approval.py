"""Under the policy "approval" an admin compares digits before a bot is confirmed (E3)."""

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import load_der_x509_certificate

from copconnect import wire
from copconnect.bot import Bot, Message
from copconnect.bot.core import Status, opened
from copconnect.bot.enrolling import confirm, standing
from copconnect.ids import ConfirmationId, DeviceId, new_id
from copconnect.records.trust.sas import sas_commitment, sas_digits
from tests.bot.enrolled import key_of, register_bot, soon, until
from tests.harness import databank
from tests.harness.officer import Device
from tests.harness.server import ServerProcess

OFFICERS = databank.officers()


def raw_key(key: object) -> bytes:
    """Return the bytes of an Ed25519 key."""
    assert isinstance(key, Ed25519PublicKey)
    return key.public_bytes_raw()


def compare(admin: Device, bot: bytes, shown: list[str]) -> None:
    """Do what an admin's phone does: commit, reveal, and endorse if the digits are the same."""
    root = load_der_x509_certificate(admin.call("GET", "/v1/trust", None, wire.Trust).root)
    root_key = raw_key(root.public_key())
    half, confirmation_id = secrets.token_bytes(16), ConfirmationId(new_id())
    commitment = sas_commitment(half, admin.device)
    body = wire.BeginConfirmation(
        confirmation_id=confirmation_id, new_device=DeviceId(bot.hex()), commitment=commitment
    )
    found = admin.call("POST", "/v1/confirmations", body, wire.Confirmation)
    while found.answer is None:
        time.sleep(0.1)
        every = admin.call("GET", "/v1/confirmations", None, wire.Confirmations).confirmations
        (found,) = [one for one in every if one.confirmation_id == confirmation_id]
    path = f"/v1/confirmations/{confirmation_id}/reveal"
    admin.call("POST", path, wire.RevealConfirmation(secret=half), wire.Confirmation)
    digits = sas_digits(
        commitment, half, found.answer, endorser=admin.device, new_device=bot, root_key=root_key
    )
    while digits not in shown:
        time.sleep(0.1)
    admin.endorse(bot)


@pytest.mark.timeout(200)
async def test_a_bot_shows_digits_and_is_listed_once_an_admin_has_compared_them(
    make_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = make_server(department_policy="approval")
    admin = Device(server, OFFICERS[0])
    with admin:
        await asyncio.to_thread(admin.register)
        await asyncio.to_thread(admin.become_root_admin)
        bots = [tmp_path / "one.bot", tmp_path / "two.bot"]
        people = [
            await register_bot(server, OFFICERS[index], state)
            for index, state in enumerate(bots, 1)
        ]
        for state in bots:
            shown = list[str]()
            async with opened(state, key_of(state)) as (core, _):
                assert not (await standing(core)).confirmed
                own = bytes.fromhex((await core.call(Status, "bot.status")).device)
                comparing = asyncio.to_thread(compare, admin, own, shown)
                asked = list[str]()

                def knows(admin: str, asked: list[str] = asked) -> bool:
                    asked.append(admin)
                    return True

                await soon(asyncio.gather(confirm(core, knows, shown.append), comparing))
                assert (await standing(core)).confirmed
                assert asked == [f"{OFFICERS[0].name}, Sub-Inspector"]
    one, two = map(Bot, bots)
    heard: list[Message] = []

    @two.message
    async def listen(message: Message) -> None:
        heard.append(message)

    async with one.started(), two.started():
        await soon(one.ready())
        await soon(two.ready())
        talk = await one.direct(people[1])
        await talk.send("confirmed by an admin")
        await until(lambda: bool(heard), "the message comes")
    assert heard[0].sender.approved
    assert heard[0].sender.rank == "Sub-Inspector"
    assert heard[0].sender.unit_path.startswith("TG/")


@pytest.mark.timeout(120)
async def test_e3_a_bot_answers_nobody_whom_its_operator_does_not_know(
    make_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = make_server(department_policy="approval")
    admin = Device(server, OFFICERS[0])
    with admin:
        await asyncio.to_thread(admin.register)
        await asyncio.to_thread(admin.become_root_admin)
        state, asked = tmp_path / "asked.bot", list[str]()
        await register_bot(server, OFFICERS[1], state)
        async with opened(state, key_of(state)) as (core, _):
            body = wire.BeginConfirmation(
                confirmation_id=ConfirmationId(new_id()),
                new_device=(await core.call(Status, "bot.status")).device,
                commitment=sas_commitment(secrets.token_bytes(16), admin.device),
            )
            await asyncio.to_thread(
                admin.call, "POST", "/v1/confirmations", body, wire.Confirmation
            )

            def knows(name: str) -> bool:
                asked.append(name)
                return False

            with pytest.raises(TimeoutError):
                async with asyncio.timeout(8):
                    await confirm(core, knows, lambda _: None)
        every = admin.call("GET", "/v1/confirmations", None, wire.Confirmations).confirmations
        assert [one.answer for one in every] == [None]
    # The operator answers once for each comparison.
    assert len(asked) == 1


@pytest.mark.timeout(120)
async def test_e2_a_bot_that_nobody_confirmed_is_in_no_conversation(
    make_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = make_server(department_policy="approval")
    state = tmp_path / "lonely.bot"
    await register_bot(server, OFFICERS[1], state)
    bot = Bot(state)
    async with bot.started():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await bot.ready()
        assert bot.conversations == []
