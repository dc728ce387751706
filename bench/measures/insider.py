"""``bench insider``: one hostile member with a whole client does its worst while a commander sends.

The same servers, crowd and commander twice: undisturbed, then attacked (crowd/hostile.py). The
commander sends every second. A message's time runs from the commander's wish to send it until the
last connected device has it; one that is not accepted, or not everywhere within ``BLOCKED_S``, is
blocked. Every device of the crowd is connected and does what the server asks of it. Some phones
sleep (crowd/sleeping.py): the time of a push runs from when a phone falls asleep, with messages
every second, until its push service hears of it.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.crowd.crowd import Crowd
from bench.crowd.hostile import Plan
from bench.crowd.plan import populations
from bench.crowd.sending import Refusal, Sender
from bench.crowd.sleeping import endpoint
from bench.figures import Figures, percentile, say
from bench.force.conversations import Prepared
from bench.force.device import Device
from bench.machine.children import Child
from bench.measures.serving import Served, connect, served
from bench.measures.subscribing import pushed_at, subscribe
from bench.net.push_service import certificate
from copconnect.auth_service.keys.push_key import PUSH_KEY, PushSigner

BLOCKED_S = 10.0
EVERY_S = 1.0
MOST_ASLEEP = 50
_SLEEPING = "bench.crowd.sleeping"


def run(
    prepared: Prepared, folder: Path, processes: int, seconds: float, cell_size: int
) -> Figures:
    """Measure; return the figures."""
    conversation, devices = prepared.conversations[0], prepared.force.devices
    cell = conversation.cells[-1]
    hostile, accomplice = (devices[cell.members[at]] for at in (-1, -2))
    others = [one for one in devices[1:] if one not in (hostile, accomplice)]
    asleep = others[-min(MOST_ASLEEP, len(others) // 5) :]
    with _served(prepared, folder, processes, cell_size, asleep, {hostile, accomplice}) as world:
        (deployment, crowd, commander), sleeping = world
        connect(deployment, crowd)
        crowd.ask("live", on=True)
        commander.send("Begins the key")
        quiet = _Talk(crowd, commander, sleeping, seconds)
        say(f"Quiet: {quiet.figures('commander')}")
        key_id, secret = commander.key()
        plan = Plan(
            device=hostile,
            accomplice=accomplice,
            conversation_id=conversation.conversation_id,
            cell_id=cell.cell_id,
            cell_key_id=cell.key_id,
            cell_keys=[one.key_id for one in conversation.cells],
            head=conversation.head,
            key_id=key_id,
            secret=secret,
            people=[one.person_id for one in devices if one is not hostile][:4_000],
            devices=[one.device for one in devices[:1_000]],
        )
        file = folder / "hostile.msgpack"
        file.write_bytes(msgspec.msgpack.encode(plan))
        host, port = deployment.addresses[0]
        attacker = Child("bench.crowd.hostile", str(file), host, str(port))
        with contextlib.closing(attacker):
            asked = _shares_asked(crowd)
            cpu = deployment.cpu_s()
            attacker.ask("begin")
            attacked = _Talk(crowd, commander, sleeping, seconds)
            cpu = deployment.cpu_s() - cpu
            answers: dict[str, int] = attacker.ask("end")["answers"]
            asked = _shares_asked(crowd) - asked
        for what, count in sorted(answers.items()):
            say(f"{count:>8,} {what}")
        verdict = crowd.verdict(commander.sent)
        crowd.ask("disconnect")
    if sum(f"key_sealed_{to}: accepted" in answers for to in ("as_rubbish", "to_own_cell")) < 2:
        raise RuntimeError(f"the server took no key that opens for nobody: {answers}")
    figures = attacked.figures("commander")
    before = quiet.figures("quiet")
    return (
        {"members": conversation.devices, "seconds": seconds, "asleep": len(asleep)}
        | before
        | figures
        | {
            "ratio_p99": figures["commander_p99_ms"] / before["quiet_p99_ms"],
            "blocked": attacked.blocked + quiet.blocked,
            "lost": verdict["lost"],
            "pushes": len(attacked.sleeps_s),
            "quiet_push_p99_s": percentile(quiet.sleeps_s, 0.99),
            "push_p99_s": percentile(attacked.sleeps_s, 0.99),
            "push_later_s": percentile(attacked.sleeps_s, 0.99) - percentile(quiet.sleeps_s, 0.99),
            "shares_asked": asked,
            "attacks": sum(answers.values()),
            "attacks_accepted": sum(n for what, n in answers.items() if "accepted" in what),
            "server_cpu_s": cpu,
        }
    )


@contextlib.contextmanager
def _served(
    prepared: Prepared,
    folder: Path,
    processes: int,
    cell_size: int,
    asleep: list[Device],
    without: set[Device],
) -> Iterator[tuple[Served, Child]]:
    """Start the servers, and the phones that sleep with their push service."""
    files = certificate(folder)
    key = PushSigner(prepared.force.folder / "keys" / PUSH_KEY).public_key
    (population,) = populations(prepared, 1, only={one.device for one in asleep})
    file = folder / "asleep.msgpack"
    file.write_bytes(msgspec.msgpack.encode(population))
    apart = frozenset(one.device for one in (*asleep, *without))
    sleeping = Child(_SLEEPING, str(file), *map(str, files), key.hex())
    with contextlib.closing(sleeping):
        origin = f"https://127.0.0.1:{sleeping.ask('port')['port']}"
        settings = pushed_at(origin, files[0]) | {"cell_size": cell_size}
        with served(prepared, folder, processes, apart, **settings) as serving:
            paths = {one: endpoint(one.client_id) for one in asleep}
            asyncio.run(subscribe(serving.deployment, origin, paths))
            host, port = serving.deployment.addresses[-1]
            sleeping.ask("begin", host=host, port=port)
            yield serving, sleeping


def _shares_asked(crowd: Crowd) -> int:
    return sum(sum(one["shares_asked"].values()) for one in crowd.ask("duties"))


class _Talk:
    """A commander who sends every second for a while."""

    def __init__(self, crowd: Crowd, commander: Sender, sleeping: Child, seconds: float) -> None:
        self.blocked = 0
        sleeping.ask("forget")
        self._times_ms: list[float] = []
        end = time.monotonic() + seconds
        began: dict[str, int] = {}
        accepting_ms: list[float] = []
        while time.monotonic() < end:
            at = time.monotonic_ns()
            try:
                began[commander.send("Report.").message_id] = at
                accepting_ms.append((time.monotonic_ns() - at) / 1e6)
            except Refusal as refusal:
                self.blocked += 1
                say(f"The commander is refused: {refusal}")
            time.sleep(max(0.0, EVERY_S - (time.monotonic_ns() - at) / 1e9))
        if accepting_ms:
            slowest = percentile(accepting_ms, 0.99)
            say(f"{len(accepting_ms)} messages are accepted, the slowest in {slowest:,.0f} ms.")
        found = sleeping.ask("sleeps")
        if found["wrong"]:
            raise RuntimeError(f"the push service refused {found['wrong']} requests")
        self.sleeps_s: list[float] = found["sleeps"]
        crowd.ask("wait_for", message_ids=list(began), limit_s=BLOCKED_S)
        times = crowd.verdict(list(began), times=True)["times_ns"]
        for (_, at), came in zip(began.items(), times, strict=True):
            last_ms = (came[-1] - at) / 1e6 if len(came) == crowd.devices else float("inf")
            if last_ms > BLOCKED_S * 1000:
                self.blocked += 1
            else:
                self._times_ms.append(last_ms)

    def figures(self, name: str) -> Figures:
        """Return median and 99th percentile."""
        if not self._times_ms:
            raise RuntimeError("no message of the commander came through")
        return {
            f"{name}_p50_ms": percentile(self._times_ms, 0.5),
            f"{name}_p99_ms": percentile(self._times_ms, 0.99),
        }
