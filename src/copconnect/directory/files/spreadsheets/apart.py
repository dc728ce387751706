"""Parses a workbook in its own process: a file that makes the parser abort, or take all
memory, costs its import and nothing else.

The process has an empty environment, three open files (its standard streams) and no right to open
another: a file that takes the parser over finds no secret, no file and no network.
"""

import subprocess
import sys

import msgspec

from copconnect.directory.files.limits import FileProblem, FileRefused, Limits
from copconnect.directory.files.spreadsheets import parsing

MODULE = "copconnect.directory.files.spreadsheets.parsing"
SLACK_S = 30  # For a busy machine, beside the processor time that the limits allow.


class _ParserAnswer(msgspec.Struct):
    sheets: list[tuple[str, int, list[list[str]]]] = []
    refused: tuple[FileProblem, str] | None = None


def parse(content: bytes, limits: Limits) -> parsing.Parsed:
    """Return what :func:`parsing.parse` does. Blocks; call it in a thread. Raises FileRefused."""
    command = (sys.executable, "-I", "-m", MODULE, str(limits.memory), str(limits.seconds))
    try:
        done = subprocess.run(  # noqa: S603 - Our own module, and two numbers.
            command,
            input=content,
            capture_output=True,
            env={},
            check=False,
            timeout=limits.seconds + SLACK_S,
        )
    except subprocess.TimeoutExpired as error:
        raise FileRefused("took_too_long", f"{limits.seconds} s") from error
    if done.returncode != 0:
        # A panic, an abort, or the kernel's signal at a limit.
        raise FileRefused("file_damaged", "the parser stopped")
    answer = msgspec.msgpack.decode(done.stdout, type=_ParserAnswer)
    if answer.refused is not None:
        raise FileRefused(*answer.refused)
    return answer.sheets
