"""Programs of the client under Node, asked by lines of JSON; some lines come by themselves."""

import json
import queue
import subprocess
import threading
from typing import IO, Any, cast

Line = dict[str, Any]
_END = object()


class NodeProgram:
    """A TypeScript file in one process. Lines with ``seed`` and ``posted`` come by themselves."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program.
            ["node", "--import", "tsx", *arguments],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._in = cast(IO[str], self._process.stdin)
        self._answers: queue.Queue[object] = queue.Queue()
        self._seeds: queue.Queue[Line] = queue.Queue()
        self.posted: list[str] = []  # Entry ids of all messages that were accepted.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in cast(IO[str], self._process.stdout):
            found = json.loads(line)
            if "posted" in found:
                self.posted.append(found["posted"])
            else:
                (self._seeds if "seed" in found else self._answers).put(found)
        self._answers.put(_END)

    def tell(self, command: str, **fields: object) -> None:
        """Send a command."""
        self._in.write(json.dumps({"command": command, **fields}) + "\n")
        self._in.flush()

    def hear(self, limit_s: float = 600) -> Line:
        """Wait for the next answer. Raises RuntimeError for an error, or its end."""
        try:
            found = self._answers.get(timeout=limit_s)
        except queue.Empty as error:
            raise RuntimeError("the client does not answer") from error
        if not isinstance(found, dict):
            raise RuntimeError(f"the client ended with {self._process.wait()}")
        if "error" in found:
            raise RuntimeError(found["error"])
        return found

    @property
    def answered(self) -> bool:
        """Whether an answer is there to hear."""
        return not self._answers.empty()

    def ask(self, command: str, **fields: object) -> Line:
        """Send a command and wait for its answer."""
        self.tell(command, **fields)
        return self.hear()

    def seeds(self) -> list[Line]:
        """Return the cells' new seeds that came so far."""
        found: list[Line] = []
        while not self._seeds.empty():
            found.append(self._seeds.get())
        return found

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._in.close()
        cast(IO[str], self._process.stdout).close()
