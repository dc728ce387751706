"""Workers, NATS and PostgreSQL die while messages flow: nobody loses one or gets one twice."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from copconnect.commands.serving import DRAWING
from tests.faults.department import Department
from tests.faults.phones import Place
from tests.faults.stream import streaming, until
from tests.harness import processes
from tests.harness.processes import alive
from tests.harness.server import ServerProcess, run_copconnect

pytestmark = [pytest.mark.postgresql, pytest.mark.nats, pytest.mark.timeout(400)]


def forking(server: ServerProcess) -> list[int]:
    """Return the process that forks a supervisor's workers."""
    return processes.children(server.pid)


def workers(server: ServerProcess) -> list[int]:
    """Return the processes of a supervisor's workers."""
    return [one for one in forked(server) if one not in drawing(server)]


def drawing(server: ServerProcess) -> list[int]:
    """Return the process that draws heads and serves no sockets."""
    return [one for one in forked(server) if _name_of(one) == DRAWING]


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def forked(server: ServerProcess) -> list[int]:
    """Return the processes that a supervisor keeps running."""
    return [one for parent in forking(server) for one in processes.children(parent)]


async def kill_one(server: ServerProcess) -> None:
    """Kill a worker; wait for the one that takes its place."""
    victim = workers(server)[0]
    os.kill(victim, signal.SIGKILL)
    await until(lambda: not alive(victim), "the worker is dead")
    await until(lambda: len(workers(server)) == 3, "another takes its place")


async def test_workers_are_killed_one_after_another(server: ServerProcess, place: Place) -> None:
    async with streaming([f"127.0.0.1:{server.port}"], place) as stream:
        for _ in range(3):
            await kill_one(server)
            await stream.all_online()
            await stream.more(20)
    assert any(one.connections > 1 for one in stream.listeners)


async def test_nats_is_killed_and_comes_back(
    shared: Department, server: ServerProcess, place: Place
) -> None:
    async with streaming([f"127.0.0.1:{server.port}"], place) as stream:
        shared.nats.kill()
        try:
            await stream.more(60)
            await stream.received()  # Without it, too, only later.
        finally:
            shared.nats.start()
        await stream.more(60)
    assert all(one.connections == 1 for one in stream.listeners)


async def test_postgresql_crashes_and_recovers(
    shared: Department, server: ServerProcess, place: Place
) -> None:
    async with streaming([f"127.0.0.1:{server.port}"], place) as stream:
        shared.database.kill()
        await asyncio.sleep(1)
        shared.database.start()  # In this thread: a child of another would end with that.
        await stream.more(60)
    assert sum(one.repeats for one in stream.posters) > 0


async def test_workers_are_replaced_one_after_another(server: ServerProcess, place: Place) -> None:
    before = set(workers(server))
    async with streaming([f"127.0.0.1:{server.port}"], place) as stream:
        os.kill(server.pid, signal.SIGHUP)
        await until(lambda: not before & set(workers(server)), "all workers are new")
        await stream.all_online()
    codes = {code for one in stream.listeners for code in one.closed}
    assert codes <= {1012, 1006}
    assert 1012 in codes


async def test_a_worker_that_hangs_is_replaced(server: ServerProcess, place: Place) -> None:
    async with streaming([f"127.0.0.1:{server.port}"], place) as stream:
        victim = workers(server)[0]
        os.kill(victim, signal.SIGSTOP)
        await until(lambda: not alive(victim), "the hung worker is killed")
        await until(lambda: len(workers(server)) == 3, "another takes its place")
        await stream.all_online()


async def test_the_process_that_draws_heads_is_replaced_and_serves_no_socket(
    server: ServerProcess,
) -> None:
    await until(lambda: len(drawing(server)) == 1, "it runs")
    (victim,) = drawing(server)
    await until(
        lambda: all(server.port in _listening(one) for one in workers(server)), "workers listen"
    )
    assert server.port not in _listening(victim)
    os.kill(victim, signal.SIGKILL)
    await until(lambda: not alive(victim), "it is dead")
    await until(lambda: len(drawing(server)) == 1, "another takes its place")
    assert len(workers(server)) == 3


def _listening(pid: int) -> set[int]:
    """Return the ports on which a process listens."""
    sockets = {str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()}
    found: set[int] = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
            found.add(int(fields[1].split(":")[1], 16))
    return found


async def test_nats_hangs(shared: Department, server: ServerProcess, place: Place) -> None:
    """As when the network between the nodes and NATS is cut: nothing ends, nothing arrives."""
    async with streaming([f"127.0.0.1:{server.port}"], place) as stream:
        os.kill(shared.nats.pid, signal.SIGSTOP)
        try:
            await stream.more(60)
            await stream.received()
        finally:
            os.kill(shared.nats.pid, signal.SIGCONT)
        await stream.more(60)
    assert all(one.connections == 1 for one in stream.listeners)


async def test_the_process_that_forks_workers_is_killed(
    server: ServerProcess, place: Place
) -> None:
    before = workers(server)
    async with streaming([f"127.0.0.1:{server.port}"], place) as stream:
        os.kill(forking(server)[0], signal.SIGKILL)
        await until(lambda: not any(map(alive, before)), "its workers end")
        await until(lambda: len(workers(server)) == 3, "others take their places")
        await stream.all_online()
        await stream.more(20)


async def test_a_supervisor_that_dies_takes_its_workers_along(
    node: Callable[..., ServerProcess],
) -> None:
    lonely = node(workers=2)
    children = forked(lonely)
    assert len(children) == 3
    lonely.kill()
    await until(lambda: not any(map(alive, children)), "the workers end")


@pytest.mark.parametrize(
    ("missing", "code"),
    [("database_url", "workers_need_postgresql"), ("bus_url", "workers_need_nats")],
)
def test_what_cannot_be_shared_is_refused(shared: Department, missing: str, code: str) -> None:
    given = {**shared.settings, missing: ""}
    with pytest.raises(RuntimeError, match=code):
        run_copconnect(shared.data, "serve", "--workers", "2", **given)
