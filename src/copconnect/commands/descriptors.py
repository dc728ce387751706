"""How many files and sockets a process may hold."""

import resource


def raise_limit() -> int:
    """Allow this process as many descriptors as it may have; return how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
