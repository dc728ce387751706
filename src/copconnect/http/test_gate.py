"""Gate: only a request beyond the limit is answered late; large answers are compressed."""

import gzip
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.bus import LocalBus
from copconnect.http import gate
from copconnect.http.gate import REFUSED_S, Gate, SameForAll, answer
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

    monkeypatch.setattr(gate, "asyncio", SimpleNamespace(sleep=sleep))
    rates = SharedRates(LocalBus(), lambda: 0)
    under = Gate(Known(), rates, per_minute=4)
    request: Any = SimpleNamespace(headers={"authorization": "Bearer token"})
    assert [await under.caller(request) for _ in range(2)] == [CALLER] * 2
    assert waited == []
    for _ in range(3):
        with pytest.raises(errors.RateLimited):
            await under.caller(request)
    assert waited == [REFUSED_S] * 3


LARGE, SMALL = (wire.TimeAnswer(time=bytes(size)) for size in (5000, 50))


def asked(coding: str) -> Any:
    return SimpleNamespace(headers={"accept": gate.MSGPACK, "accept-encoding": coding})


def test_a_large_answer_is_compressed_where_its_route_and_the_device_say_so() -> None:
    packed = answer(asked("gzip, br"), LARGE, packed=True)
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.content) == msgspec.msgpack.encode(LARGE)
    for plain in (
        answer(asked("gzip"), LARGE),
        answer(asked("br"), LARGE, packed=True),
        answer(asked("gzip"), SMALL, packed=True),
    ):
        assert "content-encoding" not in plain.headers
        assert plain.content in (msgspec.msgpack.encode(LARGE), msgspec.msgpack.encode(SMALL))


def test_an_answer_for_all_is_compressed_once_for_each_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def compress(data: bytes, level: int, *, mtime: int) -> bytes:
        calls.append(level)
        return gzip.compress(data, level, mtime=mtime)

    monkeypatch.setattr(gate, "gzip", SimpleNamespace(compress=compress))
    same = SameForAll()
    answers = [same.answer(asked("gzip"), "1", LARGE).content for _ in range(3)]
    assert len(set(answers)) == 1
    assert same.answer(asked(""), "1", LARGE).content == msgspec.msgpack.encode(LARGE)
    assert len(calls) == 1
    same.answer(asked("gzip"), "2", SMALL)
    assert same.answer(asked("gzip"), "2", SMALL).content == msgspec.msgpack.encode(SMALL)
