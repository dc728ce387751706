"""The real server as a child process, on its own data folder.

It runs as the demo's server (``python -m demo serve``), which keeps the one-time codes in an outbox
in place of a gateway; nothing else differs. :class:`ServerProcess` is stopped, killed and started
again at will, always on the same port and folder.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from tests.harness import forking, processes
from tests.harness.outbox import Outbox
from tests.harness.waiting import NO_TLS, PATIENCE_S

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 120


def run_copconnect(data: Path, *arguments: str, **settings: str | int | bool) -> str:
    """Run the ``copconnect`` command on a data folder; return what it printed."""
    given = [*arguments, "--data", str(data)]
    result = forking.run("copconnect", given, environment_of(settings))
    if result.returncode != 0:
        raise RuntimeError(f"copconnect {arguments} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


class ServerProcess:
    """One server process, or one supervisor of several ``workers``. ``settings`` are fields of
    copconnect.settings.Settings."""

    def __init__(self, data: Path, workers: int = 1, /, **settings: str | int | bool) -> None:
        self.data = data
        self.port = processes.free_port()
        self.log = data.parent / f"{data.name}.log"
        self._workers = workers
        self._settings: dict[str, str | int | bool] = dict(settings)
        self._process: processes.Process | None = None
        self._outbox = Outbox(self.url)

    @property
    def url(self) -> str:
        """The address where it serves."""
        return f"http://localhost:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Serve; returns when /healthz answers."""
        self._serve("demo")

    def _serve(self, module: str, given: Sequence[str] = (), inherited: Sequence[int] = ()) -> None:
        """Serve by a module that takes, after ``given``, the command line of ``copconnect``."""
        with self.log.open("ab") as log:
            # A search of the log must find this (tests/harness/evidence.py); it is empty otherwise.
            log.write(f"{self.url} is started\n".encode())
            log.flush()
            arguments = [*given, *self._options()]
            environment = environment_of(self._settings)
            self._process = forking.start(module, arguments, environment, log, log, inherited)
        processes.wait_until(self._is_healthy, self._process, self.log, START_LIMIT_S)

    def _options(self) -> list[str]:
        return [
            *("serve", "--data", str(self.data), "--port", str(self.port)),
            *("--workers", str(self._workers)),
        ]

    def stop(self) -> None:
        """Stop as an operator does (SIGTERM)."""
        if self._process is not None:
            processes.end(self._process)
            self._process = None

    def kill(self) -> None:
        """Stop as a power cut does (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def change(self, **settings: str | int | bool) -> None:
        """Give it other settings, from its next start on."""
        self._settings |= settings

    def restart(self) -> None:
        """Kill, then start."""
        self.kill()
        self.start()

    def code_for(self, number: str, patience_s: float = PATIENCE_S) -> str:
        """Wait for a one-time code that was sent to a number and not returned here before."""
        return self._outbox.code_for(number, patience_s)

    def _is_healthy(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return (
                processes.accepts(self.port)
                and httpx.get(f"{self.url}/healthz", timeout=2, verify=NO_TLS).status_code == 200
            )
        return False


def environment_of(settings: Mapping[str, str | int | bool]) -> dict[str, str]:
    """Return this environment without the developer's own settings, with the given ones."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COPCONNECT_")}
    kept["PYTHONPATH"] = f"{ROOT / 'src'}:{ROOT}"
    # Tests of other features write in large groups; tests/training/ are about the course.
    for name, value in {"training_before_large": "no", **settings}.items():
        # msgspec reads "true" and "false".
        kept[f"COPCONNECT_{name.upper()}"] = (
            str(value).lower() if isinstance(value, bool) else str(value)
        )
    return kept
