"""Encapsulations to the DeviceKeys of a force, made before a measurement.

After a mass transfer nearly every cell needs a key, sealed to its 256 devices. Hundreds of phones
do that side by side; two processors would make all 63,000 seals, while everything else on them
would be measured as waiting. The expensive half of a seal does not
depend on what is sealed (RFC 9180: Encap, then the key schedule and AEAD): it is done once for each
device of a force and kept. Tests open such seals with the product's own code.
"""

import hashlib
import hmac
import mmap
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.figures import say
from bench.force.caching import Force
from bench.force.device import Device
from bench.machine import pool
from copconnect.records.primitives.fields import KEY_ID_BYTES, uint
from copconnect.records.primitives.kem import XWING
from copconnect.sealing import hpke

FILE = "encapsulated.bin"
_SHARED, _ENC = 32, 1088 + 32
_ROW = KEY_ID_BYTES + _SHARED + _ENC
_CURVE = 32  # The end of an X-Wing public key.
_SUITE = b"HPKE" + uint(XWING, 2) + uint(1, 2) + uint(2, 2)  # HKDF-SHA256, AES-256-GCM.
_XWING_LABEL = b"\\.//^\\"


def encapsulations(force: Force) -> Path:
    """Return the file with an encapsulation to each device of a force, made now if missing."""
    file = force.folder / FILE
    if not file.is_file():
        say(f"Making {len(force.devices):,} encapsulations …")
        rows = sorted(_all_rows(force.devices))
        unfinished = file.with_suffix(".making")
        unfinished.write_bytes(b"".join(rows))
        unfinished.rename(file)
    return file


class Encapsulations:
    """The file, read where it is needed: rows ascend by key id."""

    def __init__(self, file: Path) -> None:
        with file.open("rb") as opened:
            self._rows = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        self._count = len(self._rows) // _ROW

    def seal(self, key_id: bytes, info: bytes, plaintext: bytes) -> bytes | None:
        """Return enc ‖ ct to a DeviceKey; None for a key that is not in the file."""
        row = self._row(key_id)
        if row is None:
            return None
        key, nonce = _schedule(row[:_SHARED], info)
        return row[_SHARED:] + AESGCM(key).encrypt(nonce, plaintext, b"")

    def opened(self, key_id: bytes, info: bytes, sealed: bytes) -> bytes | None:
        """Return the plaintext of a seal to a DeviceKey that was made with this file; None for any
        other."""
        row = self._row(key_id)
        if row is None or row[_SHARED:] != sealed[:_ENC]:
            return None
        key, nonce = _schedule(row[:_SHARED], info)
        try:
            return AESGCM(key).decrypt(nonce, sealed[_ENC:], b"")
        except InvalidTag:
            return None

    def _row(self, key_id: bytes) -> bytes | None:
        """Return shared secret ‖ enc."""
        first, end = 0, self._count
        while first < end:
            middle = (first + end) // 2
            at = middle * _ROW
            found = self._rows[at : at + KEY_ID_BYTES]
            if found == key_id:
                return self._rows[at + KEY_ID_BYTES : at + _ROW]
            if found < key_id:
                first = middle + 1
            else:
                end = middle
        return None


def _all_rows(devices: Sequence[Device]) -> list[bytes]:
    parts = os.cpu_count() or 1
    some = [devices[at::parts] for at in range(parts)]
    return [row for part in pool.shared_out(_rows, some, len(devices)) for row in part]


def _rows(devices: Iterable[Device]) -> list[bytes]:
    return [one.key_id + _encapsulated(hpke.public_bytes(XWING, one.hpke_seed)) for one in devices]


def _encapsulated(pk: bytes) -> bytes:
    """Return shared secret ‖ enc (draft-connolly-cfrg-xwing-kem)."""
    inner, enc = MLKEM768PublicKey.from_public_bytes(pk[:-_CURVE]).encapsulate()
    ephemeral = X25519PrivateKey.generate()
    point = ephemeral.public_key().public_bytes_raw()
    outer = ephemeral.exchange(X25519PublicKey.from_public_bytes(pk[-_CURVE:]))
    shared = hashlib.sha3_256(inner + outer + point + pk[-_CURVE:] + _XWING_LABEL).digest()
    return shared + enc + point


def _schedule(shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Return key and nonce of the first message of a base mode context (RFC 9180 section 5.1)."""
    context = _NO_PSK + _extract(b"", b"info_hash", info)
    secret = _extract(shared, b"secret", b"")
    return _expand(secret, b"key", context, 32), _expand(secret, b"base_nonce", context, 12)


def _extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + _SUITE + label + ikm, "sha256")


def _expand(prk: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labeled = uint(size, 2) + b"HPKE-v1" + _SUITE + label + info
    return hmac.digest(prk, labeled + b"\1", "sha256")[:size]


_NO_PSK = b"\0" + _extract(b"", b"psk_id_hash", b"")
