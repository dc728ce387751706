"""``bench fanout``: one message to every device of a large conversation.

The workers are the real server on PostgreSQL and NATS; every device is simulated, connected, and
opens every message. Times begin when the sender begins to send. The first message begins a key,
which is sealed to every cell; the others are under it. After each message comes one of the floor
(net/floor_side.py): as many processes that only write bytes that are ready, as many bytes, to as
many sockets. The devices open the messages after all have come, so that ``last_receipt_ms`` does
not hold 63,000 devices' work on this machine's processors; ``last_decrypted_ms`` holds it.
"""

import contextlib
import statistics
import time
from pathlib import Path

from bench.crowd.crowd import Crowd
from bench.crowd.sending import Sender, Sent
from bench.figures import Figures, say
from bench.force.conversations import Prepared
from bench.machine.deployment import Deployment
from bench.measures.serving import connect, judged, served
from bench.net.floor_side import Floor

TEXT = "All units: road closed from 18:00 at the main junction. Divert traffic, report by radio."
LIMIT_S = 300
PAUSE_S = 2.0  # Between messages: receipts are counted and flushed meanwhile.


def run(prepared: Prepared, folder: Path, processes: int, rounds: int) -> Figures:
    """Measure; return the figures."""
    with served(prepared, folder, processes) as (deployment, crowd, sender):
        figures = connect(deployment, crowd)
        with contextlib.closing(Floor(crowd.devices, processes)) as floor:
            message = _Message(deployment, crowd, sender, floor)
            begins = message.measured("begins a key")
            measured = [message.measured(f"{number + 1}") for number in range(rounds)]
            alone = message.measured("everybody for itself", sharing=False)
        figures |= {name: statistics.median(one[name] for one in measured) for name in measured[0]}
        figures |= {
            "statements": min(one["statements"] for one in measured),
            "key_upload_bytes": begins["key_bytes"],
            "key_made_ms": begins["key_made_ms"],
            "key_last_receipt_ms": begins["last_receipt_ms"],
            "key_decrypt_cpu_us": begins["decrypt_cpu_us"],
            "decrypt_cpu_us_alone": alone["decrypt_cpu_us"],
            "last_decrypted_ms_alone": alone["last_decrypted_ms"],
        }
        del figures["key_bytes"]
        figures |= judged(crowd, sender.sent) | _receipts(deployment, crowd)
        crowd.ask("disconnect")
    return {"members": crowd.devices, "cells": len(prepared.conversations[0].cells)} | figures


class _Message:
    """Sends one message after another."""

    def __init__(self, deployment: Deployment, crowd: Crowd, sender: Sender, floor: Floor) -> None:
        self._deployment = deployment
        self._crowd = crowd
        self._sender = sender
        self._floor = floor

    def measured(self, what: str, *, sharing: bool = True) -> Figures:
        """Send a message and let everybody open it; return the figures."""
        deployment, crowd = self._deployment, self._crowd
        time.sleep(PAUSE_S)
        statements, cpu = deployment.statements(), deployment.cpu_s()
        own = _cpu(crowd)
        sent = self._sender.send(f"{TEXT} ({what})")
        came = crowd.ask("wait", message_id=sent.message_id, limit_s=LIMIT_S)
        cpu = deployment.cpu_s() - cpu
        statements = deployment.statements() - statements
        spent = _cpu(crowd) - own
        opened = crowd.ask("open", sharing=sharing)
        if (count := sum(one["came"] for one in came)) != crowd.devices:
            raise RuntimeError(f"the message came to {count} of {crowd.devices} devices")
        size = max(one["entry_bytes"] for one in crowd.ask("sizes"))
        beneath = self._floor.round(size)
        figures = self._times(sent) | {
            "last_decrypted_ms": (max(one["ended_ns"] for one in opened) - sent.sent_ns) / 1e6,
            "decrypt_cpu_us": sum(one["cpu_s"] for one in opened) / crowd.devices * 1e6,
            "receive_cpu_us": spent / crowd.devices * 1e6,
            "server_cpu_us_per_delivery": cpu / crowd.devices * 1e6,
            "statements": statements,
            "floor_last_ms": beneath.last_ms,
            "floor_cpu_us_per_delivery": beneath.cpu_us,
            "bytes_per_receiver": size,
        }
        figures["ratio_to_floor"] = figures["last_receipt_ms"] / beneath.last_ms
        say(f"{what}: " + ", ".join(f"{name} {value:.1f}" for name, value in figures.items()))
        return figures

    def _times(self, sent: Sent) -> Figures:
        times = self._crowd.verdict([sent.message_id], times=True)["times_ns"][0]
        from_post = [(at - sent.sent_ns) / 1e6 for at in times]
        return {
            "upload_bytes": sent.upload_bytes,
            "key_bytes": sent.key_bytes,
            "key_made_ms": sent.key_ns / 1e6,
            "accepted_ms": (sent.accepted_ns - sent.sent_ns) / 1e6,
            "first_receipt_ms": from_post[0],
            "p50_ms": from_post[len(from_post) // 2],
            "p99_ms": from_post[int(len(from_post) * 0.99)],
            "last_receipt_ms": from_post[-1],
        }


def _cpu(crowd: Crowd) -> float:
    return float(sum(one["cpu_s"] for one in crowd.ask("usage")))


def _receipts(deployment: Deployment, crowd: Crowd) -> Figures:
    """Let every device say how far it has come; count what storing that costs."""
    statements, cpu = deployment.statements(), deployment.cpu_s()
    crowd.ask("acknowledge")
    time.sleep(5)  # Cursors are flushed every second or two.
    return {
        "receipt_statements": deployment.statements() - statements,
        "receipt_cpu_us": (deployment.cpu_s() - cpu) / crowd.devices * 1e6,
    }
