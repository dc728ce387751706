"""A simulator as a child process, asked by lines of JSON (children.py).

Arguments: file of the Population (MessagePack), host, port, network. Commands: ``connect``,
``publish`` (file of PublishedKeys), ``know`` (roster head), ``wait`` (for an entry), ``open``,
``hpke``, ``forget``, ``live``, ``wait_for`` (entry ids), ``verdict`` (entry ids), ``acknowledge``,
``duties``, ``disconnect``, ``sizes``, ``usage``.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import TypeVar

import msgspec
import uvloop

from copconnect.bench import seals
from bench.machine.children import Answer, answer_lines, resident_kb
from bench.crowd.simulator import Population, PublishedKey, Simulator
from copconnect.commands import descriptors

T = TypeVar("T")


class Simulation:
    """The commands of one process."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        simulator = self._simulator
        match asked["command"]:
            case "connect":
                began = time.monotonic_ns()
                await simulator.connect(asked["limit_s"])
                return {"ready": simulator.ready, "s": (time.monotonic_ns() - began) / 1e9}
            case "publish":
                simulator.publish(_read(asked["file"], list[PublishedKey]))
                return {}
            case "know":
                simulator.know_head(bytes.fromhex(asked["head"]))
                return {}
            case "wait":
                came = await simulator.came_everywhere(asked["entry_id"], asked["limit_s"])
                return {"came": came}
            case "open":
                simulator.share(sharing=asked.get("sharing", True))
                return await self._open()
            case "hpke":
                return self._hpke()
            case "forget":
                simulator.forget()
                return {}
            case "duties":
                cells, simulator.duties = simulator.duties, []
                return {"cells": cells}
            case "live":
                simulator.open_all()  # Before what comes from now on.
                simulator.live = asked["on"]
                return {}
            case "wait_for":
                ids = asked["entry_ids"]
                everything = await simulator.until(
                    lambda: (
                        simulator.ready == len(simulator.devices) and simulator.missing(ids) == 0
                    ),
                    asked["limit_s"],
                )
                return {"all": everything, "at_ns": time.monotonic_ns(), "ready": simulator.ready}
            case "verdict":
                return self._verdict(asked["entry_ids"], times=asked["times"])
            case "acknowledge":
                return {"sent": simulator.acknowledge()}
            case "disconnect":
                await simulator.disconnect()
                return {}
            case "sizes":
                return {"entry_bytes": simulator.entry_bytes}
            case "usage":
                return {
                    "cpu_s": time.process_time(),
                    "rss_kb": resident_kb(),
                    "ready": simulator.ready,
                    "given_up": simulator.given_up,
                    "asked_log": simulator.asked_log,
                    "gone": sum(device.gone for device in simulator.devices),
                    "after_gone": simulator.after_gone,
                    "closed": {str(code): n for code, n in simulator.closed.items()},
                }
            case command:
                raise ValueError(command)

    async def _open(self) -> Answer:
        began, cpu = time.monotonic_ns(), time.process_time()
        while self._simulator.open_some():  # noqa: ASYNC110 - pings are answered in between.
            await asyncio.sleep(0)
        return {
            "began_ns": began,
            "ended_ns": time.monotonic_ns(),
            "cpu_s": time.process_time() - cpu,
        }

    def _hpke(self) -> Answer:
        """Open as many seals as there are devices, and nothing else."""
        work = seals.alone(self._simulator.kem, len(self._simulator.devices))
        began, cpu = time.monotonic_ns(), time.process_time()
        work()
        return {
            "s": (time.monotonic_ns() - began) / 1e9,
            "cpu_s": time.process_time() - cpu,
        }

    def _verdict(self, entry_ids: list[str], *, times: bool) -> Answer:
        answer: Answer = dict(self._simulator.verdict(entry_ids))
        if times:
            found = self._simulator.deliveries
            answer["times_ns"] = [
                [at for at in found[one].times_ns if at] if one in found else []
                for one in entry_ids
            ]
        return answer


def _read(file: str, kind: type[T]) -> T:
    return msgspec.msgpack.decode(Path(file).read_bytes(), type=kind)


async def _main(file: str, host: str, port: str, network: str) -> None:
    descriptors.raise_limit()
    simulator = Simulator(_read(file, Population), (host, int(port)), network)
    await answer_lines(Simulation(simulator).answer)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
