"""Registering a bot, as a command or a program does: number, code, second factor, certificate, the
code of conduct, and the first look at the account, which publishes the bot's keys."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from copconnect import wire
from copconnect.bot.account.registering import register
from copconnect.bot.account.standing import own_standing
from copconnect.bot.device import Device
from copconnect.bot.failures import BotFailure
from copconnect.bot.net.api import Api
from copconnect.bot.net.http import Http
from copconnect.bot.state.stores import Stores
from copconnect.bot.trust.clock import Clocks
from copconnect.ids import ConfirmationId

Ask = Callable[[], str]
_LOOK_S = 2.0  # So often the server is asked for comparisons of digits.


async def enrol(
    stores: Stores,
    server: str,
    number: str,
    *,
    ask_code: Ask,
    ask_enrolment_code: Ask,
    accept_conduct: Callable[[wire.ConductCode], bool],
    label: str = "Bot",
    ca_file: Path | None = None,
) -> None:
    """Register; ``ask_…`` ask the operator. Raises BotFailure, Untrusted, StateFailure."""
    if stores.account is not None:
        raise BotFailure("this state file is registered already")
    http = Http(server, lambda: None, ca_file)
    try:
        api = Api(http)
        asked = await api.request_code(number)
        step = await api.submit_code(asked.challenge_id, ask_code().strip())
        if step.next == "enrolment_code":
            step = await api.submit_enrolment_code(step.ticket, ask_enrolment_code().strip())
        await register(api, stores, step, label=label, clocks=Clocks())
    finally:
        await http.close()
    async with looking(stores, ca_file) as device:
        await accept(device, accept_conduct)
        await device.duties.look_after()


async def accept(device: Device, agrees: Callable[[wire.ConductCode], bool]) -> None:
    """Accept the code of conduct if the operator does. Raises BotFailure."""
    code = await device.context.api.conduct()
    if not agrees(code):
        raise BotFailure("the server lets nobody in without the code: copconnect-bot conduct")
    await device.context.api.accept_conduct(code.version)


def is_confirmed(device: Device) -> bool:
    """Return whether the bot's device is confirmed, by its own judgement (E0)."""
    return own_standing(device.context) is not None


@contextlib.asynccontextmanager
async def looking(stores: Stores, ca_file: Path | None = None) -> AsyncIterator[Device]:
    """Give a device that makes requests and holds no connection."""
    device = Device(stores, on_message=lambda _: None, ca_file=ca_file)
    try:
        yield device
    finally:
        await device.close()


async def confirm(
    device: Device, knows: Callable[[str], bool], show: Callable[[str], None]
) -> None:
    """Answer comparisons of digits of admins whom the operator knows, who is asked once for each,
    until one has confirmed the bot (E3). Raises what the API raises."""
    shown: set[str] = set()
    declined: set[ConfirmationId] = set()

    def agrees(confirmation_id: ConfirmationId, name: str) -> bool:
        if confirmation_id in declined:
            return False
        if not knows(name):
            declined.add(confirmation_id)
        return confirmation_id not in declined

    def show_once(digits: str) -> None:
        if digits not in shown:
            shown.add(digits)
            show(digits)

    device.duties.agrees = agrees
    device.duties.on_digits = show_once
    while True:
        await device.duties.look_after()
        if is_confirmed(device):
            return
        await asyncio.sleep(_LOOK_S)
