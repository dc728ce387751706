"""The page ``/verify.html``: one file with the department's keys in it, which verifies certificates
without any network, also when it was saved to a disk."""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from importlib.resources import files

from copconnect.training.credential import did_key


class VerifyPage:
    """The page as it is served, made once."""

    def __init__(self, department: str, keys: Sequence[bytes]) -> None:
        """``keys``: Ed25519 public keys that sign certificates, former ones too."""
        package = files("copconnect.training")
        script = (package / "verify.js").read_text("utf-8").strip()
        style = (package / "verify.css").read_text("utf-8").strip()
        known = {did_key(key): base64.b64encode(key).decode() for key in keys}
        page = (package / "verify.html").read_text("utf-8")
        for name, value in {
            "{{department}}": html.escape(department),
            "{{keys}}": html.escape(json.dumps(known)),
            "{{style}}": style,
            "{{script}}": script,
        }.items():
            page = page.replace(name, value)
        self.html = page
        self.policy = (
            f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def headers(page: VerifyPage) -> dict[str, str]:
    """Return the headers that the page is served with: nothing but its own script runs in it, and
    it reaches no network."""
    return {"content-security-policy": page.policy, "cache-control": "public, max-age=86400"}
