"""``bench reconnect``: every worker is restarted at once while everybody is connected.

A message goes out before the restart, one is posted the moment it begins and others follow until
everybody is back; each device comes back as clients do (jittered pauses), says Hello, and fetches
what it missed from the log. Nothing may be lost or come twice.
"""

import threading
import time
from pathlib import Path

from copconnect.bench.force import Force
from copconnect.bench.founding import Conversation
from copconnect.bench.served import connect, served

from bench.crowd.crowd import Crowd, new_keys
from bench.figures import Figures, say
from bench.machine.deployment import Deployment
from bench.machine.node import NodeProgram

PAUSE_S = 5.0  # Between two messages.
LIMIT_S = 900


class Posting(threading.Thread):
    """Lets the sender post one message after another until told to stop."""

    def __init__(self, sender: NodeProgram) -> None:
        super().__init__(daemon=True)
        self.sender = sender
        self._enough = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Post."""
        try:
            while not self._enough.is_set():
                self.sender.ask("send", text=f"Message {len(self.sender.posted)}")
                self._enough.wait(PAUSE_S)
        except Exception as error:
            self.failure = error

    def end(self) -> None:
        """Post no more."""
        self._enough.set()
        self.join()
        if self.failure is not None:
            raise self.failure


def run(force: Force, conversation: Conversation, folder: Path, processes: int) -> Figures:
    """Measure; return the figures."""
    with served(force, conversation, folder, processes) as (deployment, crowd, sender):
        figures = connect(deployment, crowd)
        sender.ask("start")
        crowd.publish(new_keys(sender.seeds()))
        crowd.ask("live", on=True)
        first = sender.ask("send", text="Before")["entryId"]
        crowd.ask("wait_for", entry_ids=[first], limit_s=LIMIT_S)
        posting = Posting(sender)
        figures |= _restart(deployment, crowd, posting)
        posting.end()
        # Behind whatever the sender is still trying again.
        sender.ask("send", text="After")
        posted = list(sender.posted)
        crowd.ask("wait_for", entry_ids=posted, limit_s=LIMIT_S)
        say(f"{len(posted)} messages were accepted.")
        crowd.publish(new_keys(sender.seeds()))
        crowd.ask("open")
        verdict = crowd.verdict(posted)
    if verdict["refused"] or verdict["unexpected"] or verdict["waiting"]:
        raise RuntimeError(f"devices refused: {verdict}")
    return (
        {"clients": crowd.devices, "messages": len(posted)}
        | figures
        | {
            "lost": verdict["lost"],
            "duplicates": verdict["duplicates"],
            "repeated": verdict["repeated"],
        }
    )


def _restart(deployment: Deployment, crowd: Crowd, posting: Posting) -> Figures:
    """Stop every worker, start every worker; return once everybody is back and has everything
    that had been accepted by then."""
    began = time.monotonic()
    posting.start()
    stopping = [threading.Thread(target=worker.stop) for worker in deployment.workers]
    for one in stopping:
        one.start()
    for one in stopping:
        one.join()
    stopped = time.monotonic()
    say(f"All workers are stopped after {stopped - began:.1f} s.")
    for worker in deployment.workers:
        worker.start()
    for worker in deployment.workers:
        worker.wait()
    serving = time.monotonic()
    say(f"All workers are back after {serving - began:.1f} s.")
    accepted = list(posting.sender.posted)
    answers = crowd.ask("wait_for", entry_ids=accepted, limit_s=LIMIT_S)
    usage = crowd.ask("usage")
    if not all(one["all"] for one in answers):
        raise RuntimeError(f"not everybody came back: {usage}")
    back = max(one["at_ns"] for one in answers) / 1e9
    say(f"Everybody is back after {back - began:.1f} s.")
    return {
        "stopped_s": stopped - began,
        "serving_s": serving - began,
        "caught_up_s": back - began,
        "caught_up_after_serving_s": back - serving,
        "connections_per_s": crowd.devices / (back - stopped),
        "connections_lost": sum(sum(one["closed"].values()) for one in usage),
        "given_up": sum(one["given_up"] for one in usage),
        "asked_log": sum(one["asked_log"] for one in usage),
        # Of the new processes, whose counters began at zero.
        "statements": deployment.statements(),
        "server_cpu_us_per_client": deployment.cpu_s() / crowd.devices * 1e6,
    }
