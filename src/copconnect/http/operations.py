"""Operations: what the server answers over HTTP, a row for each. A request that no row names is
answered with 404, and OPTIONS with the methods that rows name for its path.

A row names a method, a path and the function that answers. A path that ends in ``/*`` also means
every path below it that no other row names. The types of the function's parameters say what it is
given:

- ``Caller``: the calling device; a struct of :mod:`copconnect.wire`: the body; ``Body``: a body
  that the function reads within its own limit; ``Address``: the address that the request counts
  under; ``Incoming``: the request;
- every other parameter comes from the path, if the path names it in braces, else from the query,
  under its name without ``_id`` and ``_ms``. The parameters of a search are in its body, because
  proxies log addresses.

Every operation asks who calls, unless its row is ``public``. A wire value that the function returns
is encoded as the request takes it, ``None`` is answered with 204, a :class:`FileAnswer` goes out
as it is. Bodies, callers, errors and headers are those of :mod:`copconnect.http.requests`.
"""

import inspect
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import UnionType
from typing import Annotated, Any, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from copconnect import addresses, errors, ids, wire
from copconnect.http.requests import (
    MAX_BODY_BYTES,
    Encoded,
    Headers,
    Incoming,
    Receive,
    RequestAuthenticator,
    Secured,
    Send,
    encode,
    headers_of,
    packed,
    read,
    read_bytes,
    refuse,
)
from copconnect.principals import Caller, Requirement

Address = NewType("Address", str)
_ShortText = Annotated[str, msgspec.Meta(max_length=200)]
_Natural = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
_PLACE = re.compile(r"\{(\w+)\}")
_SUFFIX = re.compile(r"_(?:id|ms)$")
_FORMS: Mapping[Any, Any] = {
    str: _ShortText,
    int: _Natural,
    **dict.fromkeys((ids.ClientId, ids.LessonId, ids.UnitId), _ShortText),
    ids.Seq: _Natural,
    ids.Epoch: _Natural,
    ids.DeviceId: wire.Hex32,
    ids.KeyId: wire.Hex32,
    **dict.fromkeys(
        (
            *(ids.AttachmentId, ids.CellId, ids.ConfirmationId, ids.ConversationId, ids.MessageId),
            *(ids.PersonId, ids.PostId, ids.ReportId, ids.UploadId),
        ),
        wire.Hex16,
    ),
}


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """An answer that is no wire value: bytes, or pieces of ``size`` bytes in all."""

    content: bytes | AsyncIterator[bytes]
    media_type: str = "application/octet-stream"
    size: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


class Body:
    """A body that a function reads."""

    __slots__ = ("_request",)

    def __init__(self, request: Incoming) -> None:
        self._request = request

    async def read(self, limit: int) -> bytes:
        """Return the bytes. Raises TooLarge beyond ``limit`` of them."""
        return await read_bytes(self._request, limit)


@dataclass(frozen=True, slots=True)
class Operation:
    """A row. ``name``: the operation's, where the function's says too little alone; ``most``: the
    most bytes of a body; ``tolerates``: what the account may still owe; ``confirmed``: the device
    must be (E0); ``public``: anybody may ask; ``searches``: the parameters are in the body;
    ``packed``: a large answer is compressed. ``once`` and ``wait_s`` are for the client, whose
    transport :mod:`make.operations` generates: it never repeats such a request, and waits for an
    answer so many seconds."""

    method: str
    path: str
    function: Callable[..., Any]
    name: str = ""
    most: int = MAX_BODY_BYTES
    tolerates: Collection[Requirement] = ()
    confirmed: bool = True
    public: bool = False
    searches: bool = False
    packed: bool = False
    once: bool = False
    wait_s: int = 15

    def __post_init__(self) -> None:
        """Take the function's name where the row has none."""
        object.__setattr__(self, "name", self.name or self.function.__name__)


get = partial(Operation, "GET")
post = partial(Operation, "POST")
put = partial(Operation, "PUT")
delete = partial(Operation, "DELETE")
search = partial(Operation, "POST", searches=True)


