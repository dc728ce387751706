"""Operations judge callers, paths, queries and bodies, and answer with the right status."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.delivery.operations import operations
from copconnect.http.operations import FileAnswer, Operation, Operations, get
from copconnect.http.requests import JSON, MSGPACK, RequestAuthenticator, security_headers
from copconnect.ids import new_id
from copconnect.principals import NOTHING, Caller, Requirement
from copconnect.rates import SharedRates
from tests.contract.delivery_world import World
from tests.contract.device import Device, Talk, head_of
from tests.harness.rows import answering

Headers = dict[str, str]


class Tokens:
    """Callers, whose tokens are their client ids."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.failure: Exception | None = None

    def add(self, caller: Caller) -> Headers:
        """Return headers of this caller's requests."""
        self.callers[caller.client_id] = caller
        return {"authorization": f"Bearer {caller.client_id}", "accept": MSGPACK}

    async def authenticate(self, access_token: str) -> Caller | None:
        """Return the caller."""
        if self.failure is not None:
            raise self.failure
        return self.callers.get(access_token)


class Answer(NamedTuple):
    """An answer as it went over the wire."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Served:
    """The operations of the Delivery Service."""

    def __init__(self, world: World) -> None:
        self.tokens = Tokens()
        authenticator = RequestAuthenticator(
            self.tokens, SharedRates(world.bus, world.clock.now_ms), 2_000
        )
        secured = security_headers("https://tiles.example")
        self.app = Operations(operations(world.service), authenticator, secured)

    async def ask(
        self, path: str, headers: Any, content: bytes | int = b"", method: str = "POST"
    ) -> Answer:
        """Return the answer. ``content``: bytes, or how many MiB come without a length."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            body = _endless(content) if isinstance(content, int) else content
            got = await client.request(method, path, headers=headers, content=body)
        return Answer(got.status_code, got.headers.raw, got.content)


async def _endless(mebibytes: int) -> AsyncIterator[bytes]:
    for _ in range(mebibytes):
        yield bytes(1024 * 1024)


def code_of(answer: Answer) -> str:
    """Return the error's code."""
    kind = dict(answer.headers)[b"content-type"].decode()
    decode = msgspec.json.decode if kind == JSON else msgspec.msgpack.decode
    return str(decode(answer.body)["code"])


class Room:
    """A group of two with a key, and Alice's token."""

    def __init__(self, world: World, alice: Device, bob: Device, made: wire.Conversation) -> None:
        self.world, self.alice, self.bob, self.made = world, alice, bob, made
        self.path = f"/v1/conversations/{made.conversation_id}/messages"
        self.served = Served(world)
        self.told = self.served.tokens.add(alice.caller)
        self.key_id = bytes(32)

    @classmethod
    async def of(cls, database: Database) -> "Room":
        world = World(database)
        alice, bob = world.registry.register(), world.registry.register()
        room = cls(world, alice, bob, await world.group(alice, [bob]))
        talk = Talk(world.service, room.made.conversation_id)
        room.key_id = await talk.begin(alice, [bob])
        return room

    def message(self, sender: Device, **other: Any) -> wire.SendMessage:
        return sender.message(head_of(self.made), self.key_id, b"text", **other)


