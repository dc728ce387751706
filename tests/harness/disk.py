"""A disk that takes no more, for one server."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from tests.harness.server import ServerProcess


@contextmanager
def no_file_grows_beyond(server: ServerProcess, size: int) -> Iterator[None]:
    """Let the kernel refuse (EFBIG) what would make a file of the server larger."""
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)