class Operations:
    """An ASGI application that answers operations."""

    def __init__(
        self,
        rows: Iterable[Operation],
        authenticator: RequestAuthenticator,
        secured: Secured,
        trusted_proxies: int = 0,
    ) -> None:
        self.rows = tuple(rows)
        self._secured = secured
        self._places = _RouteNode()
        for row in self.rows:
            self._places.put(row, _Bound(row, authenticator, trusted_proxies))

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer."""
        request = _HttpRequest(scope, receive)
        try:
            sent = await self._answer(request)
        except Exception as error:
            sent = _file(refuse(request, error))
        content = sent.content
        size = len(content) if isinstance(content, bytes) else sent.size
        headers = [(name.encode(), value.encode()) for name, value in sent.headers.items()]
        if sent.status not in _EMPTY:
            headers.append((b"content-type", sent.media_type.encode()))
            if size is not None:
                headers.append((b"content-length", str(size).encode()))
        secured = self._secured(headers, scope["headers"])
        await send({"type": "http.response.start", "status": sent.status, "headers": secured})
        if isinstance(content, bytes):
            await send({"type": "http.response.body", "body": content, "more_body": False})
            return
        async for piece in content:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self, request: "_HttpRequest") -> FileAnswer:
        method, parts = request.scope["method"], request.scope["path"].split("/")
        found = self._places.find(method, parts)
        if found is None:
            if method == "OPTIONS":
                named = {row.method for row in self.rows}
                allowed = sorted({method, *(one for one in named if self._places.find(one, parts))})
                return FileAnswer(b"", headers={"allow": ", ".join(allowed)}, status=204)
            raise errors.NotFound
        bound, values = found
        answer = await bound.answer(request, values)
        return answer if isinstance(answer, FileAnswer) else _encoded(request, answer, bound.row)


_EMPTY = (204, 304)


def _encoded(request: Incoming, value: Any, row: Operation) -> FileAnswer:
    if value is None:
        return FileAnswer(b"", status=204)
    encoded = encode(request, value)
    return _file(packed(request, encoded) if row.packed else encoded)


def _file(encoded: Encoded) -> FileAnswer:
    headers = headers_of(encoded)
    return FileAnswer(encoded.body, encoded.media_type, headers=headers, status=encoded.status)


# --- The parameters of a function -----------------------------------------------------------------


class QueryParameter(NamedTuple):
    """A parameter of a query. ``short``: its name there; ``empty``: its value where the query has
    none."""

    name: str
    short: str
    form: Any
    empty: Any
    required: bool


@dataclass(slots=True)
class Given:
    """The names of a function's parameters, by what they are given."""

    caller: str | None = None
    body: tuple[str, type[msgspec.Struct]] | None = None
    placed: list[tuple[str, Any]] = field(default_factory=list)
    asked: list[QueryParameter] = field(default_factory=list)
    special: list[tuple[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, row: Operation) -> "Given":
        """Read the signature of a function. Raises TypeError for a path with other names."""
        given, places = cls(), _PLACE.findall(row.path)
        hints = get_type_hints(row.function, include_extras=True)
        named = inspect.signature(row.function).parameters
        if missing := set(places) - set(named):
            raise TypeError(f"{row.method} {row.path}: the function takes no {min(missing)}")
        given.placed = [(name, _FORMS.get(hints[name], hints[name])) for name in places]
        for name, parameter in named.items():
            kind = hints[name]
            if name in places:
                continue
            if kind is Caller or Caller in get_args(kind):
                given.caller = name
            elif kind in (Body, Incoming, Address):
                given.special.append((name, kind))
            elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                given.body = name, kind
            else:
                given.asked.append(_asked_of(name, kind, parameter))
        return given


def _asked_of(name: str, kind: Any, parameter: inspect.Parameter) -> QueryParameter:
    optional = get_origin(kind) in (Union, UnionType) and type(None) in get_args(kind)
    if optional:
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    has_default = parameter.default is not inspect.Parameter.empty
    empty = parameter.default if has_default else None
    required = not optional and not has_default
    return QueryParameter(name, _SUFFIX.sub("", name), _FORMS.get(kind, kind), empty, required)


class _Bound:
    """An operation, ready to answer requests."""

    def __init__(
        self, row: Operation, authenticator: RequestAuthenticator, trusted_proxies: int
    ) -> None:
        self.row = row
        self._given = Given.of(row)
        self._authenticator = authenticator
        self._trusted_proxies = trusted_proxies

    async def answer(self, request: "_HttpRequest", values: Sequence[str]) -> Any:
        """Return what the function returns. Caller, path, query and body are judged in this order;
        ``values``: the parts of the path in braces."""
        row, given = self.row, self._given
        arguments: dict[str, Any] = {}
        if not row.public:
            caller = await self._authenticator.caller(
                request, tolerates=row.tolerates, confirmed=row.confirmed
            )
            if given.caller is not None:
                arguments[given.caller] = caller
        for (name, form), text in zip(given.placed, values, strict=True):
            try:
                arguments[name] = _read(text, form)
            except ValueError as error:
                raise errors.NotFound from error
        if given.asked:
            if row.searches:
                query = (await read(request, wire.Search, row.most)).asked
            else:
                query = request.query()
            for one in given.asked:
                arguments[one.name] = _asked(one, query.get(one.short, ""))
        if given.body is not None:
            name, kind = given.body
            arguments[name] = await read(request, kind, row.most)
        for name, special in given.special:
            arguments[name] = self._made(special, request)
        answer = row.function(**arguments)
        return await answer if inspect.isawaitable(answer) else answer

    def _made(self, kind: Any, request: "_HttpRequest") -> Any:
        if kind is Body:
            return Body(request)
        return request.address(self._trusted_proxies) if kind is Address else request


def _asked(asked: QueryParameter, text: str) -> Any:
    if not text and not asked.required:
        return asked.empty
    try:
        return _read(text, asked.form)
    except ValueError as error:
        raise errors.BadRequest(reason=asked.short) from error


def _read(text: str, form: Any) -> Any:
    """Return a text as a type. Raises ValueError, as msgspec's errors are."""
    if "\0" in text:
        raise ValueError("a zero")
    return msgspec.convert(text, form, strict=False)


# --- Requests ---------------------------------------------------------------------------------


class _RouteNode:
    """A place in the tree of paths. A part that is spelt out goes before one in braces, and that
    before ``*``, which is spelt out in the tree."""

    __slots__ = ("methods", "open", "spelt")

    def __init__(self) -> None:
        self.spelt: dict[str, _RouteNode] = {}
        self.open: _RouteNode | None = None
        self.methods: dict[str, _Bound] = {}

    def put(self, row: Operation, bound: _Bound) -> None:
        """Add an operation. Raises ValueError for one that is there."""
        place = self
        for part in row.path.split("/"):
            if _PLACE.fullmatch(part):
                place.open = place.open or _RouteNode()
                place = place.open
            else:
                place = place.spelt.setdefault(part, _RouteNode())
        if row.method in place.methods:
            raise ValueError(f"{row.method} {row.path} is there twice")
        place.methods[row.method] = bound

    def find(
        self, method: str, parts: list[str], values: tuple[str, ...] = ()
    ) -> tuple[_Bound, tuple[str, ...]] | None:
        """Return the operation of a path with what its braces hold, None if there is none."""
        if parts:
            part, *rest = parts
            spelt = self.spelt.get(part)
            if spelt is not None and (found := spelt.find(method, rest, values)):
                return found
            opened = self.open if part else None
            if opened is not None and (found := opened.find(method, rest, (*values, part))):
                return found
        elif method in self.methods:
            return self.methods[method], values
        below = self.spelt.get("*")
        return None if below is None else below.find(method, [], values)


class _Headers:
    """See authenticator.Named."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Headers) -> None:
        self._values = dict(reversed(list(pairs)))  # The first of each name stays.

    def get(self, key: str, default: str, /) -> str:
        """Return a value, or ``default``."""
        value = self._values.get(key.encode("latin-1"))
        return default if value is None else value.decode("latin-1")


class _HttpRequest:
    """See authenticator.Incoming."""

    __slots__ = ("_receive", "headers", "scope")

    def __init__(self, scope: Mapping[str, Any], receive: Receive) -> None:
        self.scope = scope
        self.headers = _Headers(scope["headers"])
        self._receive = receive

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        more = True
        while more:
            event = await self._receive()
            if event["type"] != "http.request":
                raise ConnectionError("client disconnected prematurely")
            more = event.get("more_body", False)
            yield event["body"]

    def query(self) -> dict[str, str]:
        """Return the parameters of the address, the first of each name."""
        text = self.scope["query_string"].decode("latin-1")
        return dict(reversed(parse_qsl(text, keep_blank_values=True)))

    def address(self, trusted_proxies: int) -> str:
        """Return the address that the request counts under."""
        peer, forwarded = addresses.peer_of(self.scope), addresses.forwarded_for(self.scope)
        return addresses.caller_address(peer, forwarded, trusted_proxies)
