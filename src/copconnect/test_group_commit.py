"""Items that come while a transaction runs share the next one, and none fails for another."""

import asyncio
from collections.abc import Sequence

import pytest

from copconnect.group_commit import GroupCommit


class Table:
    """Remembers its transactions; each waits until it may commit."""

    def __init__(self) -> None:
        self.tried: list[list[int]] = []
        self.began = asyncio.Event()
        self.breaks: set[int] = set()
        self.refused: set[int] = set()
        self.commit = asyncio.Event()
        self.commit.set()

    async def write(self, items: Sequence[int]) -> list[int | Exception]:
        """Answer each item with twice its value."""
        self.tried.append(list(items))
        self.began.set()
        await self.commit.wait()
        if self.breaks & set(items):
            raise OSError("the database is away")
        return [ValueError(item) if item in self.refused else 2 * item for item in items]


async def test_items_that_come_while_a_transaction_runs_share_the_next_one() -> None:
    table = Table()
    table.commit.clear()
    commits = GroupCommit(table.write, most=3)
    first = asyncio.create_task(commits.write(0))
    await table.began.wait()
    others = [asyncio.create_task(commits.write(item)) for item in (1, 2, 3, 4)]
    await asyncio.sleep(0)
    assert not first.done()
    table.commit.set()
    assert await asyncio.gather(first, *others) == [0, 2, 4, 6, 8]
    assert table.tried == [[0], [1, 2, 3], [4]]


async def test_a_refused_item_raises_its_error_alone() -> None:
    table = Table()
    table.refused = {1}
    commits = GroupCommit(table.write, most=8)
    found = await asyncio.gather(*(commits.write(i) for i in (0, 1, 2)), return_exceptions=True)
    assert found[0] == 0
    assert isinstance(found[1], ValueError)
    assert found[2] == 4
    assert table.tried == [[0, 1, 2]]


async def test_an_item_that_breaks_a_transaction_fails_alone() -> None:
    table = Table()
    table.breaks = {1}
    commits = GroupCommit(table.write, most=8)
    found = await asyncio.gather(*(commits.write(i) for i in (0, 1, 2)), return_exceptions=True)
    assert found[0] == 0
    assert isinstance(found[1], OSError)
    assert found[2] == 4
    assert table.tried == [[0, 1, 2], [0], [1], [2]]
    assert await commits.write(5) == 10


async def test_an_item_of_a_larger_size_than_a_transaction_goes_alone() -> None:
    table = Table()
    commits = GroupCommit(table.write, most=4, size=lambda item: item)
    await asyncio.gather(*(commits.write(item) for item in (1, 3, 9, 2, 2)))
    assert table.tried == [[1, 3], [9], [2, 2]]


async def test_closing_waits_until_everything_is_written() -> None:
    table = Table()
    commits = GroupCommit(table.write, most=1, pause_s=0.001)
    writes = [asyncio.create_task(commits.write(item)) for item in (1, 2)]
    await asyncio.sleep(0)
    await commits.close()
    assert [write.done() for write in writes] == [True, True]


async def test_a_caller_that_goes_away_takes_no_answer_from_others() -> None:
    table = Table()
    table.commit.clear()
    commits = GroupCommit(table.write, most=8)
    gone, stays = (asyncio.create_task(commits.write(item)) for item in (1, 2))
    await table.began.wait()
    gone.cancel()
    table.commit.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