@pytest.mark.databases("sqlite")
async def test_a_message_in_every_form(database: Database) -> None:
    room = await Room.of(database)
    world, served, path, told = room.world, room.served, room.path, room.told
    caller = room.alice.caller
    post = room.message(room.alice)
    packed, as_json = msgspec.msgpack.encode(post), msgspec.json.encode(post)
    plain = {name: value for name, value in told.items() if name != "accept"}

    # Requests that are accepted, in every form that a body and an answer may have.
    first = await served.ask(path, told, packed)
    assert first.status == 200
    for headers, content in (
        (told, packed),
        ({**told, "content-type": MSGPACK}, packed),
        ({**told, "content-type": f"{JSON}; charset=utf-8"}, as_json),
        ({**told, "accept": f"text/html, {MSGPACK};q=0.5"}, packed),
        ({**told, "authorization": f"bEARER {caller.client_id}"}, packed),
        ([*told.items(), ("authorization", "Bearer nobody")], packed),
        ({**told, "host": "192.0.2.1:8080"}, packed),
        ({**told, "content-security-policy": "none", "cache-control": "max-age=5"}, packed),
    ):
        got = await served.ask(path, headers, content)
        assert (got.status, got.body) == (200, first.body)
    in_json = await served.ask(path, {**plain, "accept": JSON}, packed)
    assert msgspec.json.decode(in_json.body) == msgspec.msgpack.decode(first.body)
    assert (await served.ask(f"{path}?a=b", plain, packed)).body == in_json.body

    # Requests that are refused: for the caller, the body, the message.
    ids = caller.person_id, caller.client_id, caller.device
    served.tokens.callers["novice"] = Caller(*ids, outstanding=frozenset({Requirement.CONDUCT}))
    served.tokens.callers["new"] = Caller(*ids, outstanding=NOTHING, confirmed=False)
    stranger = world.registry.register()
    strangers = served.tokens.add(stranger.caller)
    other = f"/v1/conversations/{new_id()}/messages"
    theirs = msgspec.msgpack.encode(room.message(stranger))
    late = msgspec.msgpack.encode(room.message(room.alice, seq=2, epoch=9))
    refusals: Sequence[tuple[str, Any, bytes | int, int, str | None]] = (
        (path, {}, packed, 401, "unauthenticated"),
        (path, {"authorization": "Basic eDp4"}, packed, 401, "unauthenticated"),
        (path, {"authorization": "Bearer"}, packed, 401, "unauthenticated"),
        (path, {"authorization": "Bearer nobody\u00e9".encode("latin-1")}, b"", 401, None),
        (path, {**told, "authorization": "Bearer novice"}, packed, 403, "conduct_not_accepted"),
        (path, {**told, "authorization": "Bearer new"}, packed, 403, "device_unconfirmed"),
        (path, strangers, packed, 400, "message_invalid"),  # Another device's message.
        (path, strangers, theirs, 403, "not_member"),
        (path, told, b"", 400, "bad_request"),
        (path, told, packed[:-3], 400, "bad_request"),
        (path, {**told, "content-type": JSON}, packed, 400, "bad_request"),
        (path, {**told, "content-type": JSON}, b'"\xff"', 400, "bad_request"),
        (path, told, late, 409, "stale_head"),
        (path, told, bytes(2 * 1024 * 1024), 413, "too_large"),
        (path, told, 5, 413, "too_large"),
        (other, told, packed, 400, "message_invalid"),  # The header is of another conversation.
    )
    for where, asked, sent, status, code in refusals:
        refused = await served.ask(where, asked, sent)
        assert refused.status == status, refused
        assert code is None or code_of(refused) == code
    page = await world.service.log.page(
        caller, room.made.conversation_id, after=0, before=None, limit=9
    )
    assert len(page.entries) == 1


@pytest.mark.databases("sqlite")
async def test_no_other_spelling_of_a_path_is_an_operation(database: Database) -> None:
    room = await Room.of(database)
    served, path, told = room.served, room.path, room.told
    packed = msgspec.msgpack.encode(room.message(room.alice))
    for where, method in (
        (f"{path}/", "POST"),
        (path.replace("/messages", "//messages"), "POST"),
        (path, "GET"),
        (path, "PUT"),
        (path.replace("messages", "Messages"), "POST"),
        (f"{path}%0a", "POST"),
    ):
        answer = await served.ask(where, told, packed, method)
        assert (answer.status, code_of(answer)) == (404, "not_found"), where


