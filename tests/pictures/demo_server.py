"""The demo as `make demo` starts it, in its own folder and at its own port."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.harness import processes
from tests.harness.outbox import Outbox
from tests.harness.waiting import NO_TLS

START_LIMIT_S = 600  # The force is made first.


@dataclass(frozen=True)
class Demo:
    """A running demo: its address, its data folder, and the codes that it "sends"."""

    url: str
    data: Path
    outbox: Outbox


@contextlib.contextmanager
def running(folder: Path, people: int) -> Iterator[Demo]:
    """Make a force of so many people in this folder and serve it, with its simulated officers."""
    port, log, data = processes.free_port(), folder / "demo.log", folder / "data"
    url = f"http://localhost:{port}"
    arguments = ["--port", str(port), "--people", str(people), "--data", str(data)]
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "demo", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def serves() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{url}/healthz", timeout=2, verify=NO_TLS).status_code == 200
        return False

    try:
        processes.wait_until(serves, demo, log, START_LIMIT_S)
        yield Demo(url, data, Outbox(url))
    finally:
        processes.end(demo)
