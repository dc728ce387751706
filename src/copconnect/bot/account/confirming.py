"""E3 on the new device's side: an admin compares six digits before the bot is confirmed.

The admin's device sends a commitment; the bot answers with its random half, which is stored before
it is sent and used once; the admin's device reveals its own, and both have the digits. The operator
reads them out, the admin types them, and the admin's device alone decides.
"""

import secrets

from copconnect import wire
from copconnect.bot.context import Context
from copconnect.bot.state.rows import ComparisonRow
from copconnect.ids import DeviceId
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.sas import sas_digits


async def answer_comparisons(context: Context) -> list[str]:
    """Answer the comparisons that admins have begun; return the digits of those that are at that
    stage. Raises what the API raises."""
    own = context.identity.device_id
    shown: list[str] = []
    for one in await context.api.confirmations():
        if one.new_device == own:
            digits = await _answer(context, one)
            if digits is not None:
                shown.append(digits)
    return shown


async def _answer(context: Context, given: wire.Confirmation) -> str | None:
    store = context.stores.comparisons
    row = store.get(given.confirmation_id)
    if row is None:
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
