"""The real server as child processes, and what they cost."""

import atexit
import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from copconnect.services.forking import Forking
from copconnect.services.processes import Process, free_port

_START_S = 120
_NO_GATEWAY = "http://127.0.0.1:9/"  # Its devices are registered: no text is ever sent.


class Worker:
    """One ``copconnect serve``. ``settings`` are fields of copconnect.settings.Settings.
    ``module``: "demo" for a demo's server, which shows the codes that it sends."""

    def __init__(
        self, data: Path, settings: Mapping[str, object], module: str = "copconnect"
    ) -> None:
        self.port = free_port()
        self.module = module
        self._data = data
        self._settings = settings
        self._log = data / f"worker-{self.port}.log"
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process.pid

    def start(self) -> None:
        """Start; :meth:`wait` says when it serves."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COPCONNECT_")}
        environment["COPCONNECT_SMS_GATEWAY_URL"] = _NO_GATEWAY
        environment["COPCONNECT_TRAINING_BEFORE_LARGE"] = "no"  # Nobody of the force has learnt.
        for name, value in self._settings.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            environment[f"COPCONNECT_{name.upper()}"] = text
        with self._log.open("ab") as log:
            given = ["serve", "--data", str(self._data), "--port", str(self.port)]
            outputs = log.fileno(), log.fileno()
            forking = forking_of(self.module)
            self._process = forking.start(self.module, given, environment, outputs)

    def wait(self) -> None:
        """Return once it serves. Raises RuntimeError with its log if it does not."""
        deadline = time.monotonic() + _START_S
        while not self._serves():
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self._log.read_text(errors='replace')}")
            if time.monotonic() > deadline:
                raise RuntimeError("the server does not answer")
            time.sleep(0.05)

    def _serves(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            url = f"http://127.0.0.1:{self.port}/healthz"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        return False

    def metric(self, name: str) -> float:
        """Return the sum of a counter's samples."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith((f"{name} ", f"{name}{{"))
        )

    def stop(self) -> None:
        """Stop as an operator does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@cache
def forking_of(module: str) -> Forking:
    """Return the process that forks a program's workers; it ends with this one."""
    forking = Forking([f"{module}.cli"], str(Path.cwd()), os.environ)
    atexit.register(forking.close)
    return forking


def cpu_s(pid: int) -> float:
    """Return the processor time of a process's threads."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in threads) / 1e9


def family_cpu_s(pid: int) -> float:
    """Return the processor time of a process and of all its children, ended ones too."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    family = [pid, *(int(child) for one in found for child in one.read_text().split())]
    # After the name in brackets: cutime and cstime are fields 16 and 17 of proc(5), in ticks.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended_s = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return ended_s + sum(cpu_s(one) for one in family)


@contextlib.contextmanager
def on_cores(*, servers: bool) -> Iterator[None]:
    """Start processes on the first half of this machine's processors (``servers``), or on the other
    half, so that simulated phones take no time from the servers. On one processor both share it."""
    own = os.sched_getaffinity(0)
    cores = sorted(own)
    half = (len(cores) + 1) // 2
    os.sched_setaffinity(0, (cores[:half] if servers else cores[half:]) or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmRSS of {pid}")
