"""Child processes of the test session: free ports, waiting until ready, ending for certain."""

from copconnect.services.processes import accepts, end, free_port, tail, wait_until

__all__ = ["accepts", "end", "free_port", "tail", "wait_until"]
