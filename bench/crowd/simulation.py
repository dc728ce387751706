"""A simulator as a child process, asked by lines of JSON (machine/children.py).

Arguments: file of the Population (MessagePack), host, port, network. The commands are the cases of
:meth:`Simulation.answer`; ``rest`` and ``return``: all devices are away, and come back as
clients do.
"""

import asyncio
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from bench.crowd.plan import Population
from bench.crowd.simulator import Simulator
from bench.machine.children import Answer, answer_lines, resident_kb
from copconnect.commands import descriptors


class Simulation:
    """The commands of one process."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        simulator = self._simulator
        connections, reading = simulator.connections, simulator.reading
        match asked["command"]:
            case "connect":
                began = time.monotonic_ns()
                await connections.connect(simulator.devices, asked["limit_s"])
                return {"ready": connections.ready, "s": (time.monotonic_ns() - began) / 1e9}
            case "wait":
                came = await simulator.came_everywhere(asked["message_id"], asked["limit_s"])
                return {"came": came}
            case "open":
                reading.share(sharing=asked.get("sharing", True))
                return await self._open()
            case "forget":
                simulator.forget()
                return {}
            case "live":
                simulator.open_all()  # Before what comes from now on.
                connections.live = asked["on"]
                return {}
            case "saving":
                simulator.saving = asked["on"]
                return {}
            case "open_saved":
                await simulator.open_saved()
                return {}
            case "rest":
                await connections.disconnect(simulator.devices)
                return {}
            case "return":
                connections.come_back(simulator.devices)
                return {}
            case "wait_for":
                ids = asked["message_ids"]
                everything = await connections.until(
                    lambda: (
                        connections.ready == len(simulator.devices) and simulator.missing(ids) == 0
                    ),
                    asked["limit_s"],
                )
                return {"all": everything, "at_ns": time.monotonic_ns(), "ready": connections.ready}
            case "wait_up_to":
                place = asked["conversation_id"], asked["seq"]
                everything = await connections.until(
                    lambda: (
                        connections.ready == len(simulator.devices)
                        and simulator.came_up_to(*place)[0]
                    ),
                    asked["limit_s"],
                )
                return {
                    "all": everything,
                    "at_ns": simulator.came_up_to(*place)[1],
                    "least": min(d.places[place[0]].came for d in simulator.devices),
                    "ready": connections.ready,
                }
            case "verdict":
                return self._verdict(asked["message_ids"], times=asked["times"])
            case "lost":
                messages = [(one, seq) for one, seq in asked["messages"]]
                return {"lost": simulator.lost(asked["conversation_id"], messages)}
            case "bytes":
                return {"bytes": [one.bytes for one in simulator.devices]}
            case "newcomers":
                places = [
                    place
                    for one in simulator.devices
                    for place in one.places.values()
                    if place.joined
                ]
                return {
                    "joined": len(places),
                    "read_ns": [place.read_ns for place in places if place.read_ns],
                }
            case "duties":
                duties = simulator.duties
                return {
                    name: getattr(duties, name)
                    for name in (
                        "cell_keys_made",
                        "keys_made",
                        "seals_added",
                        "share_posts",
                    )
                } | {
                    "failed": dict(duties.failed),
                    "shares_asked": dict(duties.asked),
                    "requests": dict(duties.requests),
                }
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
                    "ready": connections.ready,
                    "given_up": connections.given_up,
                    "asked_log": simulator.asked_log,
                    "frames": simulator.frames,
                    "keys_opened": reading.keys_opened,
                    "after_gone": reading.after_gone,
                    "opened_ns": reading.opened_ns,
                    "closed": {str(code): n for code, n in connections.closed.items()},
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

    def _verdict(self, message_ids: list[str], *, times: bool) -> Answer:
        answer: Answer = dict(self._simulator.verdict(message_ids))
        if times:
            found = self._simulator.reading.deliveries
            answer["times_ns"] = [
                [at for at in found[one].times_ns if at] if one in found else []
                for one in message_ids
            ]
        return answer


async def _main(population: Population, host: str, port: str, network: str) -> None:
    descriptors.raise_limit()
    simulator = await Simulator.start(population, (host, int(port)), network)
    await answer_lines(Simulation(simulator).answer)


if __name__ == "__main__":
    told = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Population)
    uvloop.run(_main(told, *sys.argv[2:]))
