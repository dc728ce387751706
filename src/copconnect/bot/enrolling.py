"""Registering a bot, as a command or a program does: number, code, second factor, certificate, the
code of conduct; then the digits that an admin compares."""

import asyncio
from collections.abc import Callable

from copconnect import wire
from copconnect.bot.core import Comparison, Core, DeviceState
from copconnect.bot.failures import BotFailure
from copconnect.ids import ConfirmationId

Ask = Callable[[], str]
_LOOK_S = 0.5  # Between two questions to the core for digits; a question makes no request.
_LANGUAGE = "en"


async def enrol(
    core: Core,
    number: str,
    *,
    ask_code: Ask,
    ask_enrolment_code: Ask,
    accept_conduct: Callable[[wire.ConductCode], bool],
    label: str = "Bot",
) -> None:
    """Register, or continue with a registration that broke off; ``ask_…`` ask the operator. Raises
    BotFailure."""
    state = await standing(core)
    if state.phase == "signed_out":
        await core.tell("app.startOver")
        state = await standing(core)
    if state.phase not in {"register", "conduct"}:
        raise BotFailure("this state file is registered already")
    if state.phase == "register":
        asked = await core.call(wire.CodeRequested, "registration.requestCode", number, _LANGUAGE)
        code = ask_code().strip()
        step = await core.call(
            wire.RegistrationStep, "registration.submitCode", asked.challenge_id, code
        )
        if step.next == "enrolment_code":
            code = ask_enrolment_code().strip()
            step = await core.call(
                wire.RegistrationStep, "registration.submitEnrolmentCode", step.ticket, code
            )
        if step.next != "device":
            raise BotFailure(
                f"the server wants {step.next} of this number, which a bot cannot give"
            )
        await core.tell("app.register", step.ticket, label)
    if (await standing(core)).phase == "conduct":
        await accept(core, accept_conduct)


async def standing(core: Core) -> DeviceState:
    """Return the device's state."""
    return await core.call(DeviceState, "bot.start")


async def accept(core: Core, agrees: Callable[[wire.ConductCode], bool]) -> None:
    """Accept the code of conduct if the operator does. Raises BotFailure."""
    code = await core.call(wire.ConductCode, "conduct.code", _LANGUAGE)
    if not agrees(code):
        raise BotFailure("the server lets nobody in without the code: copconnect-bot conduct")
    await core.tell("app.acceptConduct", code.version, _LANGUAGE)


async def confirm(core: Core, knows: Callable[[str], bool], show: Callable[[str], None]) -> None:
    """Answer comparisons of digits of admins whom the operator knows, who is asked once for each,
    and show the digits, until one has confirmed the bot (E3). Raises BotFailure."""
    asked: set[ConfirmationId] = set()
    shown: set[str] = set()
    while not (await standing(core)).confirmed:
        for one in await core.call(list[Comparison], "bot.comparisons"):
            if one.state == "asked" and one.confirmation_id not in asked:
                asked.add(one.confirmation_id)
                if knows(one.admin):
                    await core.tell("devices.answerConfirmation", one.confirmation_id)
            if one.digits is not None and one.digits not in shown:
                shown.add(one.digits)
                show(one.digits)
        await asyncio.sleep(_LOOK_S)
