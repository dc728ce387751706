"""The items of a checklist that a bot says are done."""

from collections.abc import Collection
from typing import Any, cast

import pytest

from copconnect.bot.content import Order
from copconnect.bot.talking import Message
from copconnect.ids import MessageId


class _Desk:
    """Remembers what was acknowledged."""

    def __init__(self) -> None:
        self.done: list[list[int]] = []

    async def acknowledge(self, _: MessageId, _choice: int, done: Collection[int]) -> None:
        """See Desk."""
        self.done.append(list(done))


@pytest.mark.parametrize("place", [0, 3, 33])
async def test_a_place_that_the_checklist_does_not_have_is_refused(place: int) -> None:
    desk = _Desk()
    order = Order(title="Check", text="", items=["Lock-up", "Kote"])
    unused: Any = None
    message = Message(
        message_id=MessageId("0" * 32),
        conversation=unused,
        sender=unused,
        text="",
        files=[],
        signed_ms=0,
        sent_ms=0,
        redelivered=False,
        gap=False,
        order=order,
        mentions=[],
        page=None,
        called=None,
        _desk=cast(Any, desk),
    )
    with pytest.raises(ValueError, match="no such item"):
        await message.acknowledge(done=[1, place])
    await message.acknowledge(done=[1, 2])
    assert desk.done == [[1, 2]]
