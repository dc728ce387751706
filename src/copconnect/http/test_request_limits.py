"""Only a request beyond the limit is answered late; large answers are compressed."""

import gzip
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.bus import LocalBus
from copconnect.http import requests
from copconnect.http.requests import (
    REFUSED_S,
    Encoded,
    RequestAuthenticator,
    SameForAll,
    encode,
    headers_of,
    packed,
)
from copconnect.ids import ClientId, PersonId
from copconnect.principals import Caller
from copconnect.rates import SharedRates

CALLER = Caller(PersonId("a" * 32), ClientId("b" * 32), bytes(32), frozenset())


class Known:
    """Knows every token."""

    async def authenticate(self, _access_token: str) -> Caller:
        """Return the caller."""
        return CALLER


async def test_a_refusal_by_the_limit_keeps_its_turn_for_half_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(requests, "asyncio", SimpleNamespace(sleep=sleep))
    rates = SharedRates(LocalBus(), lambda: 0)
    under = RequestAuthenticator(Known(), rates, per_minute=4)
    request: Any = SimpleNamespace(headers={"authorization": "Bearer token"})
    assert [await under.caller(request) for _ in range(2)] == [CALLER] * 2
    assert waited == []
    for _ in range(3):
        with pytest.raises(errors.RateLimited):
            await under.caller(request)
    assert waited == [REFUSED_S] * 3


LARGE, SMALL = (wire.TimeAnswer(time=bytes(size)) for size in (5000, 50))


def asked(coding: str) -> Any:
    return SimpleNamespace(headers={"accept": requests.MSGPACK, "accept-encoding": coding})


def test_a_large_answer_is_compressed_where_the_device_takes_it() -> None:
    def answer(coding: str, value: wire.TimeAnswer) -> Encoded:
        return packed(asked(coding), encode(asked(coding), value))

    small = answer("gzip, br", LARGE)
    assert headers_of(small)["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == msgspec.msgpack.encode(LARGE)
    for plain in (answer("br", LARGE), answer("gzip", SMALL)):
        assert "content-encoding" not in headers_of(plain)
        assert plain.body in (msgspec.msgpack.encode(LARGE), msgspec.msgpack.encode(SMALL))


def test_an_answer_for_all_is_compressed_once_for_each_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def compress(data: bytes, level: int, *, mtime: int) -> bytes:
        calls.append(level)
        return gzip.compress(data, level, mtime=mtime)

    monkeypatch.setattr(requests, "gzip", SimpleNamespace(compress=compress))
    same = SameForAll()
    answers = [same.encode(asked("gzip"), "1", LARGE).body for _ in range(3)]
    assert len(set(answers)) == 1
    assert same.encode(asked(""), "1", LARGE).body == msgspec.msgpack.encode(LARGE)
    assert len(calls) == 1
    same.encode(asked("gzip"), "2", SMALL)
    assert same.encode(asked("gzip"), "2", SMALL).body == msgspec.msgpack.encode(SMALL)
