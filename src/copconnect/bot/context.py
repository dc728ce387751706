"""The parts of the bot's device that its other parts stand on. Made once, by ``device.py``."""

import logging
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.bot.net.api import Api
from copconnect.bot.state.rows import AlarmRow
from copconnect.bot.state.stores import Stores
from copconnect.bot.trust.clock import TrustedTime
from copconnect.bot.trust.own_keys import OwnKeys
from copconnect.bot.trust.people import People
from copconnect.ids import DeviceId, PersonId

LOG = logging.getLogger("copconnect.bot")


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot's device and its person."""

    person: bytes
    device: bytes
    signer: Ed25519PrivateKey = field(repr=False)

    @property
    def person_id(self) -> PersonId:
        """The person's id as text."""
        return PersonId(self.person.hex())

    @property
    def device_id(self) -> DeviceId:
        """The device's id as text."""
        return DeviceId(self.device.hex())


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that everything of one bot shares."""

    api: Api
    stores: Stores
    people: People
    time: TrustedTime
    own_keys: OwnKeys
    identity: Identity

    def alarm(self, text: str) -> None:
        """Keep something that people must hear of, once."""
        if self.stores.alarms.get(text) is None:
            LOG.error("alarm: %s", text)
            at = self.time.best_now()
            self.stores.alarms.put(text, AlarmRow(at_ms=at, text=text), place=at)
