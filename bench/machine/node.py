"""Programs of the client under Node, asked by lines of JSON: one command in, one answer out."""

import json
import queue
import subprocess
import threading
from typing import IO, Any, cast

Line = dict[str, Any]
_END = object()


class NodeProgram:
    """A TypeScript file in one process."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program.
            ["node", "--import", "tsx", *arguments],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._in = cast(IO[str], self._process.stdin)
        self._answers: queue.Queue[object] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in cast(IO[str], self._process.stdout):
            self._answers.put(json.loads(line))
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

    def ask(self, command: str, **fields: object) -> Line:
        """Send a command and wait for its answer."""
        self.tell(command, **fields)
        return self.hear()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._in.close()
        cast(IO[str], self._process.stdout).close()
