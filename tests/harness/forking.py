"""Servers and commands as child processes that have imported everything already.

The tests start hundreds of them. One process for each test session forks them all
(:mod:`copconnect.services.forking`).
"""

import atexit
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

from copconnect.services.forking import Forked, Forking

ROOT = Path(__file__).parents[2]
MODULES = (
    *("copconnect.cli", "copconnect.bot.cli", "demo.cli", "tests.faults.worker_that_stops"),
    "tests.harness.warmed",
)


def start(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    output: BinaryIO,
    errors: BinaryIO,
    inherited: Sequence[int] = (),
    folder: Path = ROOT,
    umask: int | None = None,
) -> Forked:
    """Start ``python -m module arguments`` in a folder. The child has ``output``, ``errors`` and
    the descriptors ``inherited``, and no input."""
    outputs = output.fileno(), errors.fileno()
    return process().start(module, arguments, environment, outputs, inherited, str(folder), umask)


def run(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path = ROOT,
    umask: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; return its status and what it printed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = start(module, arguments, environment, output, errors, (), folder, umask)
        status = process.wait()
        printed = []
        for file in (output, errors):
            file.seek(0)
            printed.append(file.read().decode())
    return subprocess.CompletedProcess(process.args, status, *printed)


@cache
def process() -> Forking:
    """Return the process that forks, started at the first call; it ends with this one."""
    # Settings of a developer are no business of the tests.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("COPCONNECT_")}
    forking = Forking(MODULES, str(ROOT), clean | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"})
    atexit.register(forking.close)
    return forking
