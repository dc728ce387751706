"""64 people and a conversation of all of them in six cells, made by a process of its own.

Run: python -m tests.faults.founded FOLDER
"""

import subprocess
import sys
from pathlib import Path

import msgspec

from copconnect.bench import force, founding
from copconnect.bench.force import Device, Force
from copconnect.bench.founding import Conversation
from tests.harness.server import ROOT

PEOPLE, CELL_SIZE, SUITE = 64, 16, 1


def make(folder: Path) -> Conversation:
    """Let them be made in a folder."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.faults.founded", str(folder)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    conversation = Path(made.stdout.splitlines()[-1])
    people = conversation.parent
    devices = (people / force.DEVICES).read_bytes()
    return founding.with_cells(
        Force(people, msgspec.msgpack.decode(devices, type=list[Device])), conversation
    )


def main() -> None:
    """Make them; the last line is the conversation's folder."""
    people = force.cached(Path(sys.argv[1]), PEOPLE)
    print(founding.cached(people, SUITE, CELL_SIZE).folder)


if __name__ == "__main__":
    main()
