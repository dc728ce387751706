"""HTTP glue: who is calling, bodies in, bodies out, errors, security headers.

Bodies are MessagePack or JSON by Content-Type; answers follow Accept. Serves requests of
:mod:`copconnect.http.operations`.
"""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
import structlog
from sqlalchemy.exc import DBAPIError

from copconnect import errors, wire
from copconnect.database.engine import refusal_of
from copconnect.principals import Caller, Requirement
from copconnect.rates import SharedRates

MSGPACK = "application/msgpack"
JSON = "application/json"
MAX_BODY_BYTES = wire.MAX_SEALS_BYTES + 65536  # A record with all its seals.

_PACKED_FROM = 4096  # Bytes; compressing less saves less than it costs.
_EACH, _ONCE = 1, 9  # Levels of compression: of an answer to one device, of one for all.
REFUSED_S = 0.5  # How long a request beyond the limit occupies one of its device's turns.

T = TypeVar("T")
Headers = Iterable[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Any, Receive, Send], Awaitable[None]]
log = structlog.get_logger()


class HeaderValues(Protocol):
    """Header values by their names in lower case, the first of each."""

    def get(self, key: str, default: str, /) -> str:
        """Return the value, or ``default``."""


class Incoming(Protocol):
    """A request, as operations read it."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """The ASGI scope."""

    @property
    def headers(self) -> HeaderValues:
        """The headers."""

    def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""


class TokenAuthenticator(Protocol):
    """Turns an access token into a caller; the Authentication Service implements it."""

    async def authenticate(self, access_token: str) -> Caller | None:
        """Return the caller, or None for an unknown token. Raises SignedOut for one that ended."""


class RequestAuthenticator:
    """Authenticates callers. Each may ask ``per_minute`` times a minute, half as often at once."""

    def __init__(
        self, authenticator: TokenAuthenticator, rates: SharedRates, per_minute: int
    ) -> None:
        self._authenticator = authenticator
        self._requests = rates.limit("requests_per_minute", per_minute, per_minute // 2)

    async def caller(
        self,
        request: Incoming,
        *,
        tolerates: Collection[Requirement] = (),
        confirmed: bool = True,
    ) -> Caller:
        """Return who calls. ``tolerates``: what the account may still owe here; ``confirmed``:
        the device must be (E0).

        Raises Unauthenticated, SignedOut, RateLimited, ConductNotAccepted for an account that owes
        something else, DeviceUnconfirmed.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.Unauthenticated
        caller = await self._authenticator.authenticate(token)
        if caller is None:
            raise errors.Unauthenticated
        try:
            self._requests.spend(caller.counted_as)
        except errors.RateLimited:
            # A program that ignores refusals then waits for its own turns (turns.py) and delays no
            # other device.
            await asyncio.sleep(REFUSED_S)
            raise
        if caller.refused_for.difference(tolerates):
            raise errors.ConductNotAccepted
        if confirmed and not caller.confirmed:
            raise errors.DeviceUnconfirmed
        return caller


