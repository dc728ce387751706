"""HTTP routes of the code of conduct and of the guard."""

from typing import Any

from litestar import get, post

from copconnect import wire
from copconnect.conduct.guard.serving import GuardService
from copconnect.conduct.service import ConductService
from copconnect.http.gate import Gate, HttpRequest, answer, read
from copconnect.http.parameters import index, number
from copconnect.principals import Requirement


def routes(service: ConductService, guard: GuardService, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @get("/v1/conduct")
    async def code(request: HttpRequest) -> Any:
        await gate.caller(request, tolerates={Requirement.CONDUCT}, confirmed=False)
        version = number("version", request.query_params.get("version"))
        language = request.query_params.get("language", "en")
        return answer(request, await service.code(language, version))

    @post("/v1/conduct/acceptances")
    async def accept(request: HttpRequest) -> Any:
        caller = await gate.caller(request, tolerates={Requirement.CONDUCT}, confirmed=False)
        return answer(
            request, await service.accept(caller, await read(request, wire.AcceptConduct))
        )

    @get("/v1/guard")
    async def guard_record(request: HttpRequest) -> Any:
        await gate.caller(request, confirmed=False)
        return answer(request, await guard.guard())

    @get("/v1/guard/weights")
    async def guard_weights(request: HttpRequest) -> Any:
        await gate.caller(request, confirmed=False)
        return answer(request, guard.weights())

    @get("/v1/guard/pictures")
    async def guard_pictures(request: HttpRequest) -> Any:
        await gate.caller(request, confirmed=False)
        after = index(request.query_params.get("after", "0"))
        to = index(request.query_params.get("to", "0"))
        return answer(request, await guard.picture_changes(after, to))

    return [code, accept, guard_record, guard_weights, guard_pictures]
