"""Departments of the people of :mod:`tests.harness.databank`, and a benchmark's server of one."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.harness import databank
from tests.harness.server import ServerProcess, run_copconnect


def make_department(folder: Path, name: str, policy: str = "none") -> Path:
    """Make a department with its keys and people; return its data folder."""
    databank.write(folder / "databank")
    data = folder / "data"
    run_copconnect(data, "init", "--department", name, "--policy", policy)
    run_copconnect(data, "directory", "import", str(folder / "databank"))
    return data


@contextlib.contextmanager
def bench_server(**settings: str | int | bool) -> Iterator[ServerProcess]:
    """A server on SQLite in a temporary folder, as a benchmark measures it."""
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        server = ServerProcess(make_department(Path(folder), "Bench Police"), **settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()
