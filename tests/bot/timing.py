"""Times a bot of many conversations: ``python -m pytest -s tests/bot/timing.py``.

Prints, as one line of JSON: seconds from the start of the bot's process until it is ready, and the
milliseconds from a question until its answer is here.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from copconnect.bot import Bot, Message
from tests.bot.enrolled import register_bot, soon, until
from tests.harness import databank
from tests.harness.server import ROOT, ServerProcess

CONVERSATIONS, STARTS, QUESTIONS = 100, 5, 30


def started(state: Path) -> tuple[subprocess.Popen[bytes], float]:
    """Start the bot that answers; return its process, and the seconds until it is ready."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bot.answering", str(state)],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    while b"connected" not in process.stdout.readline():
        assert process.poll() is None
    return process, time.monotonic() - begun


def end(process: subprocess.Popen[bytes]) -> None:
    """End the bot as an operator does."""
    process.terminate()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [pid, *map(int, children.split())]


def processor_s(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid: int) -> int:
    """Return the memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (one for one in status.splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1])


async def timed(server: ServerProcess, folder: Path, conversations: int) -> dict[str, object]:
    """Make the conversations, then start the bot and ask it again and again."""
    officers, state, heard = databank.officers(), folder / "bot", list[str]()
    answered = asyncio.Event()
    asker = Bot(folder / "asker.bot")

    @asker.message
    async def listen(message: Message) -> None:
        heard.append(message.text)
        answered.set()

    await register_bot(server, officers[0], folder / "asker.bot")
    other = await register_bot(server, officers[1], state)
    starts, processor, answers = list[float](), list[float](), list[float]()
    async with asker.started():
        await soon(asker.ready())
        talk = await asker.direct(other)
        process, _ = await asyncio.to_thread(started, state)
        for number in range(conversations - 1):
            group = await asker.create_group([other])
            posted = await group.send(f"/vehicle G{number}")
            await soon(posted.accepted())
        await until(lambda: len(heard) >= conversations - 1, "each is answered", 600)
        end(process)
        for _ in range(STARTS):
            process, took = await asyncio.to_thread(started, state)
            starts.append(round(took, 3))
            processor.append(round(sum(processor_s(one) for one in family(process.pid)), 2))
            if len(starts) < STARTS:
                end(process)
        for number in range(QUESTIONS):
            await asyncio.sleep(0.2)
            answered.clear()
            before = time.monotonic()
            await talk.send(f"/vehicle Q{number}")
            await soon(answered.wait())
            answers.append(round((time.monotonic() - before) * 1000, 1))
        memory = sum(resident_kib(one) for one in family(process.pid))
        end(process)
    answers.sort()
    return {
        "conversations": conversations,
        "start_s": starts,
        "start_median_s": median(starts),
        "start_processor_s": median(processor),
        "answer_median_ms": median(answers),
        "answer_worst_ms": answers[-1],
        "memory_kib": memory,
    }


@pytest.mark.timeout(1800)
async def test_time(make_server: Callable[..., ServerProcess], tmp_path: Path) -> None:
    # A person makes fewer conversations in a minute.
    server = make_server(
        conversations_per_person_per_hour=10_000,
        requests_per_person_per_minute=100_000,
        messages_per_person_per_minute=10_000,
        share_requests_per_person_per_minute=10_000,
    )
    print(json.dumps(await timed(server, tmp_path, CONVERSATIONS)))
