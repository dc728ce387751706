"""A node of pushes is killed between any two steps: no device is forgotten."""

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import func, insert, select

from copconnect.push import sending
from copconnect.push.store import QUEUE
from tests.live.rows import device
from tests.push.push_world import Waking


class Killed(BaseException):
    """The process ends here."""


@contextlib.contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, where: str) -> Iterator[None]:
    """Let a function end the process where it would begin."""

    deaths = 0

    async def dies(*_: object, **__: object) -> None:
        nonlocal deaths
        deaths += 1
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(where, dies)
        yield
    assert deaths, "the process comes there"


@pytest.mark.parametrize(
    "where",
    [
        "copconnect.push.plan_store.planned",
        "copconnect.push.plan_store.enqueue",
        "copconnect.push.plan_store.set_planned",
        "copconnect.push.store.due_origins",
        "copconnect.push.store.due",
        "copconnect.push.store.mark_sent",
    ],
)
async def test_a_crash_loses_nobody_and_repeats_at_most_a_batch(
    waking: Waking, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 8)
    people = [device() for _ in range(30)]
    await waking.members(*people)
    await waking.post()
    with killed_at(monkeypatch, where):
        for _ in range(2):
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await waking.work()
    await waking.push.sender.close()
    waking.push = waking.node()
    for _ in range(2):
        await waking.work()
    woken = waking.woken()
    assert set(woken) == {one.client_id for one in people}, "nobody is forgotten"
    assert sum(woken.values()) - len(people) <= 2 * 8


async def test_the_queue_has_no_orphans(waking: Waking) -> None:
    async with waking.database.transaction() as connection:
        await connection.execute(
            insert(QUEUE).values(
                conversation_id="0" * 32,
                client_id="f" * 32,
                seq=1,
                kind="group",
                origin=waking.service.origin,
                queued_ms=waking.clock.at,
                due_ms=waking.clock.at,
                attempts=0,
            )
        )
    await waking.work()
    await waking.push.prune()
    async with waking.database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(QUEUE)) == 0
