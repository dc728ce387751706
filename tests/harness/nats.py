"""A real NATS server for one test session."""

import shutil
import tempfile
from pathlib import Path

from copconnect.services import nats


class NatsServer(nats.NatsServer):
    """A running nats-server with its own folder."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="copconnect-nats-"))
        super().__init__(self._folder)

    def close(self) -> None:
        """End the server and delete its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
