"""``bench seals``: how fast one thread opens sealed messages, as the simulator does.

One message to many cells, each opened in turn: nothing but the parsed private keys is reused. The
Ed25519 signature is measured apart, because devices of one process may share its verification.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from copconnect.bench import cells
from copconnect.bench.cells import CellKey
from copconnect.delivery.sealed.format import X25519, XWING
from copconnect.delivery.sealed.message import SignedHeader, read_header

_NAMES = {X25519: "x25519", XWING: "xwing"}
_Sealed = tuple[bytes, CellKey]
DIFFERENT = 1_000  # Seals of `alone` that differ.
_PLAINTEXT = secrets.token_bytes(300)


def measure(number: int, rounds: int) -> dict[str, float]:
    """Return operations a second of processor time: the best of ``rounds`` over all cells."""
    figures: dict[str, float] = {}
    for kem, name in _NAMES.items():
        header, body, sealed = _message(kem, number)
        seals = partial(_open_seals, header, sealed)
        figures[f"seals_per_s_{name}"] = number / _best(seals, rounds)
        messages = partial(_open_messages, header, body, sealed)
        figures[f"messages_per_s_{name}"] = number / _best(messages, rounds)
    figures["signatures_per_s"] = number / _best(partial(_verify, number), rounds)
    return figures


def alone(kem: int, number: int) -> Callable[[], None]:
    """Return what opens so many seals by HPKE and does nothing else: the least that as many devices
    must do for one message."""
    different = min(number, DIFFERENT)
    header, _, sealed = _message(kem, different)
    opens = [
        partial(key.suite.decrypt, seal[32:], key.private_key, cells.seal_info(header, seal[:32]))
        for seal, key in sealed
    ]

    def work() -> None:
        for turn in range(number):
            opens[turn % different]()

    return work


def _open_seals(header: SignedHeader, sealed: Sequence[_Sealed]) -> None:
    for seal, key in sealed:
        cells.open_seal(header, seal, key)


def _open_messages(header: SignedHeader, body: bytes, sealed: Sequence[_Sealed]) -> None:
    for seal, key in sealed:
        if cells.open_body(header, body, cells.open_seal(header, seal, key)) != _PLAINTEXT:
            raise AssertionError("another plaintext")


def _verify(number: int) -> None:
    device = Ed25519PrivateKey.generate()
    public_key, signature = device.public_key(), device.sign(_PLAINTEXT)
    for _ in range(number):
        public_key.verify(signature, _PLAINTEXT)


def _message(kem: int, number: int) -> tuple[SignedHeader, bytes, list[_Sealed]]:
    key, iv, message_id = secrets.token_bytes(32), secrets.token_bytes(12), secrets.token_bytes(16)
    place = secrets.token_bytes(16) + message_id + secrets.token_bytes(32)
    counted = place + (1).to_bytes(8, "big")
    commit = cells.derived(key, message_id, cells.COMMIT)
    body = AESGCM(cells.derived(key, message_id, cells.BODY_KEY)).encrypt(
        iv, _PLAINTEXT, cells.BODY + counted
    )
    digests = bytes(32 + 8 + 32 + 8 + 32)  # prev … cells digest: not judged here.
    unsigned = b"\1" + kem.to_bytes(2, "big") + counted + digests + commit + iv + bytes(32)
    header = read_header(unsigned + bytes(64))
    sealed: list[_Sealed] = []
    for _ in range(number):
        own = CellKey.from_seed(kem, secrets.token_bytes(32))
        ids = secrets.token_bytes(32)
        info = cells.seal_info(header, ids)
        sealed.append((ids + own.suite.encrypt(key, own.private_key.public_key(), info), own))
    return header, body, sealed


def _best(work: Callable[[], None], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)
