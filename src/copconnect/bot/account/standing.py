"""How the bot's own device stands, by its own judgement: confirmed or not, alarms about its person
(E5), and whether a revocation may wipe it (E6)."""

from copconnect.bot.context import Context
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.confirmed import Confirmed, confirmed
from copconnect.records.trust.judging import revocation_counts
from copconnect.records.trust.revocation import Revocation


def own_standing(context: Context) -> Confirmed | None:
    """Return how the bot's device is confirmed, or None."""
    try:
        return confirmed(
            context.people.trust, context.identity.device, context.time.best_now(), "E0"
        )
    except Refused:
        return None


def look_for_strangers(context: Context) -> None:
    """E5: a bot endorses nobody, so any other device of its person that was registered after it is
    an alarm; so is a DeviceKey of its own that it did not make."""
    own = context.identity.device
    devices = context.people.trust.devices_of(context.identity.person)
    if own in devices:
        for other in devices[devices.index(own) + 1 :]:
            context.alarm(f"the bot's person has a device that it did not endorse: {other.hex()}")
    for key in context.people.keys_of(context.identity.person):
        if key.device == own and not context.own_keys.has_made(key):
            context.alarm(f"there is a key of this bot that it did not make: {key.key_id().hex()}")


def may_wipe(context: Context, data: str) -> bool:
    """Return whether a revocation (hex) is bound to this device and signed by another device of
    its person or by a granted admin (E6). The roster authority alone locks the bot and keeps
    everything."""
    try:
        record = Revocation.parse(bytes.fromhex(data))
        if record.device != context.identity.device or record.by_authority:
            return False
        context.people.trust.add_revocation(record)
    except (Refused, ValueError):
        return False
    return revocation_counts(context.people.trust, record)
