"""Bots for tests: registered for real at a real server, each with its own state file."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from copconnect import wire
from copconnect.bot import KeyFile
from copconnect.bot.core import opened
from copconnect.bot.enrolling import enrol
from copconnect.bot.state import make_private
from copconnect.ids import PersonId
from copconnect.services.forking import Forked
from tests.harness import databank, forking
from tests.harness.server import ROOT

PATIENCE_S = 60.0


def key_of(state: Path) -> KeyFile:
    """Return the key file beside a state file."""
    return KeyFile(state.with_name(f"{state.name}.key"))


class Served(Protocol):
    """A server where tests read the codes that it sends."""

    @property
    def url(self) -> str:
        """The address where it serves."""
        ...

    def code_for(self, number: str) -> str:
        """Wait for a code that was sent to a number and not returned here before."""
        ...


class _State(msgspec.Struct):
    me: wire.Person


async def register_bot(server: Served, officer: databank.Officer, state: Path) -> PersonId:
    """Register a bot with an officer's number; return its person."""
    key = KeyFile.make(key_of(state).path)
    make_private(state)
    async with opened(state, key, server=server.url) as (core, _):
        await enrol(
            core,
            officer.number,
            ask_code=lambda: server.code_for(officer.number),
            ask_enrolment_code=lambda: officer.enrolment_code,
            accept_conduct=lambda _: True,
        )
        return (await core.call(_State, "app.state")).me.person_id


async def until(done: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline, f"it did not happen that {what}"
        await asyncio.sleep(0.05)


async def soon(work: Awaitable[object]) -> None:
    """Wait for work that must end."""
    async with asyncio.timeout(PATIENCE_S):
        await work


async def ended(process: Forked) -> int:
    """Wait for the end of a process that must end; return its status."""
    return await asyncio.to_thread(process.wait, PATIENCE_S)


@contextlib.asynccontextmanager
async def running(
    log: Path,
    module: str,
    *arguments: str,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Forked]:
    """Run a module as a process, which writes this log again; end it as an operator does.
    ``environment``: variables beside this process's."""
    given = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **(environment or {})}
    with log.open("wb") as out:
        made = forking.start(module, arguments, given, out, out, folder=folder)
    try:
        yield made
    finally:
        made.send_signal(signal.SIGTERM)
        await ended(made)
