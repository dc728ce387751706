"""The golden vectors of spec/keys/, as bytes, and the signing keys from which they were made.

Their maker is spec.keys.reference, which shares no code with what is tested here.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FOLDER = Path(__file__).parents[2] / "spec" / "keys"
_TEXT = {"name", "check", "rule", "of", "after", "number", "held"}  # Values that are no hex.

Vectors = dict[str, Any]


def _bytes(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return value if name == "fields" else {key: _bytes(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_bytes(one) for one in value]
    text = not isinstance(value, str) or name in _TEXT or (name == "sender" and len(value) == 1)
    return value if text else bytes.fromhex(value)


def load(name: str) -> Vectors:
    """Return vectors_<name>.json with its hex as bytes."""
    text = (FOLDER / f"vectors_{name}.json").read_text(encoding="utf-8")
    found: Vectors = _bytes(json.loads(text))
    return found


ALL = {name: load(name) for name in ("x25519", "xwing")}


def load_json(name: str) -> Any:
    """Return what another file of the folder holds, its hex as text."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def seed(name: str, size: int = 32) -> bytes:
    """Return the bytes that the reference takes for a name."""
    return hashlib.sha256(b"copconnect vector " + name.encode()).digest()[:size]


def signing_key(name: str) -> Ed25519PrivateKey:
    """Return the private key of a device ("a") or authority ("roster authority")."""
    return Ed25519PrivateKey.from_private_bytes(seed(f"signature key {name}"))
