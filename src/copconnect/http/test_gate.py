"""Gate: only a request beyond the limit is answered late."""

from types import SimpleNamespace
from typing import Any

import pytest

from copconnect import errors
from copconnect.bus import LocalBus
from copconnect.http import gate
from copconnect.http.gate import REFUSED_S, Gate
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
