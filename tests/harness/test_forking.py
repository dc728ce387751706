"""Forked processes are what ``python -m`` starts: status, output, environment, descriptors, end."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.harness import forking
from tests.harness.processes import alive
from tests.harness.server import ServerProcess
from tests.harness.waiting import until

ENVIRONMENT = {**os.environ, "ONLY_HERE": "yes"}
COMMANDS = [["--help"], ["directory", "import", "nowhere"]]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_ends_and_prints_as_one_started_by_hand(
    arguments: list[str], tmp_path: Path
) -> None:
    given = [*arguments, "--data", str(tmp_path)] if len(arguments) > 2 else arguments
    forked = forking.run("copconnect", given, ENVIRONMENT)
    by_hand = subprocess.run(
        [sys.executable, "-m", "copconnect", *given],
        cwd=forking.ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        by_hand.returncode,
        by_hand.stdout,
        by_hand.stderr,
    )


def test_it_has_its_own_environment_folder_and_descriptors() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryFile() as output:
        number = theirs.fileno()
        process = forking.start(
            "tests.harness.forked_child", [str(number)], ENVIRONMENT, output, output, [number]
        )
        theirs.close()
        said = ours.makefile().read().splitlines()
        assert process.wait() == 3
        output.seek(0)
        assert output.read() == b"to output\nto errors\nat its end\n"
    assert said == [
        f"pid {process.pid}",
        "arguments " + str(number),
        "ONLY_HERE yes",
        f"folder {forking.ROOT}",
        "main tests.harness.forked_child",
        "input ''",
        "descriptors 4",  # Input, output, errors, the socket.
        "threads 1",
    ]
    assert "ONLY_HERE" not in os.environ


def test_it_is_killed_and_waited_for(server: ServerProcess) -> None:
    assert alive(server.pid)
    with tempfile.TemporaryFile() as output:
        process = forking.start(
            "demo", ["serve", "--data", "/nowhere"], ENVIRONMENT, output, output
        )
        assert process.wait() == 1
        # A process that has ended is left alone: another's may have its number by now.
        process.kill()
        assert process.poll() == 1
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not alive(server.pid), "it ends")
