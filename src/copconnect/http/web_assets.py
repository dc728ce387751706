"""Serves the built web app from memory.

Invariants: only files found at start are served, so no path can escape the folder; files whose
name carries their hash are cached for a year, everything else is asked for each time; a path
that is no file and has no extension is a screen of the app and answers index.html; the page of
the practice may reach nothing, which its policy makes the browser hold to, and loads in a frame of
the app alone. The page that verifies an export (docs/export.md) is saved, and opened from a disk.
"""

import hashlib
import mimetypes
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from copconnect import errors
from copconnect.http.operations import FileAnswer, Operation, get
from copconnect.http.requests import REPORTING, TRUSTED_TYPES, Incoming

CONSOLE = "admin"  # Its page is a second one, with its own files.
FOLDER = Path(__file__).parents[1] / "web_app"
_HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_TYPES = {
    ".webmanifest": "application/manifest+json",
    ".js": "text/javascript",
    ".wasm": "application/wasm",
}
_UNKNOWN = "application/octet-stream"
# A policy that names frame-ancestors takes the place of the X-Frame-Options that every answer has.
_POLICIES = {
    "practice.html": (
        "default-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob: data:; connect-src 'none'; object-src 'none'; base-uri 'none'; "
        f"form-action 'none'; frame-ancestors 'self'; {TRUSTED_TYPES}; {REPORTING}"
    )
}
# Browsers save these and do not open them here.
_SAVED = ("check-export.html", "root.pem")
# A page or a worker holds to its own policy, not to those of the files that it loads. The whole
# policy was 5% of a first visit's bytes; opened as a page, such a file may do nothing.
_PART = "default-src 'none'; sandbox"
_NO_SCREENS = ("v1/", "demo/", "scim/")
ABSENT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Cop Connect</title>
<p>The web app has not been built. Run <code>make demo</code>.</p></html>
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, with what it was compressed to beforehand."""

    content: bytes
    compressed: dict[str, bytes]
    media_type: str
    etag: str
    immutable: bool


def load(folder: Path) -> dict[str, Asset]:
    """Read every file below a folder, by its path in a URL."""
    assets: dict[str, Asset] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or path.suffix in (".br", ".gz") or path.name.startswith("."):
            continue
        content = path.read_bytes()
        compressed = {
            encoding: other.read_bytes()
            for encoding, suffix in _ENCODINGS
            if (other := path.with_name(path.name + suffix)).is_file()
        }
        guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or _UNKNOWN
        assets[name] = Asset(
            content=content,
            compressed=compressed,
            media_type=f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed,
            etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            immutable=name.startswith("assets/") and _HASHED.search(name) is not None,
        )
    return assets


def operations(folder: Path = FOLDER, root: bytes | None = None) -> list[Operation]:
    """Return the row of all paths that no other row names. ``root``: DER of the root's certificate,
    which people without the app verify exports with."""
    assets = load(folder)
    if root is not None:
        assets["root.pem"] = Asset(
            content=(pem := ssl.DER_cert_to_PEM_cert(root).encode()),
            compressed={},
            media_type="application/x-pem-file",
            etag=f'"{hashlib.sha256(pem).hexdigest()[:32]}"',
            immutable=False,
        )

    def web_app(request: Incoming) -> FileAnswer:
        path = request.scope["path"].strip("/")
        asset = assets.get(f"{CONSOLE}/index.html" if path == CONSOLE else path)
        if asset is None and (path.startswith(_NO_SCREENS) or "." in path.rsplit("/", 1)[-1]):
            raise errors.NotFound
        asset = asset or assets.get("index.html")
        if asset is None:
            return FileAnswer(ABSENT, "text/html; charset=utf-8")
        headers = {
            "etag": asset.etag,
            "vary": "accept-encoding",
            "cache-control": (
                "public, max-age=31536000, immutable" if asset.immutable else "no-cache"
            ),
        }
        if asset.immutable and "worker" not in path:
            headers["content-security-policy"] = _PART
        if path in _SAVED:
            headers["content-security-policy"] = _PART
            headers["content-disposition"] = f'attachment; filename="{path}"'
        if path in _POLICIES:
            headers["content-security-policy"] = _POLICIES[path]
        if request.headers.get("if-none-match", "") == asset.etag:
            return FileAnswer(b"", headers=headers, status=304)
        content = asset.content
        accepted = request.headers.get("accept-encoding", "")
        for encoding, _ in _ENCODINGS:
            if encoding in accepted and encoding in asset.compressed:
                content = asset.compressed[encoding]
                headers["content-encoding"] = encoding
                break
        return FileAnswer(content, asset.media_type, headers=headers)

    return [get("/*", web_app, public=True)]
