"""The parts of a simulator that the duties of its devices use."""

from typing import Protocol

from bench.crowd.connecting import Connections
from bench.crowd.device import Place, SimulatedDevice
from bench.crowd.plan import Population
from bench.crowd.reading import Reading
from bench.net.http_client import HttpPool
from copconnect import wire
from copconnect.ids import ConversationId


class Crowd(Protocol):
    """The part of the simulator that the duties of its devices use."""

    @property
    def population(self) -> Population:
        """The devices as they were planned."""

    @property
    def connections(self) -> Connections:
        """Their connections."""

    @property
    def reading(self) -> Reading:
        """The reading side of the devices."""

    @property
    def http(self) -> HttpPool:
        """Their requests."""

    @property
    def starting(self) -> HttpPool:
        """Their starts in conversations."""

    async def learn_senders(self, device: SimulatedDevice, page: wire.LogPage) -> None:
        """Fetch what is signed about the senders of a page, where this process lacks it."""

    def say(self, device: SimulatedDevice, frame: wire.ClientFrame) -> bool:
        """Send a frame of a device; return whether it is connected."""

    def receive(self, device: SimulatedDevice, payload: bytes, now_ns: int) -> None:
        """Let a device take a frame."""

    def receive_page(self, device: SimulatedDevice, place: Place, page: wire.LogPage) -> None:
        """Let a device take a page of the log, with its keys, heads and proofs."""

    async def catch_up(
        self, device: SimulatedDevice, place: Place, conversation_id: ConversationId, last: int
    ) -> None:
        """Fetch what Ready showed, then take what sockets brought meanwhile."""
