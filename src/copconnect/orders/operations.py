"""Operations of orders (docs/protocol.md). Every one needs a confirmed device."""

from copconnect import wire
from copconnect.http.operations import Operation, get, post, search
from copconnect.orders.service import OrderService
from copconnect.principals import Caller

_BODY = 2 * 1024 * 1024  # 500 records, or some with answers.
_O = "/v1/orders/{order_id}"


def operations(service: OrderService) -> list[Operation]:
    """Return the rows."""
    reading = service.reading

    async def totals(caller: Caller, body: wire.CountOrders) -> wire.OrderTotals:
        return await reading.totals(caller, body.order_ids)

    return [
        get("/v1/orders", reading.orders),
        get("/v1/issuing", service.may_issue),
        get("/v1/issuing/units", service.units, "issuable_units"),
        post("/v1/orders/totals", totals, "order_totals"),
        get(_O, reading.order),
        post(
            f"{_O}/acknowledgements", service.acknowledging.submit, "acknowledge_order", most=_BODY
        ),
        get(f"{_O}/acknowledgements", reading.records, "order_records", wait_s=60),
        post(f"{_O}/reminders", service.reminding.remind, "remind_of_order"),
        get(f"{_O}/progress", reading.progress, "order_progress"),
        search(f"{_O}/people/searches", reading.people, "order_people"),
        get(f"{_O}/curve", reading.curve, "order_curve"),
    ]
