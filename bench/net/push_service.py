"""A push service on this machine (RFC 8030): HTTP/1.1 over TLS, checked as a strict one would.

It verifies each VAPID token once (RFC 8292: signature under the key that subscriptions were made
with, audience, expiry), and of every request the token, TTL, Urgency, Topic and that there is no
body. ``answer`` decides what a request that is right gets, so that tests can make it fail.
"""

import asyncio
import base64
import datetime
import ipaddress
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httptools
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Pushed:
    """A request. ``at``: time.monotonic()."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``raw``: these bytes instead of HTTP; ``silent``: nothing at all."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    raw: bytes | None = None
    silent: bool = False


TAKEN = Reply()


def certificate(folder: Path, *hosts: str) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and hosts that vouches for itself; return its file and its
    key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "push service")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName(
                [address, x509.DNSName("localhost"), *map(x509.DNSName, hosts)]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "push-service.pem", folder / "push-service.key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


class PushService:
    """The requests that came, the wrong ones, and the answer.

    ``key``: the server's public key, as subscriptions name it.
    """

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.requests: list[Pushed] = []
        self.wrong: list[str] = []
        self.tokens: set[str] = set()
        self.connections = 0
        self.answer: Callable[[Pushed], Reply] = lambda _: TAKEN
        self.now: Callable[[], float] = time.time
        self.port = 0
        self._good: dict[str, float] = {}
        self._server: asyncio.Server | None = None
        self.transports: set[asyncio.Transport] = set()

    @property
    def origin(self) -> str:
        """The origin of its endpoints."""
        return f"https://127.0.0.1:{self.port}"

    async def start(self, files: tuple[Path, Path], port: int = 0) -> None:
        """Listen on 127.0.0.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Asked(self), "127.0.0.1", port, ssl=context, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()
        for one in self.transports:
            one.abort()
        await asyncio.sleep(0)

    def judge(self, pushed: Pushed) -> Reply:
        """Check a request; return what it gets."""
        self.requests.append(pushed)
        reason = self._fault(pushed)
        if reason is not None:
            self.wrong.append(reason)
            return Reply(403 if reason.startswith("token") else 400)
        return self.answer(pushed)

    def _fault(self, pushed: Pushed) -> str | None:
        found = pushed.headers
        ttl, topic = found.get("ttl", ""), found.get("topic", "")
        if not ttl.isdigit():
            return "ttl"
        if found.get("urgency") not in ("very-low", "low", "normal", "high"):
            return "urgency"
        plain = topic.replace("-", "").replace("_", "")
        if not 0 < len(topic) <= 32 or not plain.isascii() or not plain.isalnum():
            return "topic"
        if pushed.body or found.get("content-encoding") or found.get("content-length") != "0":
            return "body"
        return self._token_fault(found.get("authorization", ""))

    def _token_fault(self, authorization: str) -> str | None:
        now = self.now()
        if (good_until := self._good.get(authorization)) is not None and now < good_until:
            return None
        self.tokens.add(authorization)
        scheme, _, rest = authorization.partition(" ")
        fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        if scheme.lower() != "vapid" or _bytes(fields.get("k", "")) != self.key:
            return "token: key"
        try:
            head, claims, signature = fields["t"].split(".")
            raw = _bytes(signature)
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.key)
            r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
            point.verify(
                encode_dss_signature(r, s), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256())
            )
            said = json.loads(_bytes(claims))
            if json.loads(_bytes(head)) != {"typ": "JWT", "alg": "ES256"} or len(raw) != 64:
                return "token: form"
        except (KeyError, ValueError, InvalidSignature):
            return "token: signature"
        if said["aud"] != self.origin:
            return "token: audience"
        if not now < said["exp"] <= now + DAY_S:
            return "token: expiry"
        self._good[authorization] = said["exp"]
        return None


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class _Asked(asyncio.Protocol):
    """One connection to the push service."""

    def __init__(self, service: PushService) -> None:
        self._service = service
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._path = ""
        self._headers: dict[str, str] = {}
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._service.connections += 1
        self._service.transports.add(self._transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._service.transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_url(self, url: bytes) -> None:
        self._path += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        pushed = Pushed(self._path, self._headers, self._body, time.monotonic())
        self._path, self._headers, self._body = "", {}, b""
        reply = self._service.judge(pushed)
        if reply.silent:
            return
        if reply.delay_s:
            asyncio.get_running_loop().call_later(reply.delay_s, self._reply, reply)
        else:
            self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        if self._transport.is_closing():
            return
        if reply.raw is not None:
            self._transport.write(reply.raw)
            self._transport.close()
            return
        headers = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        self._transport.write(
            f"HTTP/1.1 {reply.status} -\r\n{headers}Content-Length: 0\r\n\r\n".encode()
        )
