"""HTTP routes of the console. Every one needs a confirmed device and a right (docs/protocol.md)."""

from typing import Any, get_args

from litestar import get, post
from litestar.params import FromPath

from copconnect import wire
from copconnect.admin import organising_routes
from copconnect.admin.conduct import routes as conduct_routes
from copconnect.admin.files import import_routes
from copconnect.admin.moderation import routes as picture_routes
from copconnect.admin.parameters import limit_of, query_of, search_of
from copconnect.admin.ports import DeviceShown, PeopleQuery
from copconnect.admin.reading import PeopleState
from copconnect.admin.service import AdminService
from copconnect.audit.filters import AuditFilter
from copconnect.http.gate import Gate, HttpRequest, answer, read
from copconnect.http.parameters import hex_id, number, one_of
from copconnect.ids import PersonId

MAX_BODY = 4 * wire.MAX_ACT_BYTES  # In base64 too.


def routes(service: AdminService, gate: Gate) -> list[Any]:
    """Return the handlers."""
    return [
        *_acts(service, gate),
        *_reading(service, gate),
        *_reorganising(service, gate),
        *_audit(service, gate),
        *import_routes.routes(service.importing, service.exporting, gate),
        *organising_routes.routes(service.organising, gate),
        *conduct_routes.routes(service.conduct, gate),
        *picture_routes.routes(service.pictures, gate),
    ]


def _acts(service: AdminService, gate: Gate) -> list[Any]:
    @post("/v1/admin/acts")
    async def act(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PostAct, MAX_BODY)
        return answer(request, await service.acting.act(caller, body))

    @post("/v1/admin/previews")
    async def preview(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PreviewAct, MAX_BODY)
        return answer(request, await service.acting.preview(caller, body))

    @get("/v1/admin/acts")
    async def waiting(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.acting.waiting(caller))

    @get("/v1/admin/authenticators")
    async def authenticators(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.enrolling.asked(caller))

    @get("/v1/people/{person_id:str}/lock")
    async def lock(request: HttpRequest, person_id: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.locked.of(caller, PersonId(hex_id(person_id))))

    return [act, preview, waiting, authenticators, lock]


def _reading(service: AdminService, gate: Gate) -> list[Any]:
    @get("/v1/admin/rights")
    async def rights(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.reading.rights(caller))

    @get("/v1/admin/overview")
    async def overview(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.overview(caller))

    @get("/v1/admin/charts")
    async def charts(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.charting.charts(caller))

    @post("/v1/admin/people/searches", status_code=200)
    async def people(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        asked = await search_of(request)
        query = PeopleQuery(
            text=asked.get("text", ""),
            unit=asked.get("unit"),
            deep=one_of("deep", asked.get("deep"), ("no", "yes")) != "no",
            rank=asked.get("rank"),
            role=asked.get("role"),
            status=asked.get("status"),
            after=asked.get("after"),
            limit=limit_of(asked),
        )
        state = one_of("state", asked.get("state"), get_args(PeopleState))
        return answer(request, await service.reading.people(caller, query, state))

    @get("/v1/admin/devices")
    async def devices(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        asked = query_of(request)
        state = one_of("state", asked.get("state"), get_args(DeviceShown))
        found = await service.reading.devices(caller, state, asked.get("after"), limit_of(asked))
        return answer(request, found)

    @get("/v1/admin/grants")
    async def grants(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.reading.grants(caller))

    return [rights, overview, charts, people, devices, grants]


def _reorganising(service: AdminService, gate: Gate) -> list[Any]:
    @post("/v1/admin/reorganisations/previews")
    async def preview(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PreviewReorganisation, MAX_BODY)
        return answer(request, await service.reorganising.preview(caller, body))

    @get("/v1/admin/reorganisations")
    async def past(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.reorganising.past(caller))

    @get("/v1/admin/units")
    async def counts(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.reorganising.counts(caller))

    return [preview, past, counts]


def _audit(service: AdminService, gate: Gate) -> list[Any]:
    @get("/v1/admin/audit")
    async def audit(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        asked = query_of(request)
        wanted = AuditFilter(
            kinds=[one for one in asked.get("kinds", "").split(",") if one],
            by=asked.get("by", ""),
            about=asked.get("about", ""),
            act_id=asked.get("act", ""),
            from_ms=number("from", asked.get("from")),
            until_ms=number("until", asked.get("until")),
        )
        before = number("before", asked.get("before"))
        return answer(request, await service.reading.audit(caller, wanted, before, limit_of(asked)))

    @get("/v1/admin/audit/chain")
    async def chain(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        after = number("after", query_of(request).get("after")) or 0
        return answer(request, await service.reading.chain(caller, after))

    return [audit, chain]
