"""HTTP routes of the console's pages about conduct and the guard's policy."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath

from copconnect.admin.conduct.reading import ConductReading
from copconnect.admin.parameters import limit_of, search_of
from copconnect.admin.ports import PeopleQuery
from copconnect.http.gate import Gate, HttpRequest, answer
from copconnect.http.parameters import index, one_of


def routes(service: ConductReading, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @get("/v1/admin/conduct")
    async def versions(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.versions(caller))

    @get("/v1/admin/conduct/versions/{version:str}")
    async def texts(request: HttpRequest, version: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.texts(caller, index(version)))

    @get("/v1/admin/conduct/acceptances")
    async def acceptances(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.acceptances(caller))

    @post("/v1/admin/conduct/pending", status_code=200)
    async def pending(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        asked = await search_of(request)
        query = PeopleQuery(
            text=asked.get("text", ""),
            unit=asked.get("unit"),
            deep=one_of("deep", asked.get("deep"), ("no", "yes")) != "no",
            after=asked.get("after"),
            limit=limit_of(asked),
        )
        return answer(request, await service.pending(caller, query))

    @get("/v1/admin/guard")
    async def policies(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.policies(caller))

    return [versions, texts, acceptances, pending, policies]
