"""The process that :mod:`copconnect.services.forking` forks others from.

Run: python -m copconnect.services.forked CONTROL MODULE…

CONTROL is this process's end of a pair of sockets. The process imports these modules, and the
modules that a server imports only once it starts. It then forks at each request on CONTROL, until
the other end closes. A child becomes what ``python -m module arguments`` would have been: main
module, arguments, environment, descriptors.

Invariants: it has one thread and no event loop when it forks, and runs nothing of the program
itself. When the other end closes it ends its children and itself. A child that ends leaves its
memory as it is: Python would write to all that the two share, 70 ms of a processor.
"""

import atexit
import contextlib
import fcntl
import gc
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Iterable
from importlib import import_module

import msgspec

# A server imports these only once it starts.
IMPORTS = (
    "aiosqlite",
    "asyncpg",
    "alembic.command",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.off",
    "uvicorn.loops.uvloop",
)
LARGEST = 1_000_000
MOST_DESCRIPTORS = 20
RESERVED = 256  # Numbers of descriptors below it are for what children inherit.


class ForkRequest(msgspec.Struct):
    """A process to start. The message that has it brings descriptors: a socket for what becomes of
    the process, its output, its errors, and one for each number in ``inherited``."""

    module: str
    arguments: list[str]
    folder: str
    environment: dict[str, str]
    inherited: list[int]
    umask: int | None = None


class Ending:
    """Ends a child once all else that runs at its end has run: it is registered first."""

    def __init__(self) -> None:
        self._status: int | None = None
        atexit.register(self._end)

    def run(self, module: str) -> None:
        """Run a module as ``python -m`` does, to its end."""
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            # Python prints any other code.
            self._status = ended.code if isinstance(ended.code, int) else None
            raise
        self._status = 0

    def _end(self) -> None:
        if self._status is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._status & 0xFF)


def main() -> None:
    """Fork as asked until the other end closes; in a child, run what was asked for."""
    ending = Ending()
    given = int(sys.argv[1])
    # A file that a module opens keeps its number in each child: reserved numbers must stay free.
    control = socket.socket(fileno=fcntl.fcntl(given, fcntl.F_DUPFD_CLOEXEC, RESERVED))
    os.close(given)
    reserved = [os.open(os.devnull, os.O_RDONLY)]
    while reserved[-1] < RESERVED:
        reserved.append(os.open(os.devnull, os.O_RDONLY))
    # A signal to the process group is meant for the children; this process ends with CONTROL.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.disable()
    for name in (*sys.argv[2:], *IMPORTS):
        import_module(name)
    gc.freeze()
    for one in reserved:
        os.close(one)
    asked = _serve(control)
    if asked is not None:
        # As python -m does.
        sys.argv = [asked.module, *asked.arguments]
        ending.run(asked.module)


def _serve(control: socket.socket) -> ForkRequest | None:
    """Fork until the other end closes, and return None then; return the request in a child."""
    told: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    selector.unregister(key.fileobj)
                    _tell(key.fd, *told.pop(key.fd))
                    continue
                data, descriptors, _, _ = socket.recv_fds(control, LARGEST, MOST_DESCRIPTORS)
                if not data:
                    _end(pid for pid, _ in told.values())
                    return None
                status, *given = descriptors
                pid = os.fork()
                if pid == 0:
                    control.close()
                    selector.close()
                    os.close(status)
                    for descriptor, (_, other) in told.items():
                        os.close(descriptor)
                        other.close()
                    request = msgspec.msgpack.decode(data, type=ForkRequest)
                    _become(request, given)
                    return request
                for descriptor in given:
                    os.close(descriptor)
                watched = os.pidfd_open(pid)
                told[watched] = (pid, socket.socket(fileno=status))
                told[watched][1].send(str(pid).encode())
                selector.register(watched, selectors.EVENT_READ)


def _tell(watched: int, pid: int, status: socket.socket) -> None:
    """Say with which status a child has ended, as subprocess numbers it."""
    _, ended = os.waitpid(pid, 0)
    os.close(watched)
    with status, contextlib.suppress(OSError):  # Nobody may want to know.
        status.send(str(os.waitstatus_to_exitcode(ended)).encode())


def _end(children: Iterable[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGTERM)


def _become(request: ForkRequest, given: list[int]) -> None:
    """Take the descriptors, the environment and the folder of the new process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Above every number that is to be taken: the given number may have one of those now.
    high = max([2, *request.inherited, *given]) + 1
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, high) for descriptor in given]
    for descriptor in given:
        os.close(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for descriptor, number in zip(moved, (1, 2, *request.inherited), strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    if request.umask is not None:
        os.umask(request.umask)
    # A program that runs by its name looks for modules there first.
    sys.path[0] = request.folder
    gc.enable()


if __name__ == "__main__":
    main()
