"""Whatever is sent to a route, the server answers with a documented error or with success.

Each route of docs/protocol.md gets random bytes, wrong MessagePack and JSON, structs that are
wrong in one place, valid structs about things that do not exist, and paths and queries of junk;
from a stranger and from a registered officer. Never a 500, never an undocumented code.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copconnect import errors, wire
from tests.harness import databank, protocol_routes
from tests.harness.officer import MSGPACK, Device
from tests.harness.protocol_routes import Route
from tests.harness.server import ServerProcess
from tests.harness.waiting import NO_TLS
from tests.harness.wire_values import JUNK, broken, valid

ROUTES = protocol_routes.read()
JSON = "application/json"
SEGMENT = st.from_regex(r"[0-9a-f]{32}", fullmatch=True) | st.text(min_size=1, max_size=60).filter(
    lambda text: text not in (".", "..")
)
QUERY = st.text(max_size=60) | st.integers().map(str) | st.from_regex(r"[0-9a-f]{32}")


def _codes() -> dict[str, int]:
    found: dict[str, int] = {}
    waiting: list[type[errors.CopConnectError]] = [errors.CopConnectError]
    while waiting:
        error = waiting.pop()
        found[error.code] = error.status
        waiting.extend(error.__subclasses__())
    return found


CODES = _codes() | {errors.CopConnectError.code: 500}


@pytest.fixture(scope="module")
def fuzzed(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """One server for the module, with no rate limit that would hide what lies behind it."""
    generous = {
        "otp_per_number_and_address_per_day": 1_000_000,
        "otp_per_number_per_day": 1_000_000,
        "otp_total_per_minute": 1_000_000,
        "requests_per_person_per_minute": 1_000_000,
    }
    return serve(**generous)


@pytest.fixture(scope="module")
def officer(fuzzed: ServerProcess) -> Iterator[Device]:
    """A registered officer."""
    with Device(fuzzed, databank.officers()[20]) as device:
        yield device.register()


def judge(response: httpx.Response) -> None:
    """Fail unless this is a success or an error as documented."""
    if response.is_success or response.status_code == 304:
        return
    assert response.status_code < 500, response.text
    body = msgspec.msgpack.decode(response.content, type=wire.ErrorBody)
    assert CODES[body.code] == response.status_code
    assert len(body.message) > 10
    assert len(body.remedy) > 10


def paths(route: Route) -> st.SearchStrategy[str]:
    """Fill the route's parameters with ids and junk, and its query with junk."""

    def build(parts: list[str], query: dict[str, str]) -> str:
        waiting = iter(parts)
        path = re.sub(r"\{\w+\}", lambda _: quote(next(waiting), safe=""), route.path)
        return f"{path}?{urlencode(query)}" if query else path

    count = route.path.count("{")
    queries = st.dictionaries(st.sampled_from(route.query), QUERY) if route.query else st.just({})
    return st.builds(build, st.lists(SEGMENT, min_size=count, max_size=count), queries)


def bodies(route: Route) -> st.SearchStrategy[tuple[str, bytes]]:
    """A content type and bytes that claim to be of it."""
    values: st.SearchStrategy[Any] = JUNK
    if route.body is not None:
        values = valid(route.body) | broken(route.body) | JUNK
    encoded = values.map(lambda value: (MSGPACK, msgspec.msgpack.encode(value)))
    cut = st.tuples(encoded, st.integers(0, 30)).map(lambda pair: (MSGPACK, pair[0][1][: pair[1]]))
    as_json = values.map(lambda value: (JSON, _as_json(value)))
    types = st.sampled_from([MSGPACK, JSON, "text/plain", "", "application/msgpack; x=\u00e9"])
    return encoded | cut | as_json | st.tuples(types, st.binary(max_size=200))


def _as_json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, UnicodeEncodeError):
        return json.dumps(repr(value)).encode()


FUZZ = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_stranger_gets_documented_answers(fuzzed: ServerProcess, route: Route) -> None:
    with httpx.Client(base_url=fuzzed.url, headers={"accept": MSGPACK}, verify=NO_TLS) as client:
        # Few where a route asks first who calls; the open ones read whatever strangers send.
        @settings(FUZZ, max_examples=25 if route.open else 5)
        @given(path=paths(route), body=bodies(route))
        def attack(path: str, body: tuple[str, bytes]) -> None:
            headers = {b"content-type": body[0].encode("latin-1")}
            response = client.request(route.method, path, content=body[1], headers=headers)
            judge(response)
            if not route.open:
                assert response.status_code in (401, 404), response.text

        attack()


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_an_officer_gets_documented_answers(officer: Device, route: Route) -> None:
    @FUZZ
    @given(path=paths(route), body=bodies(route))
    def attack(path: str, body: tuple[str, bytes]) -> None:
        headers = {b"content-type": body[0].encode("latin-1")}
        judge(officer.http.request(route.method, path, content=body[1], headers=headers))

    attack()


def test_the_officer_is_still_who_they_were(officer: Device) -> None:
    assert officer.call("GET", "/v1/me", None, wire.Me).client_id == officer.client_id


@pytest.mark.parametrize("route", [r for r in ROUTES if not r.open], ids=str)
def test_every_route_exists_and_asks_who_calls(fuzzed: ServerProcess, route: Route) -> None:
    path = re.sub(r"\{\w+\}", "0" * 32, route.path.replace("{i}", "0"))
    for headers in ({}, {"authorization": "Bearer nobody"}, {"authorization": "Basic eDp4"}):
        response = httpx.request(
            route.method, fuzzed.url + path, headers=headers | {"accept": MSGPACK}, verify=NO_TLS
        )
        body = msgspec.msgpack.decode(response.content, type=wire.ErrorBody)
        assert (response.status_code, body.code) == (401, "unauthenticated")


def test_a_huge_body_is_refused_without_being_read(officer: Device) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(20):
            yield b"\x00" * (1024 * 1024)

    for content in (b"\x00" * (20 * 1024 * 1024), endless()):
        response = officer.http.post("/v1/people/searches", content=content)
        assert response.status_code == 413
        assert msgspec.msgpack.decode(response.content, type=wire.ErrorBody).code == "too_large"
