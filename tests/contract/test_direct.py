"""Messages are answered beside the web framework, and nobody can tell: whatever is asked, status,
headers and body are those that the framework gives."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from litestar import Litestar
from structlog.testing import capture_logs

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.delivery import routes
from copconnect.http.direct import Direct
from copconnect.http.gate import JSON, MSGPACK, Gate, before_send, on_error, security_headers
from copconnect.ids import new_id
from copconnect.principals import NOTHING, Caller, Requirement
from copconnect.rates import SharedRates
from tests.contract.delivery_world import World
from tests.contract.device import Device, Talk, head_of

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


class Both:
    """The application as it is served, and its framework alone."""

    def __init__(self, world: World) -> None:
        self.tokens = Tokens()
        self.passed_on = 0
        gate = Gate(self.tokens, SharedRates(world.bus, world.clock.now_ms), 2_000)
        secured = security_headers("https://tiles.example")
        self._framework = Litestar(
            routes.routes(world.service, gate),
            exception_handlers={Exception: on_error},
            before_send=[before_send(secured)],
            request_max_body_size=None,
            openapi_config=None,
            logging_config=None,
        )
        self._direct = Direct(self._pass_on, routes.hot_routes(world.service, gate), secured)

    async def _pass_on(self, scope: Any, receive: Any, send: Any) -> None:
        self.passed_on += 1
        await self._framework(scope, receive, send)

    async def ask(
        self, path: str, headers: Any, content: bytes | int = b"", method: str = "POST"
    ) -> Answer:
        """Return the answer, the same on both ways. ``content``: bytes, or how many MiB come
        without a length."""
        answers = []
        for app in (self._direct, self._framework):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                body = _endless(content) if isinstance(content, int) else content
                got = await client.request(method, path, headers=headers, content=body)
            answers.append(Answer(got.status_code, got.headers.raw, got.content))
        assert answers[0] == answers[1]
        return answers[0]


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
        self.both = Both(world)
        self.told = self.both.tokens.add(alice.caller)
        self.key_id = bytes(32)

    @classmethod
    async def of(cls, database: Database) -> "Room":
        world = World(database)
        alice, bob = world.registry.register(), world.registry.register()
        room = cls(world, alice, bob, await world.group(alice, [bob]))
        talk = Talk(world.service, room.made.conversation_id)
        room.key_id = await talk.begin(alice, [bob])
        return room

    def message(self, sender: Device, **other: Any) -> wire.PostMessage:
        return sender.message(head_of(self.made), self.key_id, b"text", **other)


async def test_a_message_beside_the_framework(database: Database) -> None:
    room = await Room.of(database)
    world, both, path, told = room.world, room.both, room.path, room.told
    caller = room.alice.caller
    post = room.message(room.alice)
    packed, as_json = msgspec.msgpack.encode(post), msgspec.json.encode(post)
    plain = {name: value for name, value in told.items() if name != "accept"}

    # Requests that are accepted, in every form that a body and an answer may have.
    first = await both.ask(path, told, packed)
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
        got = await both.ask(path, headers, content)
        assert (got.status, got.body) == (200, first.body)
    in_json = await both.ask(path, {**plain, "accept": JSON}, packed)
    assert msgspec.json.decode(in_json.body) == msgspec.msgpack.decode(first.body)
    assert (await both.ask(f"{path}?a=b", plain, packed)).body == in_json.body
    assert both.passed_on == 0

    # Requests that are refused: for the caller, the body, the message.
    ids = caller.person_id, caller.client_id, caller.device
    both.tokens.callers["novice"] = Caller(*ids, outstanding=frozenset({Requirement.CONDUCT}))
    both.tokens.callers["new"] = Caller(*ids, outstanding=NOTHING, confirmed=False)
    stranger = world.registry.register()
    strangers = both.tokens.add(stranger.caller)
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
        refused = await both.ask(where, asked, sent)
        assert refused.status == status, refused
        assert code is None or code_of(refused) == code
    assert both.passed_on == 0
    page = await world.service.log.page(
        caller, room.made.conversation_id, after=0, before=None, limit=9
    )
    assert len(page.entries) == 1


async def test_the_framework_judges_what_is_spelt_otherwise(database: Database) -> None:
    room = await Room.of(database)
    both, path, told, made = room.both, room.path, room.told, room.made
    packed = msgspec.msgpack.encode(room.message(room.alice))
    for where, method, host, status in (
        (f"{path}/", "POST", "test", 200),
        (path.replace("/messages", "//messages"), "POST", "test", 200),
        (path, "POST", "[::1]:8080", 200),
        (path, "POST", "a b", 400),
        (path, "POST", 'a"', 400),
        (path, "GET", "test", 404),
        (path, "PUT", "test", 404),
        (path.replace("messages", "Messages"), "POST", "test", 404),
        (path.replace(made.conversation_id, "A" * 32), "POST", "test", 404),
        (path.replace(made.conversation_id, "x"), "POST", "test", 404),
        (f"{path}%0a", "POST", "test", 404),
    ):
        before = both.passed_on
        answer = await both.ask(where, {**told, "host": host}, packed, method)
        assert (answer.status, both.passed_on) == (status, before + 1), where


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
async def test_what_goes_wrong_is_told_alike(
    database: Database, failure: Exception, status: int
) -> None:
    both = Both(World(database))
    both.tokens.failure = failure
    headers = {"authorization": "Bearer x"}
    with capture_logs() as logs:
        answer = await both.ask(f"/v1/conversations/{new_id()}/messages", headers)
    assert answer.status == status
    assert logs[:1] == logs[1:]
    assert len(logs) == (2 if status >= 500 else 0)
    assert both.passed_on == 0
