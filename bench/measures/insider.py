"""``bench insider``: one hostile member with a whole client does its worst while a commander sends.

The same servers, crowd and commander twice: undisturbed, then attacked (crowd/hostile.py). The
commander sends every second. A message's time runs from the commander's wish to send it until the
last connected device has it; one that is not accepted, or not everywhere within ``BLOCKED_S``, is
blocked. Every device of the crowd is connected and does what the server asks of it.
"""

import contextlib
import time
from pathlib import Path

import msgspec

from bench.crowd.crowd import Crowd
from bench.crowd.hostile import Plan
from bench.crowd.sending import Refusal, Sender
from bench.figures import Figures, percentile, say
from bench.force.conversations import Prepared
from bench.machine.children import Child
from bench.measures.serving import connect, served

BLOCKED_S = 10.0
EVERY_S = 1.0


def run(prepared: Prepared, folder: Path, processes: int, seconds: float) -> Figures:
    """Measure; return the figures."""
    conversation, devices = prepared.conversations[0], prepared.force.devices
    cell = conversation.cells[-1]
    hostile = devices[cell.members[-1]]
    with served(prepared, folder, processes, frozenset({hostile.device})) as serving:
        deployment, crowd, commander = serving
        connect(deployment, crowd)
        crowd.ask("live", on=True)
        commander.send("Begins the key")
        quiet = _Talk(crowd, commander, seconds)
        say(f"Quiet: {quiet.figures('commander')}")
        key_id, secret = commander.key()
        plan = Plan(
            device=hostile,
            conversation_id=conversation.conversation_id,
            cell_id=cell.cell_id,
            cell_key_id=cell.key_id,
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
            attacker.ask("begin")
            cpu = deployment.cpu_s()
            attacked = _Talk(crowd, commander, seconds)
            cpu = deployment.cpu_s() - cpu
            answers: dict[str, int] = attacker.ask("end")["answers"]
        for what, count in sorted(answers.items()):
            say(f"{count:>8,} {what}")
        verdict = crowd.verdict(commander.posted)
        crowd.ask("disconnect")
    figures = attacked.figures("commander")
    before = quiet.figures("quiet")
    return (
        {"members": conversation.devices, "seconds": seconds}
        | before
        | figures
        | {
            "ratio_p99": figures["commander_p99_ms"] / before["quiet_p99_ms"],
            "blocked": attacked.blocked + quiet.blocked,
            "lost": verdict["lost"],
            "attacks": sum(answers.values()),
            "attacks_accepted": sum(n for what, n in answers.items() if "accepted" in what),
            "server_cpu_s": cpu,
        }
    )


class _Talk:
    """A commander who sends every second for a while."""

    def __init__(self, crowd: Crowd, commander: Sender, seconds: float) -> None:
        self.blocked = 0
        self._times_ms: list[float] = []
        end = time.monotonic() + seconds
        began: dict[str, int] = {}
        while time.monotonic() < end:
            at = time.monotonic_ns()
            try:
                began[commander.send("Report.").message_id] = at
            except Refusal as refusal:
                self.blocked += 1
                say(f"The commander is refused: {refusal}")
            time.sleep(max(0.0, EVERY_S - (time.monotonic_ns() - at) / 1e9))
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
