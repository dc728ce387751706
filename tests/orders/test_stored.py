"""How orders are stored: what a crash leaves, what statements they cost, and by which indices."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from copconnect.database.engine import Database
from copconnect.orders import acknowledging, store
from copconnect.records.conversation.acknowledgement import Acknowledgement
from tests.contract.statements import Statements
from tests.contract.test_query_plans import Plans
from tests.orders.orders_world import Orders, order_change

pytestmark = pytest.mark.databases("sqlite")

Breaks = Callable[[pytest.MonkeyPatch, Orders], None]


class Killed(BaseException):
    """The process ends here."""


def _after(patch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    """Let the process end when a step is done."""
    step = getattr(place, name)

    async def dying(*given: Any, **named: Any) -> Any:
        await step(*given, **named)
        raise Killed

    patch.setattr(place, name, dying)


def requests_wait(patch: pytest.MonkeyPatch, _: Orders) -> None:
    """No signature is checked."""

    def dying(*_: Any) -> None:
        raise Killed

    patch.setattr(Acknowledgement, "parse", dying)


def orders_are_held(patch: pytest.MonkeyPatch, _: Orders) -> None:
    """No record is judged."""
    _after(patch, store, "hold")


def records_are_judged(patch: pytest.MonkeyPatch, _: Orders) -> None:
    """No record is written."""

    async def dying(*_: Any) -> None:
        raise Killed

    patch.setattr(store, "put", dying)


def rows_are_written(patch: pytest.MonkeyPatch, _: Orders) -> None:
    """COMMIT has not been sent."""
    _after(patch, store, "put")


def they_are_committed(patch: pytest.MonkeyPatch, orders: Orders) -> None:
    """No device has an answer, and no wake-up is published."""

    async def dying(*_: Any) -> None:
        raise Killed

    patch.setattr(orders.world.database, "publish", dying)


@pytest.mark.parametrize(
    "breaks",
    [requests_wait, orders_are_held, records_are_judged, rows_are_written, they_are_committed],
    ids=lambda one: str(one.__name__),
)
async def test_counts_equal_what_was_signed_whatever_step_ends_the_process(
    database: Database, breaks: Breaks
) -> None:
    orders = await Orders.of(database)
    order = await orders.issue(choices=2, answers=True)
    a, b, c = orders.officers
    items = {
        a.device: orders.record(order, a, choice=1, answer=b"sealed"),
        b.device: orders.record(order, b, choice=2),
        c.device: orders.record(order, c, choice=1),
    }
    with pytest.MonkeyPatch.context() as patch:
        breaks(patch, orders)
        ended = await asyncio.gather(
            *(orders.send(order, one, items[one.device]) for one in (a, b)),
            return_exceptions=True,
        )
    assert all(isinstance(one, BaseException) for one in ended)  # No device was answered.
    orders.service = orders.node()
    kept = 2 if breaks is they_are_committed else 0
    total, _ = await orders.progress(order)
    assert total[3] == len(await orders.records(order)) == kept
    for one in (a, b, c):  # Each device repeats what was not answered.
        assert await orders.send(order, one, items[one.device]) == ["counted"]
    assert (await orders.progress(order))[0] == [3, 3, 3, 3, 0, 0, 0, 2, 1]
    page = await orders.service.reading.records(
        orders.issuer.caller, order.order_id, answered=True, after=""
    )
    assert [(one.record, one.answer) for one in page.records] == [
        (items[a.device].record, b"sealed")
    ]


async def test_a_request_that_fails_fails_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await Orders.of(database)
    order = await orders.issue()
    put = store.put
    bad = orders.officers[0].caller.person_id

    async def failing(connection: Any, records: Any) -> None:
        if any(one.person_id == bad for one in records):
            raise RuntimeError("the database refuses this row")
        await put(connection, records)

    monkeypatch.setattr(store, "put", failing)
    found = await asyncio.gather(
        *(orders.acknowledge(order, one) for one in orders.officers), return_exceptions=True
    )
    assert isinstance(found[0], RuntimeError)
    assert found[1:] == ["counted", "counted"]


async def test_many_acknowledgements_cost_the_statements_of_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acknowledging, "PAUSE_S", 0.0)
    orders = await Orders.of(database, 40)
    counts = []
    for officers in (orders.officers[:1], orders.officers[1:]):
        order = await orders.issue()
        posts = [
            orders.send(order, one, orders.record(order, one)) for one in officers
        ]  # One transaction: they wait before the first is taken.
        with Statements(database) as statements:
            outcomes = await asyncio.gather(*posts)
        assert outcomes == [["counted"]] * len(officers)
        counts.append(len([one for one in statements if one.startswith(("SELECT", "INSERT"))]))
    assert counts[0] == counts[1] == 3  # The order, who belongs with what counts, the rows.


async def test_counts_cost_the_same_for_2_and_for_40_people(database: Database) -> None:
    counts = []
    for officers in (2, 40):
        orders = await Orders.of(database, officers)
        order = await orders.issue()
        with Statements(database) as statements:
            await orders.progress(order)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 8


async def test_orders_are_found_by_indices(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL scans what is small, and tests are small")
    orders = await Orders.of(database)
    order = await orders.issue(choices=2, answers=True, remind_minutes=[1], escalate_minutes=2)
    a, b, _ = orders.officers
    orders.roll.held[b.caller.person_id] = ["TG/HYD"]
    reading, caller = orders.service.reading, orders.issuer.caller
    plans = Plans(database)
    with plans.watching():
        await orders.acknowledge(order, a, choice=1, answer=b"sealed")
        await orders.send(order, b, orders.record(order, b, about=orders.officers[2]))
        for box in ("open", "issued", "all"):
            await reading.orders(a.caller, box, f"{2**40}-{'f' * 32}")
        await reading.order(a.caller, order.order_id)
        for viewer in (orders.issuer, b):
            await orders.progress(order, viewer=viewer)
            await reading.curve(viewer.caller, order.order_id)
            for answered in (False, True):
                await reading.records(viewer.caller, order.order_id, answered=answered, after="0")
            await reading.people(
                viewer.caller,
                order.order_id,
                unit_id=None,
                state="acknowledged",
                choice=1,
                after="0",
            )
        orders.world.clock.at += 10**6
        await orders.service.reminding.round()
        await orders.service.reminding.prune()
        await orders.post(order_change(order, "corrected"))
        assert (await reading.order(caller, order.order_id)).texts[1:]
    assert await plans.scans() == {}
