"""The department's key for Web Push (VAPID, RFC 8292): P-256, beside the keys of the CA.

Browsers bind a subscription to it, so every node has the same one and it is not renewed: a new key
ends every subscription, and each device subscribes again the next time that its app is opened.
"""

from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from copconnect.auth_service.keys.key_files import AuthorityMissing, write_once

PUSH_KEY = "push.key.pem"


class PushSigner:
    """Signs the tokens by which push services know this server."""

    def __init__(self, path: Path) -> None:
        """Load. Raises AuthorityMissing for a key of another kind."""
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise AuthorityMissing(f"{path} is not a P-256 key")
        self._key = key
        self.public_key = key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    def sign(self, data: bytes) -> bytes:
        """Return r ‖ s of an ECDSA signature with SHA-256: 64 bytes."""
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def write_new(keys: Path) -> None:
    """Make the key. Raises FileExistsError."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_once(keys / PUSH_KEY, pem, 0o600)