async def test_a_path_that_ends_in_a_star_is_every_path_that_no_other_row_names() -> None:
    def row(method: str, path: str) -> Operation:
        def function() -> FileAnswer:
            return FileAnswer(path.encode())

        return Operation(method, path, function, public=True)

    def named(name: str) -> FileAnswer:
        return FileAnswer(name.encode())

    rows = [row("GET", "/*"), row("POST", "/a/*"), row("GET", "/a/b/*"), row("GET", "/a/b/c")]
    app = answering([*rows, get("/a/{name}/d", named, public=True)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for method, path, answered in (
            ("GET", "/", "/*"),
            ("GET", "/x/y/", "/*"),
            ("GET", "/a", "/*"),
            ("POST", "/a", "/a/*"),
            ("POST", "/a/b/c", "/a/*"),
            ("GET", "/a/b", "/a/b/*"),
            ("GET", "/a/b/c", "/a/b/c"),
            ("GET", "/a/b/c/d", "/a/b/*"),
            ("GET", "/a/b/d", "/a/b/*"),
            ("GET", "/a/x/d", "x"),
            ("GET", "/a/x/y", "/*"),
        ):
            assert (await client.request(method, path)).text == answered, (method, path)
        for method, path in (("POST", "/"), ("HEAD", "/a/b/c"), ("PUT", "/*")):
            assert (await client.request(method, path)).status_code == 404, (method, path)
        for path, allowed in (("/x", "GET, OPTIONS"), ("/a/x", "GET, OPTIONS, POST")):
            answer = await client.options(path)
            assert (answer.status_code, answer.headers["allow"]) == (204, allowed)


async def test_what_a_path_or_a_query_has_is_read_as_its_type(database: Database) -> None:
    room = await Room.of(database)
    served, told, made = room.served, room.told, room.made.conversation_id
    log = f"/v1/conversations/{made}/log"
    for path, status, code in (
        (log, 200, None),
        (f"{log}?after=0&limit=1", 200, None),
        (f"{log}?after=&limit=1", 200, None),  # An empty one is none.
        (f"{log}?after=x", 400, "bad_request"),
        (f"{log}?after=-1", 400, "bad_request"),
        (f"{log}?after=1000000000000000", 400, "bad_request"),
        (f"{log}?after=%00", 400, "bad_request"),
        (f"/v1/conversations/{made}/keys?key=zz", 400, "bad_request"),
        (f"/v1/conversations/{made}/heads/1", 200, None),
        (f"/v1/conversations/{made}/heads/one", 404, "not_found"),
        (f"/v1/conversations/{made.upper()}x/log", 404, "not_found"),
        (f"/v1/conversations/{made}/cells/own", 200, None),
        (f"/v1/conversations/{made}/cells/{new_id()}", 404, "not_found"),
    ):
        answer = await served.ask(path, told, method="GET")
        assert answer.status == status, path
        assert code is None or code_of(answer) == code
    members = f"/v1/conversations/{made}/members/searches"
    asked = msgspec.msgpack.encode(wire.Search(asked={"text": "x" * 101}))
    assert (await served.ask(members, told, asked)).status == 400
    asked = msgspec.msgpack.encode(wire.Search(asked={"text": "x"}))
    assert (await served.ask(members, told, asked)).status == 200


def test_a_row_that_does_not_fit_its_function_is_refused_at_the_start() -> None:
    async def function(caller: Caller) -> None: ...

    for rows in ([get("/v1/{other}", function)], [get("/v1", function)] * 2):
        with pytest.raises((TypeError, ValueError)):
            answering(rows)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (errors.SignedOut(reason="suspended"), 401),
        (errors.Overloaded(retry_after_ms=2_500), 503),
        (errors.RateLimited(retry_after_ms=10), 429),
        (OSError(28, "No space left on device"), 507),
        (RuntimeError("unforeseen"), 500),
    ],
)
@pytest.mark.databases("sqlite")
async def test_what_goes_wrong_is_told_alike(
    database: Database, failure: Exception, status: int
) -> None:
    served = Served(World(database))
    served.tokens.failure = failure
    headers = {"authorization": "Bearer x"}
    with capture_logs() as logs:
        answer = await served.ask(f"/v1/conversations/{new_id()}/messages", headers)
    assert answer.status == status
    assert len(logs) == (1 if status >= 500 else 0)
