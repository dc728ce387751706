"""A program that says on a socket what it was started with (test_forking.py)."""

import atexit
import os
import socket
import sys
import threading
from pathlib import Path


def main() -> None:
    """Run."""
    with socket.socket(fileno=int(sys.argv[1])) as told:
        descriptors = [one for one in Path("/proc/self/fd").iterdir() if _open(int(one.name))]
        main = sys.modules["__main__"].__spec__
        lines = [
            f"pid {os.getpid()}",
            "arguments " + " ".join(sys.argv[1:]),
            f"ONLY_HERE {os.environ.get('ONLY_HERE')}",
            f"folder {Path.cwd()}",
            f"main {main and main.name}",
            f"input {sys.stdin.read()!r}",
            f"descriptors {len(descriptors)}",
            f"threads {threading.active_count()}",
        ]
        told.sendall("\n".join(lines).encode())
    print("to output", flush=True)
    atexit.register(print, "at its end")  # Without a flush.
    print("to errors", file=sys.stderr, flush=True)
    sys.exit(3)


def _open(descriptor: int) -> bool:
    """Whether it is open still: the list itself was."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
