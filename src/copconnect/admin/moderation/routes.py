"""HTTP routes of the console's page about known pictures."""

from typing import Any

from litestar import get

from copconnect.admin.moderation.pictures import PictureReading
from copconnect.http.gate import Gate, HttpRequest, answer
from copconnect.http.parameters import number


def routes(service: PictureReading, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @get("/v1/admin/pictures")
    async def pictures(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        before = number("before", request.query_params.get("before"))
        return answer(request, await service.page(caller, before))

    return [pictures]
