"""Forks servers and commands for tests in another language: ``python -m tests.harness.forks PATH``.

It listens on a Unix socket at PATH. A connection brings one line of JSON, a :class:`Wanted`, and is
answered by two lines: the number of the process, once it runs, and its status, once it has ended.
It ends when its input closes, and its children with it.
"""

import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from tests.harness import forking


class Wanted(msgspec.Struct):
    """A process to start; ``output`` and ``errors``: the files to which it appends what it says."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    output: str
    errors: str


_starting = threading.Lock()


def serve(path: str) -> None:
    """Fork as asked."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(16)
        print("listening", flush=True)
        while True:
            asking, _ = listening.accept()
            threading.Thread(target=_answer, args=(asking,), daemon=True).start()


def _answer(asking: socket.socket) -> None:
    with asking, asking.makefile("rb") as lines, suppress(OSError):  # It may have gone.
        wanted = msgspec.json.decode(lines.readline(), type=Wanted)
        with (
            _starting,
            Path(wanted.output).open("ab") as output,
            Path(wanted.errors).open("ab") as errors,
        ):
            process = forking.start(
                wanted.module, wanted.arguments, wanted.environment, output, errors
            )
        asking.sendall(f"{process.pid}\n".encode())
        asking.sendall(f"{process.wait()}\n".encode())


if __name__ == "__main__":
    threading.Thread(target=serve, args=(sys.argv[1],), daemon=True).start()
    sys.stdin.read()
