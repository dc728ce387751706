"""Processes that have imported everything already.

``python -m copconnect`` imports 1,500 modules, which takes two seconds of a processor. One process
(:mod:`copconnect.services.forked`) imports once and forks the others: a child runs the program
itself, from its main module on, as its own process with the arguments, environment and
descriptors that it is given.

:class:`Forked` is used as :class:`subprocess.Popen` is, or by an event loop.
"""

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

import msgspec

from copconnect.services.forked import RESERVED, ForkRequest


class ForkingEnded(RuntimeError):
    """The process that forks has ended."""


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
        """Return its exit status. Raises subprocess.TimeoutExpired, ForkingEnded."""
        status = self._wait(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    async def ended(self) -> int:
        """Wait until it has ended; return its exit status. Kill it if the process that forks has
        ended, because no status would arrive then."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._status, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._status)
        try:
            return self.wait()
        except ForkingEnded:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            return -signal.SIGKILL

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
            raise ForkingEnded(f"the process that forks has ended, and {self.args!r} with it")
        return int(said)


class Forking:
    """The process that forks, with these modules imported. It and its children end with the process
    that made this object. Signals of the terminal do not reach them."""

    def __init__(self, modules: Sequence[str], folder: str, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._folder = folder
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module.
                [
                    *(sys.executable, "-m", "copconnect.services.forked"),
                    *(str(theirs.fileno()), *modules),
                ],
                cwd=folder,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        outputs: tuple[int, int],
        inherited: Sequence[int] = (),
        folder: str = "",
        umask: int | None = None,
    ) -> Forked:
        """Start ``python -m module arguments``; ``outputs`` are the descriptors of its output and
        its errors, ``inherited`` others that it has under the same numbers. It has no input.

        Waits until everything is imported. Raises ForkingEnded, ValueError for a number that is not
        reserved.
        """
        if max(inherited, default=0) >= RESERVED:
            raise ValueError(f"only descriptors below {RESERVED} are inherited")
        request = ForkRequest(
            module, [*arguments], folder or self._folder, dict(environment), [*inherited], umask
        )
        status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = [theirs.fileno(), *outputs, *inherited]
        with theirs:
            try:
                socket.send_fds(self._control, [msgspec.msgpack.encode(request)], given)
            except OSError as error:
                raise ForkingEnded("the process that forks has ended") from error
        return Forked([sys.executable, "-m", module, *arguments], status)

    def close(self) -> None:
        """End it, and its children."""
        self._control.close()
        self._process.wait()
