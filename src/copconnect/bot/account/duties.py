"""The duties of a device for its own account, after each connection and every hour.

Their order matters: the department's records first, because everything is judged by them; then
time, by which own keys are dated; then the certificate and the bot's own person.
"""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from copconnect import wire
from copconnect.bot.account.account import Account
from copconnect.bot.account.confirming import Agrees, answer_comparisons
from copconnect.bot.account.standing import look_for_strangers, may_wipe, own_standing
from copconnect.bot.context import LOG, Context
from copconnect.bot.failures import ServerRefused, SignedOut, Unreachable, has_code


class Duties:
    """``on_digits`` is told the digits that an operator reads to an admin (E3); ``agrees`` says
    whether the operator knows that the named admin wants to confirm the bot."""

    def __init__(self, context: Context, account: Account) -> None:
        self._context = context
        self._account = account
        self.confirmed = asyncio.Event()
        self.agrees: Agrees = lambda _id, _name: False
        self.on_digits: Callable[[str], None] = lambda digits: LOG.warning("digits: %s", digits)

    async def refresh_trust(self, version: int | None) -> bool:
        """Take over the department's trust if it is another; None: whatever its version is. Returns
        whether it was. Raises Untrusted and what the API raises."""
        if not await self._account.refresh_trust(version):
            return False
        self._context.people.department_changed(self._account.department)
        return True

    async def look_after(self) -> wire.Me:
        """Do everything that is due. Raises Untrusted, Refused, and what the API raises."""
        context = self._context
        me = await context.api.me()
        self._account.check_own(me)
        await context.time.anchor()
        await context.own_keys.maintain()
        await self._account.renew(me, context.time.require_now())
        await context.people.ensure([context.identity.person], keys=True, fresh=True)
        look_for_strangers(context)
        if own_standing(context) is not None:
            self.confirmed.set()
        else:
            for digits in await answer_comparisons(context, self.agrees):
                self.on_digits(digits)
        return me

    def note_connected(self, now: int) -> None:
        """Note when the bot was there, by the server's time."""
        self._account.put(replace(self._account.row, connected_ms=now))

    async def check_access(self) -> None:
        """E6: the end of the access locks the bot; a revocation bound to it, signed by another
        device of its person or by a granted admin, wipes its state. Raises SignedOut."""
        try:
            await self._context.api.me()
        except Unreachable:
            return
        except ServerRefused as error:
            if not has_code(error, "signed_out", "unauthenticated", "suspended"):
                return
            revocation = error.details.get("revocation")
            if isinstance(revocation, str) and may_wipe(self._context, revocation):
                self._context.stores.vault.wipe()
                raise SignedOut("a revocation has ended this bot: its state is wiped") from error
            raise SignedOut(f"the server does not take this bot any more: {error}") from error
