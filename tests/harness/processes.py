"""Child processes of the test session: free ports, waiting until ready, ending for certain."""

from pathlib import Path

from copconnect.services.processes import Process, accepts, end, free_port, tail, wait_until

__all__ = ["Process", "accepts", "alive", "children", "end", "free_port", "tail", "wait_until"]


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that have not ended."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(one) for thread in threads for one in thread.read_text().split()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for its parent to look."""
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
