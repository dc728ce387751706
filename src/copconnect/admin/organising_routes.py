"""HTTP routes of moves and groups in the console (docs/protocol.md)."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath

from copconnect import wire
from copconnect.admin.organising import Organising
from copconnect.http.gate import Gate, HttpRequest, answer, read
from copconnect.http.parameters import hex_id, number
from copconnect.ids import PersonId

MAX_BODY = 65_536


def routes(organising: Organising, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @post("/v1/admin/people/lookups")
    async def find(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.FindPeople, MAX_BODY)
        return answer(request, await organising.find(caller, body))

    @get("/v1/admin/people/{person_id:str}/postings")
    async def postings(request: HttpRequest, person_id: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        at_ms = number("at", request.query_params.get("at") or None)
        person = PersonId(hex_id(person_id))
        return answer(request, await organising.postings(caller, person, at_ms))

    @get("/v1/admin/moves/planned")
    async def planned(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await organising.planned(caller))

    @post("/v1/admin/moves/previews")
    async def preview_moves(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PreviewMoves, MAX_BODY)
        return answer(request, await organising.preview_moves(caller, body))

    @post("/v1/admin/audiences/previews")
    async def preview_audience(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PreviewAudience, 2 * MAX_BODY)
        return answer(request, await organising.preview_audience(caller, body))

    @get("/v1/admin/groups")
    async def groups(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await organising.all_groups(caller))

    return [find, postings, planned, preview_moves, preview_audience, groups]
