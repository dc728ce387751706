"""Seals to devices of a force, whose public keys come from what the force keeps."""

from collections.abc import Callable, Iterable

from bench.force.device import Device
from copconnect.records.conversation.seals import Seal, join_seals
from copconnect.records.primitives.kem import XWING
from copconnect.sealing import hpke


def sealed_to(secret: bytes, info: Callable[[bytes], bytes], devices: Iterable[Device]) -> bytes:
    """Return a secret sealed to devices, by the info of their key ids."""
    return join_seals(
        Seal(
            one.key_id,
            hpke.seal(
                XWING, hpke.public_bytes(XWING, one.hpke_seed), info(one.key_id), secret, "S3"
            ),
        )
        for one in devices
    )
