"""``bench reconnect``: every worker is restarted at once while everybody is connected.

A message goes out before the restart, one is sent the moment it begins and others follow until
everybody is back; each device comes back as clients do (jittered pauses), says Hello with its
positions, and fetches what did not follow from the log. No message may be lost or come twice.
Devices open what came once everybody is back, as 63,000 phones do not share two processors; the
time in which bare sockets connect is beside it (net/floor_side.py).

``keys``: a night passes before the restart. All devices are away; so often a member signs out, so
that a new roster head makes the key unusable, and the sender makes the next key and writes under
it. The morning is the restart: everybody comes for everything at once. All who sign out are of one
cell, to whose other devices each key is sealed directly, because nobody is there to make the cell's
next key.
"""

import threading
import time
from pathlib import Path

from bench.crowd.crowd import Crowd
from bench.crowd.sending import Client, Refusal, Sender
from bench.figures import Figures, say
from bench.force.conversations import Prepared
from bench.force.device import Device
from bench.machine.deployment import Deployment
from bench.measures.serving import connect, judged, served
from bench.measures.talking import Talker
from bench.net.floor_side import Floor

PAUSE_S = 5.0  # Between two messages.
LIMIT_S = 900


def leaving(prepared: Prepared, keys: int) -> list[Device]:
    """Return the people who sign out: of the last cell, and not the sender."""
    cell = max(prepared.conversations[0].cells, key=lambda one: min(one.members))
    if keys >= len(cell.members):
        raise ValueError(f"a cell has only {len(cell.members)} devices to sign out")
    return [prepared.force.devices[member] for member in cell.members[len(cell.members) - keys :]]


def run(prepared: Prepared, folder: Path, processes: int, keys: int) -> Figures:
    """Measure; return the figures."""
    out = leaving(prepared, keys)
    without = frozenset(one.device for one in out)
    # Everybody has one address here, and says much in a short time.
    with served(prepared, folder, processes, without) as (deployment, crowd, sender):
        figures = connect(deployment, crowd)
        crowd.ask("live", on=True)
        first = sender.send("Before")
        crowd.ask("wait_for", message_ids=[first.message_id], limit_s=LIMIT_S)
        if keys:
            figures |= _night(deployment, crowd, sender, out)
        crowd.ask("saving", on=True)
        talker = Talker(sender, PAUSE_S)
        figures |= _restart(deployment, crowd, talker, away=keys > 0)
        talker.end()
        last = sender.send("After")  # Behind whatever the sender is still trying again.
        _up_to(crowd, sender, last.seq)
        say(f"{len(sender.sent)} messages were accepted.")
        crowd.ask("open_saved")
        opened = sum(one["keys_opened"] for one in crowd.ask("usage"))
        figures |= judged(crowd, sender.sent)
        crowd.ask("disconnect")
    del figures["decrypted"]
    began = time.monotonic()
    Floor(crowd.devices, processes).close()
    floor = {"floor_connect_s": time.monotonic() - began}
    return {"clients": crowd.devices, "keys": keys} | figures | {"keys_opened": opened} | floor


def _night(deployment: Deployment, crowd: Crowd, sender: Sender, out: list[Device]) -> Figures:
    crowd.ask("rest")
    say("Everybody is away.")
    uploaded = 0
    for one in out:
        client = Client(deployment.addresses[0], one.token)
        try:
            client.raw("POST", "/v1/sign-out", one.sign_out())
        except Refusal as refusal:
            if refusal.code != "signed_out":  # The answer of a first try was lost.
                raise
        client.close()
        sent = sender.send(f"Under the key after {one.client_id} has signed out")
        if not sent.key_bytes:
            raise RuntimeError("a sign-out did not make the key unusable")
        uploaded = sent.key_bytes
    say(f"The key has changed {len(out)} times; the last had {uploaded:,} bytes.")
    return {"key_upload_bytes": uploaded}


def _up_to(crowd: Crowd, sender: Sender, seq: int) -> float:
    """Wait until everything up to a seq has come to everybody; return when it had (monotonic)."""
    c = sender.conversation_id
    answers = crowd.ask("wait_up_to", conversation_id=c, seq=seq, limit_s=LIMIT_S)
    if not all(one["all"] for one in answers):
        usage = crowd.ask("usage")
        raise RuntimeError(f"not everybody came back: {answers} {usage}")
    return max(int(one["at_ns"]) for one in answers) / 1e9


def _restart(deployment: Deployment, crowd: Crowd, talker: Talker, *, away: bool) -> Figures:
    """Stop every worker, start every worker; return once everybody is back and has everything
    that had been accepted by then."""
    began = time.monotonic()
    talker.start()
    stopping = [threading.Thread(target=worker.stop) for worker in deployment.workers]
    for one in stopping:
        one.start()
    for one in stopping:
        one.join()
    stopped = time.monotonic()
    say(f"All workers are stopped after {stopped - began:.1f} s.")
    if away:
        crowd.ask("return")
    for worker in deployment.workers:
        worker.start()
    for worker in deployment.workers:
        worker.wait()
    serving = time.monotonic()
    say(f"All workers are back after {serving - began:.1f} s.")
    accepted = max((one.seq for one in talker.sent), default=0)
    back = _up_to(crowd, talker.sender, accepted)
    usage = crowd.ask("usage")
    say(f"Everybody is back after {back - began:.1f} s.")
    return {
        "stopped_s": stopped - began,
        "started_s": serving - stopped,
        "caught_up_s": back - began,
        "caught_up_after_serving_s": back - serving,
        "connections_per_s": crowd.devices / (back - stopped),
        "connections_lost": sum(sum(one["closed"].values()) for one in usage),
        "given_up": sum(one["given_up"] for one in usage),
        "asked_log": sum(one["asked_log"] for one in usage),
        # Counted by the new processes, whose counters began at zero.
        "statements": deployment.statements(),
        "server_cpu_us_per_client": deployment.cpu_s() / crowd.devices * 1e6,
    }
