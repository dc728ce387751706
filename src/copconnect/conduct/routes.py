"""HTTP routes of the code of conduct."""

from typing import Any

from litestar import get, post

from copconnect import wire
from copconnect.conduct.service import ConductService
from copconnect.http.gate import Gate, HttpRequest, answer, read
from copconnect.principals import Requirement


def routes(service: ConductService, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @get("/v1/conduct")
    async def code(request: HttpRequest) -> Any:
        await gate.caller(request, tolerates={Requirement.CONDUCT}, confirmed=False)
        return answer(request, service.code(request.query_params.get("language", "en")))

    @post("/v1/conduct/acceptances")
    async def accept(request: HttpRequest) -> Any:
        caller = await gate.caller(request, tolerates={Requirement.CONDUCT}, confirmed=False)
        return answer(
            request, await service.accept(caller, await read(request, wire.AcceptConduct))
        )

    return [code, accept]
