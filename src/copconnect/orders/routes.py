"""HTTP routes of orders (docs/protocol.md). Every route needs a confirmed device."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, get_args

from litestar import get, post
from litestar.params import FromPath

from copconnect import errors, wire
from copconnect.http.gate import Gate, HttpRequest, Incoming, answer, read
from copconnect.http.parameters import hex_id, number, one_of
from copconnect.ids import ConversationId, MessageId, UnitId
from copconnect.orders.reading import MOST_PEOPLE, PAGE, Box
from copconnect.orders.service import OrderService

_ACKNOWLEDGEMENTS = "/v1/orders/{c}/acknowledgements"
_BODY = 2 * 1024 * 1024  # 500 records, or some with answers.
_MOST_TEXT = 400
T = TypeVar("T", bound=str)

Hot = Callable[[Incoming, str], Awaitable[wire.AcknowledgementOutcomes]]


def hot_routes(service: OrderService, gate: Gate) -> dict[str, Hot]:
    """Return what everybody posts within a minute, by its path."""

    async def acknowledge(request: Incoming, c: str) -> wire.AcknowledgementOutcomes:
        caller = await gate.caller(request)
        body = await read(request, wire.PostAcknowledgements, _BODY)
        return await service.acknowledging.post(caller, _order(c), body)

    return {_ACKNOWLEDGEMENTS: acknowledge}


def routes(service: OrderService, gate: Gate) -> list[Any]:
    """Return the handlers."""
    acknowledge = hot_routes(service, gate)[_ACKNOWLEDGEMENTS]
    reading = service.reading

    @get("/v1/orders")
    async def orders(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        box: Box = _one_of(request.query_params, "box", get_args(Box)) or "all"
        return answer(
            request, await reading.orders(caller, box, _text(request.query_params, "after") or None)
        )

    @get("/v1/issuing")
    async def issuing(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        named = _text(request.query_params, "conversation")
        conversation_id = ConversationId(hex_id(named)) if named else None
        return answer(request, await service.may_issue(caller, conversation_id))

    @get("/v1/issuing/units")
    async def units(request: HttpRequest) -> Any:
        return answer(request, await service.units(await gate.caller(request)))

    @post("/v1/orders/totals", status_code=200)
    async def totals(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.CountOrders)
        return answer(request, await reading.totals(caller, body.order_ids))

    @get("/v1/orders/{o:str}")
    async def order(request: HttpRequest, o: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await reading.order(caller, _order(o)))

    @post(_ACKNOWLEDGEMENTS.replace("{c}", "{o:str}"), status_code=200)
    async def post_acknowledgements(request: HttpRequest, o: FromPath[str]) -> Any:
        return answer(request, await acknowledge(request, o))

    @get("/v1/orders/{o:str}/acknowledgements")
    async def records(request: HttpRequest, o: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        found = await reading.records(
            caller,
            _order(o),
            answered=_one_of(request.query_params, "answered", ("yes", "no")) == "yes",
            after=_text(request.query_params, "after"),
            trust=_one_of(request.query_params, "trust", ("yes", "no")) == "yes",
        )
        return answer(request, found)

    @get("/v1/orders/{o:str}/progress")
    async def progress(request: HttpRequest, o: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(
            request, await reading.progress(caller, _order(o), _unit(request.query_params))
        )

    @post("/v1/orders/{o:str}/people/searches", status_code=200)
    async def people(request: HttpRequest, o: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        asked = (await read(request, wire.Search)).asked
        limit = number("limit", asked.get("limit"))
        choice = _one_of(asked, "choice", tuple(str(n) for n in range(wire.ORDER_CHOICES + 1)))
        found = await reading.people(
            caller,
            _order(o),
            unit_id=_unit(asked),
            state=_one_of(asked, "state", get_args(wire.OrderState)),
            choice=None if choice is None else int(choice),
            after=_text(asked, "after"),
            text=_text(asked, "text"),
            limit=max(1, min(limit or PAGE, MOST_PEOPLE)),
        )
        return answer(request, found)

    @get("/v1/orders/{o:str}/curve")
    async def curve(request: HttpRequest, o: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await reading.curve(caller, _order(o)))

    return [
        *(orders, issuing, units, totals),
        *(order, post_acknowledgements, records, progress, people, curve),
    ]


def _order(text: str) -> MessageId:
    return MessageId(hex_id(text))


def _text(asked: Mapping[str, str], name: str) -> str:
    text = asked.get(name, "")
    if "\0" in text or len(text) > _MOST_TEXT:
        raise errors.BadRequest(reason=name)
    return text


def _unit(asked: Mapping[str, str]) -> UnitId | None:
    return UnitId(_text(asked, "unit")) or None


def _one_of(asked: Mapping[str, str], name: str, values: tuple[T, ...]) -> T | None:
    return one_of(name, asked.get(name), values)
