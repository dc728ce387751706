"""Servers and commands as child processes that have imported everything already.

``python -m copconnect`` and ``python -m demo`` import 1,500 modules, which takes two seconds of a
processor; the tests start hundreds of them. One process for each test session (:mod:`forked`)
imports once and forks the others: what runs in a child is the program itself, from its main module
on, as a process of its own with the arguments, environment and descriptors that it was given.

:class:`Forked` is used as :class:`subprocess.Popen` is.
"""

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

import msgspec

from tests.harness.forked import Request

ROOT = Path(__file__).parents[2]


class Forked:
    """A child process. ``args``: how it would have been started by hand."""

    def __init__(self, args: Sequence[str], status: socket.socket) -> None:
        self.args = [*args]
        self.returncode: int | None = None
        self._status = status
        self._lock = threading.Lock()
        self.pid = self._read()

    def poll(self) -> int | None:
        """Return its exit status once it has ended: negative, the signal that ended it."""
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status. Raises subprocess.TimeoutExpired."""
        status = self._wait(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
                self.returncode = self._read()
                self._status.close()
            return self.returncode

    def _read(self) -> int:
        said = self._status.recv(20)
        if not said:
            raise RuntimeError(f"the process that forks has ended, and {self.args!r} with it")
        return int(said)


def start(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    output: BinaryIO,
    errors: BinaryIO,
    inherited: Sequence[int] = (),
    folder: Path = ROOT,
    umask: int | None = None,
) -> Forked:
    """Start ``python -m module arguments`` in a folder. The child has ``output``, ``errors`` and
    the descriptors ``inherited``, and no input."""
    request = Request(module, [*arguments], str(folder), dict(environment), [*inherited], umask)
    status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    given = [theirs.fileno(), output.fileno(), errors.fileno(), *inherited]
    with theirs:
        socket.send_fds(_forking(), [msgspec.msgpack.encode(request)], given)
    return Forked([sys.executable, "-m", module, *arguments], status)


def run(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path = ROOT,
    umask: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; return its status and what it printed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = start(module, arguments, environment, output, errors, (), folder, umask)
        status = process.wait()
        printed = []
        for file in (output, errors):
            file.seek(0)
            printed.append(file.read().decode())
    return subprocess.CompletedProcess(process.args, status, *printed)


@cache
def _forking() -> socket.socket:
    """Start the process that forks; it ends with this one, and its children with it."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # Settings of a developer are no business of the tests.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("COPCONNECT_")}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.harness.forked", str(theirs.fileno())],
            cwd=ROOT,
            env=clean | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        control.close()
        process.wait()

    atexit.register(end)
    return control