async def read_bytes(request: Incoming, limit: int) -> bytes:
    """Return the body. Raises TooLarge beyond ``limit`` bytes, without reading the rest."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise errors.TooLarge(limit=limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise errors.TooLarge(limit=limit)
        parts.append(part)
    return b"".join(parts)


async def read(request: Incoming, kind: type[T], limit: int = MAX_BODY_BYTES) -> T:
    """Decode and validate the body as ``kind``. Raises BadRequest or TooLarge."""
    data = await read_bytes(request, limit)
    content_type = request.headers.get("content-type", MSGPACK)
    try:
        if content_type.startswith(JSON):
            return msgspec.json.decode(data, type=kind)
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise errors.BadRequest(reason=str(error)[:200]) from error


class Encoded(NamedTuple):
    """An answer as it goes out."""

    body: bytes
    media_type: str
    status: int
    retry_after: str = ""  # Seconds.
    coding: str = ""  # As in Content-Encoding; empty: none.


def encode(request: Incoming, value: Any, status: int = 200) -> Encoded:
    """Encode a wire value as this request takes it."""
    if MSGPACK in request.headers.get("accept", ""):
        return Encoded(msgspec.msgpack.encode(value), MSGPACK, status)
    return Encoded(msgspec.json.encode(value), JSON, status)


def packed(request: Incoming, encoded: Encoded) -> Encoded:
    """Compress a large answer, which must not hold a secret beside text that somebody else chose
    (docs/protocol.md, "Compression")."""
    return _packed(request, encoded, _EACH)


class SameForAll:
    """Answers of an operation that are the same for everybody until their version changes: each is
    encoded and compressed once."""

    def __init__(self) -> None:
        self._version = ""
        self._encoded: dict[tuple[bool, bool], Encoded] = {}

    def encode(self, request: Incoming, version: str, value: Any) -> Encoded:
        """Return a wire value of this version as the request takes it."""
        if version != self._version:
            self._version, self._encoded = version, {}
        accepted = (MSGPACK in request.headers.get("accept", ""), _takes_gzip(request))
        if accepted not in self._encoded:
            self._encoded[accepted] = _packed(request, encode(request, value), _ONCE)
        return self._encoded[accepted]


def _takes_gzip(request: Incoming) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _packed(request: Incoming, encoded: Encoded, level: int) -> Encoded:
    if len(encoded.body) < _PACKED_FROM or not _takes_gzip(request):
        return encoded
    body = gzip.compress(encoded.body, level, mtime=0)
    return encoded._replace(body=body, coding="gzip")


def headers_of(encoded: Encoded) -> dict[str, str]:
    """Return the headers of an answer beside its type and length."""
    headers = {
        "retry-after": encoded.retry_after,
        "content-encoding": encoded.coding,
        "vary": "accept-encoding" if encoded.coding else "",
    }
    return {name: value for name, value in headers.items() if value}


def refuse(request: Incoming, error: Exception) -> Encoded:
    """Turn any exception into an ErrorBody; unknown ones are logged and answered as internal."""
    known = translate(error)
    if known.status >= 500 and not known.reported:
        log.error("request_failed", path=request.scope["path"], code=known.code, exc_info=error)
    encoded = encode(request, known.body(), known.status)
    if known.retry_after_ms is None:
        return encoded
    return encoded._replace(retry_after=str(max(1, known.retry_after_ms // 1000)))


def translate(error: Exception) -> errors.CopConnectError:
    """Map an exception to the error tree."""
    if isinstance(error, errors.CopConnectError):
        return error
    if isinstance(error, DBAPIError):
        return refusal_of(error)
    if isinstance(error, OSError) and error.errno == 28:
        return errors.StorageFull(retry_after_ms=30_000)
    return errors.CopConnectError()


_HOST = re.compile(r"^[A-Za-z0-9.\-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:]+\](:\d{1,5})?$")


# By the policies of web/src/app/trusted-types.ts and of Svelte alone text becomes HTML or a script.
TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types default svelte-trusted-html"
REPORTING = "report-uri /v1/csp-reports"
_FIXED = (
    (b"permissions-policy", b"camera=(self), microphone=(self), geolocation=(self)"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_FIXED_NAMES = frozenset(name for name, _ in _FIXED)
Secured = Callable[[Headers, Headers], list[tuple[bytes, bytes]]]


def security_headers(map_tiles_origin: str) -> Secured:
    """Return what makes the headers of every HTTP response, of the headers that its handler set and
    the request's.

    ``map_tiles_origin`` is the department's own map server, or empty.
    """
    policy = lru_cache(maxsize=64)(partial(_policy, map_tiles_origin))

    def secured(headers: Headers, asked: Headers) -> list[tuple[bytes, bytes]]:
        # Pairs as they go out: a mapping of headers took a tenth of the time of a request.
        pairs = [pair for pair in headers if pair[0].lower() not in _FIXED_NAMES]
        names = {name.lower() for name, _ in pairs}
        pairs += _FIXED
        if b"content-security-policy" not in names:
            host = next((value for name, value in asked if name == b"host"), b"")
            pairs.append((b"content-security-policy", policy(host)))
        if b"cache-control" not in names:
            # Answers are about one caller; what may be cached says so itself.
            pairs.append((b"cache-control", b"no-store"))
        return pairs

    return secured


def _policy(map_tiles_origin: str, host_header: bytes) -> bytes:
    host = host_header.decode("latin-1")
    # Not every browser takes 'self' to cover WebSockets of the same host.
    sockets = f" ws://{host} wss://{host}" if _HOST.match(host) else ""
    tiles = f" {map_tiles_origin}" if map_tiles_origin else ""
    return (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
        "style-src 'self'; worker-src 'self' blob:; "
        f"img-src 'self' blob: data:{tiles}; media-src 'self' blob: data:; "
        f"connect-src 'self'{sockets}{tiles}; object-src 'none'; base-uri 'none'; "
        f"form-action 'self'; frame-ancestors 'none'; {TRUSTED_TYPES}; {REPORTING}"
    ).encode("latin-1")
