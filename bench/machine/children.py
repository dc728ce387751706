"""Child processes that are asked by lines of JSON: one command in, one answer out.

A process may hold 20,000 descriptors or fewer, so thousands of connections are spread over several
processes; times are compared by the monotonic clock, which all processes of a machine share.
"""

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import IO, Any, cast

LINE_BYTES = 64 * 1024 * 1024  # A line may name every client.
Answer = dict[str, Any]


class Child:
    """A module run as its own process: ``python -m MODULE ARGUMENT…``."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module.
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._in = cast(IO[str], self._process.stdin)
        self._out = cast(IO[str], self._process.stdout)

    def tell(self, command: str, **fields: object) -> None:
        """Send a command."""
        self._in.write(json.dumps({"command": command, **fields}) + "\n")
        self._in.flush()

    def hear(self) -> Answer:
        """Wait for the answer of the oldest command. Raises RuntimeError if the process ended."""
        line = self._out.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        answer: Answer = json.loads(line)
        return answer

    def ask(self, command: str, **fields: object) -> Answer:
        """Send a command and wait for its answer."""
        self.tell(command, **fields)
        return self.hear()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()


def resident_kb() -> int:
    """Return the resident memory of this process in KiB."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


async def answer_lines(answer: Callable[[Answer], Awaitable[Answer]]) -> None:
    """Answer the commands of standard input until it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(await answer(json.loads(line))), flush=True)
