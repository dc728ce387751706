"""Questions asked at once share a read, and no answer is from before its question."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from copconnect.batch_loader import MOST, BatchLoader


class Store:
    """Counts its reads; each waits until it may continue."""

    def __init__(self) -> None:
        self.reads: list[list[int]] = []
        self.value = 0
        self.fails: set[int] = set()
        self.go = asyncio.Event()
        self.go.set()
        self.began = asyncio.Event()

    async def read(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Return the value as it is when the read begins, for even keys."""
        self.reads.append(list(keys))
        self.began.set()
        value = self.value
        await self.go.wait()
        if self.fails & set(keys):
            raise OSError("the database is away")
        return {key: value for key in keys if key % 2 == 0}


async def test_what_waits_is_read_at_once() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    found = await asyncio.gather(*(loader.load(key) for key in (0, 1, 2, 3, 2)))
    assert found == [0, None, 0, None, 0]
    assert store.reads == [[0, 1, 2, 3]]
    assert await loader.load(4) == 0
    assert store.reads[1:] == [[4]]


async def test_an_answer_is_of_a_read_that_began_later() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    store.go.clear()
    early = asyncio.create_task(loader.load(2))
    await store.began.wait()
    store.value = 7
    late = asyncio.create_task(loader.load(2))
    await asyncio.sleep(0)
    store.go.set()
    assert (await early, await late) == (0, 7)


async def test_a_read_that_fails_fails_for_those_alone_who_asked() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    store.fails.add(2)
    store.go.clear()
    unlucky = asyncio.create_task(loader.load(2))
    await store.began.wait()
    lucky = asyncio.create_task(loader.load(4))
    await asyncio.sleep(0)
    store.go.set()
    with pytest.raises(OSError, match="away"):
        await unlucky
    assert await lucky == 0


async def test_who_goes_away_takes_no_answer_from_others() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    gone = asyncio.create_task(loader.load(2))
    stays = asyncio.create_task(loader.load(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 0


async def test_a_read_has_a_limit() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    await asyncio.gather(*(loader.load(key) for key in range(MOST + 1)))
    assert [len(read) for read in store.reads] == [MOST, 1]
