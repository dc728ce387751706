"""HTTP routes of reports (docs/protocol.md). Every route needs a confirmed device."""

import re
from typing import Any, get_args

from litestar import get, post
from litestar.params import FromPath

from copconnect import errors, wire
from copconnect.http.gate import Gate, HttpRequest, answer, read
from copconnect.http.parameters import hex_id, one_of
from copconnect.ids import ConversationId, MessageId, ReportId
from copconnect.reports.service import ReportService

_BODY = 2 * wire.MAX_REPORT_BYTES  # In base64 too.
_SEALS_BODY = 256 * 1_024
_ENVELOPES: tuple[wire.CaseEnvelope, ...] = get_args(wire.CaseEnvelope)
_APPEAL_BODY = 2 * wire.MAX_APPEAL_BYTES
_AFTER = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})")
_MOST_TEXT = 1_024


def routes(service: ReportService, gate: Gate) -> list[Any]:
    """Return the handlers."""
    return [*_reporting(service, gate), *_moderating(service, gate), *_sanctions(service, gate)]


def _reporting(service: ReportService, gate: Gate) -> list[Any]:
    reporting = service.reporting

    @get("/v1/reports/readers")
    async def readers(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        c = ConversationId(hex_id(_text(request, "conversation")))
        message_id = MessageId(hex_id(_text(request, "message")))
        return answer(request, await reporting.readers(caller, c, message_id))

    @post("/v1/reports", status_code=200)
    async def report(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PostReport, _BODY)
        return answer(request, await reporting.post(caller, body))

    @get("/v1/reports/mine")
    async def mine(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await reporting.own(caller))

    return [readers, report, mine]


def _moderating(service: ReportService, gate: Gate) -> list[Any]:
    moderating = service.moderating

    @get("/v1/reports")
    async def cases(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        asked = one_of("box", request.query_params.get("box"), get_args(wire.CaseBox))
        box: wire.CaseBox = asked or "open"
        return answer(request, await moderating.cases(caller, box, _after(request)))

    @get("/v1/reports/statistics")
    async def statistics(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await moderating.statistics(caller, _text(request, "path")))

    @get("/v1/reports/{r:str}")
    async def case(request: HttpRequest, r: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await moderating.case(caller, _report(r)))

    @get("/v1/reports/wanting")
    async def wanting(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        asked = one_of("envelope", request.query_params.get("envelope"), _ENVELOPES)
        envelope: wire.CaseEnvelope = asked or "report"
        found = await service.resealing.wanting(caller, envelope, _after(request))
        return answer(request, found)

    @post("/v1/reports/{r:str}/seals", status_code=200)
    async def seals(request: HttpRequest, r: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PostSeals, _SEALS_BODY)
        return answer(request, await service.resealing.add(caller, _report(r), body))

    return [cases, statistics, case, wanting, seals]


def _sanctions(service: ReportService, gate: Gate) -> list[Any]:
    sanctioning = service.sanctioning

    @get("/v1/sanctions")
    async def sanctions(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await sanctioning.own(caller))

    @post("/v1/sanctions/{r:str}/acknowledgement", status_code=200)
    async def acknowledge(request: HttpRequest, r: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await sanctioning.acknowledge(caller, _report(r)))

    @get("/v1/sanctions/{r:str}/readers")
    async def readers(request: HttpRequest, r: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await sanctioning.readers(caller, _report(r)))

    @post("/v1/sanctions/{r:str}/appeal", status_code=200)
    async def appeal(request: HttpRequest, r: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PostAppeal, _APPEAL_BODY)
        return answer(request, await sanctioning.appeal(caller, _report(r), body))

    return [sanctions, acknowledge, readers, appeal]


def _report(text: str) -> ReportId:
    return ReportId(hex_id(text))


def _text(request: HttpRequest, name: str) -> str:
    text: str = request.query_params.get(name, "")
    if "\0" in text or len(text) > _MOST_TEXT:
        raise errors.BadRequest(reason=name)
    return text


def _after(request: HttpRequest) -> tuple[int, str] | None:
    text = _text(request, "after")
    if not text:
        return None
    found = _AFTER.fullmatch(text)
    if found is None:
        raise errors.BadRequest(reason="after")
    return int(found[1]), found[2]
