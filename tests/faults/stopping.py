"""A worker that a test stops at a step of a message's path; the test's side of it."""

import socket
from pathlib import Path

import httpx

from copconnect.commands import supervising
from tests.faults.steps import Step
from tests.harness.server import ServerProcess
from tests.harness.waiting import NO_TLS, PATIENCE_S

_WORKER = "tests.faults.worker_that_stops"


class StoppingWorker(ServerProcess):
    """One worker, on its own port.

    This holds the listening socket, as a supervisor does: connections that come while there is no
    worker wait for the next one.
    """

    def __init__(self, data: Path, name: str, **settings: str | int | bool) -> None:
        super().__init__(data, **settings)
        self.log = data.parent / f"{name}.log"
        (self._listening,) = supervising.listen("127.0.0.1", self.port, 1)
        self._supervising: socket.socket | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Serve; it stops nowhere yet."""
        self._hang_up()
        self._control, control = socket.socketpair()
        self._supervising, supervisor = socket.socketpair()
        self._control.settimeout(PATIENCE_S)
        with control, supervisor:
            given = [one.fileno() for one in (control, self._listening, supervisor)]
            self._serve(_WORKER, [*map(str, given)], given)

    def close(self) -> None:
        """Stop for good, as an operator does."""
        self._hang_up()
        self.stop()
        self._listening.close()

    @property
    def hears(self) -> bool:
        """Whether wake-ups of other nodes arrive, as far as it knows."""
        return (
            "bus_hears 1.0"
            in httpx.get(f"{self.url}/metrics", timeout=PATIENCE_S, verify=NO_TLS).text
        )

    def stop_at(self, step: Step) -> None:
        """Let it stop the next time something comes to this step."""
        self._pair.send(step.encode())

    def wait_for_stop(self, step: Step) -> None:
        """Return once it has stopped. Raises TimeoutError if it does not."""
        assert self._pair.recv(100).decode() == step

    def go_on(self) -> None:
        """Let it run again."""
        self._pair.send(b"continue")

    @property
    def _pair(self) -> socket.socket:
        assert self._control is not None
        return self._control

    def _hang_up(self) -> None:
        for one in (self._control, self._supervising):
            if one is not None:
                one.close()
        self._control = self._supervising = None
