"""E3 on the new device's side: an admin compares six digits before the bot is confirmed.

The admin's device sends a commitment. Once the operator has agreed to that admin's name, the bot
answers with its random half, which is stored before it is sent and used once; the admin's device
reveals its own, and both have the digits. The operator reads them out, the admin types them, and
the admin's device alone decides.
"""

import secrets
from collections.abc import Callable

from copconnect import wire
from copconnect.bot.context import Context
from copconnect.bot.state.rows import ComparisonRow
from copconnect.ids import ConfirmationId, DeviceId
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.sas import sas_digits

# Whether the operator knows that the admin of this name wants to confirm the bot.
Agrees = Callable[[ConfirmationId, str], bool]


async def answer_comparisons(context: Context, agrees: Agrees) -> list[str]:
    """Answer the newest comparison of each admin to whose signed name the operator agrees; return
    the digits of those that are at that stage. Raises what the API raises."""
    own = context.identity.device_id
    shown: list[str] = []
    newest: dict[str, wire.Confirmation] = {}
    for one in sorted(await context.api.confirmations(), key=lambda one: one.created_ms):
        if one.new_device == own:
            newest[one.endorser_person_id] = one
    for one in newest.values():
        digits = await _answer(context, one, agrees)
        if digits is not None:
            shown.append(digits)
    return shown


async def _name(context: Context, person_id: bytes) -> str | None:
    await context.people.ensure([person_id])
    card = context.people.card(person_id)
    return None if card is None else f"{dict(card.names).get('Latn', card.post)}, {card.rank}"


async def _answer(context: Context, given: wire.Confirmation, agrees: Agrees) -> str | None:
    store = context.stores.comparisons
    row = store.get(given.confirmation_id)
    if row is None:
        name = await _name(context, bytes.fromhex(given.endorser_person_id))
        if name is None or not agrees(given.confirmation_id, name):
            return None
        row = ComparisonRow(
            confirmation_id=given.confirmation_id,
            commitment=given.commitment,
            endorser=given.endorser_device,
            answer=secrets.token_bytes(16),
        )
        store.put(given.confirmation_id, row)
    if given.answer is None:
        given = await context.api.answer_confirmation(given.confirmation_id, row.answer)
    # The commitment and endorser are those of the first answer: the bot's half served only them.
    if given.secret is None or given.answer != row.answer:
        return None
    try:
        return sas_digits(
            row.commitment,
            given.secret,
            row.answer,
            endorser=bytes.fromhex(DeviceId(row.endorser)),
            new_device=context.identity.device,
            root_key=context.people.trust.root_key,
        )
    except Refused as refused:
        context.alarm(f"a comparison of digits was refused: {refused}")
        return None
