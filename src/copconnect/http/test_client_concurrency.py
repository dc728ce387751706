"""A few requests of a device run at a time; its others queue, and nobody else's do."""

import asyncio
from typing import Any

import pytest

from copconnect.http.client_concurrency import MOST_WAITING, ClientConcurrency


class Slow:
    """An application whose answers wait until they are let go."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.answered: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Any, _receive: Any, _send: Any) -> None:
        """Answer once let go."""
        path = scope["path"]
        self.under_way.append(path)
        try:
            await self._gates.setdefault(path, asyncio.Event()).wait()
            self.answered.append(path)
        finally:
            self.under_way.remove(path)

    async def let_go(self, path: str) -> None:
        """Let a request be answered."""
        self._gates.setdefault(path, asyncio.Event()).set()
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def slow() -> Slow:
    return Slow()


def ask(
    limited: ClientConcurrency, path: str, who: str = "a", scheme: str = "Bearer"
) -> asyncio.Task[None]:
    headers = [(b"authorization", f"{scheme} {who}".encode())] if who else []
    scope: Any = {"type": "http", "path": path, "headers": headers}
    unused: Any = None
    return asyncio.ensure_future(limited(scope, unused, unused))


async def test_the_third_waits_for_one_of_two_in_order(slow: Slow) -> None:
    limited = ClientConcurrency(slow, 2)
    tasks = [ask(limited, path) for path in "1234"]
    await settled()
    assert slow.under_way == ["1", "2"]
    await slow.let_go("2")
    assert slow.under_way == ["1", "3"]
    await slow.let_go("1")
    assert slow.under_way == ["3", "4"]
    for path in "34":
        await slow.let_go(path)
    await asyncio.gather(*tasks)
    assert len(limited) == 0  # Nothing stays in memory.


async def test_requests_that_wait_for_a_turn_are_bounded(slow: Slow) -> None:
    """A program that opens connections and abandons them fills no memory: uvicorn leaves the
    request of a closed connection under way."""
    refused: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            refused.append(message["status"])

    limited = ClientConcurrency(slow, 2)
    scope: Any = {"type": "http", "path": "1", "headers": [(b"authorization", b"Bearer a")]}
    unused: Any = None
    tasks = [asyncio.ensure_future(limited(scope, unused, send)) for _ in range(2_000)]
    await settled()
    kept = [one for one in tasks if not one.done()]
    assert len(kept) == 2 + MOST_WAITING
    assert refused == [429] * (2_000 - len(kept))
    other = ask(limited, "2", "b")  # Nobody else is refused.
    await settled()
    assert "2" in slow.under_way
    await slow.let_go("1")
    await slow.let_go("2")
    await asyncio.gather(*tasks, other)
    assert len(limited) == 0


async def test_a_token_is_one_however_its_scheme_is_written(slow: Slow) -> None:
    limited = ClientConcurrency(slow, 1)
    tasks = [ask(limited, "1"), ask(limited, "2", "a", "bEARER")]
    await settled()
    assert slow.under_way == ["1"]
    for path in "12":
        await slow.let_go(path)
    await asyncio.gather(*tasks)


async def test_others_and_strangers_do_not_wait(slow: Slow) -> None:
    limited = ClientConcurrency(slow, 1)
    tasks = [ask(limited, "1"), ask(limited, "2"), ask(limited, "3", "b")]
    tasks += [ask(limited, path, "") for path in "45"]
    await settled()
    assert slow.under_way == ["1", "3", "4", "5"]
    for path in "12345":
        await slow.let_go(path)
    await asyncio.gather(*tasks)


async def test_who_gives_up_waiting_gives_the_place_to_the_next(slow: Slow) -> None:
    limited = ClientConcurrency(slow, 1)
    first, second, third = (ask(limited, path) for path in "123")
    await settled()
    second.cancel()
    await slow.let_go("1")
    assert slow.under_way == ["3"]
    third.cancel()
    await settled()
    assert slow.under_way == []
    last = ask(limited, "4")
    await slow.let_go("4")
    await asyncio.gather(first, last)
    assert len(limited) == 0


async def test_a_turn_that_had_come_is_passed_on_when_its_request_is_cancelled(slow: Slow) -> None:
    limited = ClientConcurrency(slow, 1)
    first, second, third = (ask(limited, path) for path in "123")
    await settled()
    first.cancel()
    second.cancel()  # In the same turn of the loop as the first gives its place to it.
    await settled()
    assert slow.under_way == ["3"]
    await slow.let_go("3")
    await third


async def test_a_waiting_request_that_is_cancelled_as_a_turn_ends(slow: Slow) -> None:
    limited = ClientConcurrency(slow, 1)
    first, second = ask(limited, "1"), ask(limited, "2")
    await settled()
    second.cancel()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await settled()
    assert len(limited) == 0
