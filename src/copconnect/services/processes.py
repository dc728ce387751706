"""Child processes: free ports, waiting until ready, ending for certain."""

import contextlib
import ctypes
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

# Below the ports that systems give to outgoing connections (Linux from 32768, others from 49152):
# one of those may be lent out before a server binds it, or while it is stopped for a while.
PORTS = range(12_000, 32_000)
PATIENCE_S = 120
_PR_SET_PDEATHSIG = 1


class Process(Protocol):
    """A child process, as :class:`subprocess.Popen` has it."""

    @property
    def args(self) -> Any:
        """How it was started."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> Any:
        """Its exit status, once somebody has asked and it has ended."""

    def poll(self) -> int | None:
        """Return its exit status once it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status. Raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int, /) -> None:
        """Send a signal, unless it has ended."""

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on now."""
    while True:
        port = random.choice(PORTS)  # noqa: S311
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


def accepts(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def program(name: str, wheel: str) -> str:
    """Return the path of a program that a wheel put beside Python, or of the system's.

    Raises RuntimeError where there is none.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is missing: install the package {wheel}")
    return found


def die_with_parent() -> None:
    """Let this child process end when the thread that started it does; for ``Popen(preexec_fn=…)``.

    On Linux only: elsewhere a parent that is killed leaves its children.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_until(
    ready: Callable[[], bool],
    process: Process,
    log: Path,
    timeout_s: float,
) -> None:
    """Return once ``ready()`` is true. Raises RuntimeError with the log if it never comes."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{tail(log)}")
        if time.monotonic() > deadline:
            end(process)
            raise RuntimeError(f"{process.args!r} was not ready in {timeout_s} s:\n{tail(log)}")
        time.sleep(0.02)


def tail(log: Path, characters: int = 6000) -> str:
    """Return the end of a log file, or nothing where there is none."""
    return log.read_text(errors="replace")[-characters:] if log.exists() else ""


def end(process: Process, patience_s: float = 10, by: int = signal.SIGTERM) -> int:
    """Ask the process to stop, kill it if it does not; return its exit status."""
    if process.poll() is None:
        process.send_signal(by)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(patience_s)
        process.kill()
    return process.wait()


class ServerProcess:
    """A server that is a child of this process and ends with it. It writes to the file ``log``."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process.pid

    def _serve(self, command: Sequence[str], ready: Callable[[], bool], **options: Any) -> None:
        """Return once it is ready. ``options`` go to Popen. Raises RuntimeError with the log."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a wheel's program.
                command,
                **options,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls one C function.
            )
        wait_until(ready, self._process, self._log, PATIENCE_S)

    def _end(self, patience_s: float = 10, by: int = signal.SIGTERM) -> None:
        if self._process is not None:
            end(self._process, patience_s, by)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
