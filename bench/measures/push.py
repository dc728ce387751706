"""``bench push``: one message to a conversation whose devices all sleep.

The workers are the real server on PostgreSQL and NATS; no device is connected, and each has a
subscription at a push service on this machine, which checks the VAPID token and every header
(net/push_service.py). The sender sends one message that wakes everybody, then more, ten a second,
while pushes go out: they wake nobody again, and show what pushes cost the messages beside them.
Then a bare client sends the same requests (net/push_floor.py).
"""

import asyncio
import contextlib
import secrets
import time
from pathlib import Path

from bench.crowd.sending import Sender, Sent
from bench.figures import Figures, percentile, say
from bench.force.conversations import Prepared
from bench.machine.children import Child
from bench.machine.deployment import Deployment, deployed
from bench.measures.subscribing import pushed_at, subscribe
from bench.net.push_service import certificate
from copconnect.auth_service.keys.push_key import PUSH_KEY, PushSigner
from copconnect.clock import SystemClock
from copconnect.push.vapid import Tokens

TEXT = "All units: report to your stations. Acknowledge by radio."
LIMIT_S = 600
QUIET_S = 10.0  # Without a request for so long, everything has been sent.
BETWEEN_S = 0.1
CONNECTIONS = 64
_SERVICE, _FLOOR = "bench.net.push_service_side", "bench.net.push_floor"


def run(prepared: Prepared, folder: Path, processes: int) -> Figures:
    """Measure; return the figures."""
    files = certificate(folder)
    keys = prepared.force.folder / "keys"
    signer = PushSigner(keys / PUSH_KEY)
    with contextlib.ExitStack() as stack:
        arguments = (*map(str, files), signer.public_key.hex())
        service = stack.enter_context(contextlib.closing(Child(_SERVICE, *arguments)))
        port = service.ask("port")["port"]
        origin = f"https://127.0.0.1:{port}"
        deployment = stack.enter_context(
            deployed(
                keys,
                prepared.database,
                folder,
                processes,
                **pushed_at(origin, files[0]),
                push_connections=CONNECTIONS,
                messages_per_person_per_minute=10_000,  # One sender plays a busy force.
            )
        )
        sender, asleep = _sender(prepared, deployment)
        stack.callback(sender.client.close)
        paths = {one: f"/wpush/v2/{secrets.token_urlsafe(32)}" for one in prepared.force.devices}
        asyncio.run(subscribe(deployment, origin, paths))
        say(f"{asleep:,} devices sleep.")
        sent, latencies, cpu_s = _wake(deployment, sender, service, asleep)
        found = service.ask("verdict")
        say(f"{found['woken']:,} devices are woken.")
        floor = stack.enter_context(contextlib.closing(Child(_FLOOR, str(port), str(files[0]))))
        header = Tokens(signer, "mailto:it@police.example", SystemClock()).header(origin)
        bare = floor.ask("run", requests=asleep, connections=CONNECTIONS, authorization=header)
        beneath = service.ask("verdict")
    if found["wrong"] or beneath["wrong"] or beneath["woken"] != asleep:
        raise RuntimeError(f"the push service refused requests: {found}, {beneath}")
    cpu_us, bare_us = cpu_s / asleep * 1e6, bare["cpu_s"] / asleep * 1e6
    last_s = found["last_ns"] / 1e9 - sent.accepted_ns / 1e9
    return {
        "devices": asleep,
        "woken": found["woken"],
        "duplicates": found["requests"] - found["woken"],
        "last_s": last_s,
        "connections": found["connections"],
        "tokens": found["tokens"],
        "cpu_us_per_push": cpu_us,
        "floor_s": bare["seconds"],
        "floor_cpu_us_per_push": bare_us,
        "ratio_to_floor": cpu_us / bare_us,
        "messages_meanwhile": len(latencies),
        "message_p50_ms": percentile(latencies, 0.5),
        "message_p99_ms": percentile(latencies, 0.99),
    }


def _sender(prepared: Prepared, deployment: Deployment) -> tuple[Sender, int]:
    """Return the first device of the conversation, and how many others there are."""
    conversation, devices = prepared.conversations[0], prepared.force.devices
    members = sorted(member for cell in conversation.cells for member in cell.members)
    by_id = {one.device: one for one in devices}
    sender = Sender(
        devices[members[0]], conversation.conversation_id, deployment.addresses[0], by_id
    )
    return sender, len(members) - 1


def _wake(
    deployment: Deployment, sender: Sender, service: Child, asleep: int
) -> tuple[Sent, list[float], float]:
    """Send the message, and others until everybody is woken and nothing more comes; return it,
    the others' times in ms, and the servers' processor time."""
    cpu_s = deployment.cpu_s()
    first = sender.send(TEXT)
    latencies: list[float] = []
    began = changed = time.monotonic()
    requests = spent_s = 0.0
    while time.monotonic() - began < LIMIT_S:
        if requests < asleep:
            another = sender.send(f"{TEXT} ({len(latencies)})")
            latencies.append((another.accepted_ns - another.sent_ns) / 1e6)
        time.sleep(BETWEEN_S)
        if (now := service.ask("count")["requests"]) != requests:
            requests, changed, spent_s = now, time.monotonic(), deployment.cpu_s() - cpu_s
        elif requests >= asleep and time.monotonic() - changed > QUIET_S:
            break
    return first, latencies, spent_s
