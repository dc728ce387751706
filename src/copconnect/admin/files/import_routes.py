"""HTTP routes of imports in the console (docs/protocol.md)."""

from typing import Any, get_args

from litestar import Response, get, post, put
from litestar.params import FromPath
from litestar.response import Stream

from copconnect import errors, wire
from copconnect.admin.files.exporting import Exporting
from copconnect.admin.files.importing import Importing
from copconnect.http.gate import Gate, HttpRequest, answer, nothing, read, read_bytes
from copconnect.http.parameters import hex_id, index
from copconnect.ids import UploadId

MAX_BODY = 65_536
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def routes(importing: Importing, exporting: Exporting, gate: Gate) -> list[Any]:
    """Return the handlers."""

    @get("/v1/admin/imports")
    async def imports(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await importing.all(caller))

    @post("/v1/admin/uploads")
    async def begin(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.BeginUpload, MAX_BODY)
        return answer(request, await importing.begin(caller, body))

    @put("/v1/admin/uploads/{u:str}/chunks/{i:str}")
    async def put_chunk(request: HttpRequest, u: FromPath[str], i: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        upload_id, chunk = _id(u), index(i)
        data = await read_bytes(request, wire.IMPORT_CHUNK_BYTES)
        await importing.put_chunk(caller, upload_id, chunk, data)
        return nothing()

    @post("/v1/admin/uploads/{u:str}/previews")
    async def examine(request: HttpRequest, u: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        choices = await read(request, wire.ImportChoices, MAX_BODY)
        await importing.examine(caller, _id(u), choices)
        return nothing()

    @get("/v1/admin/uploads/{u:str}")
    async def one(request: HttpRequest, u: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await importing.one(caller, _id(u)))

    @get("/v1/admin/uploads/{u:str}/rows")
    async def rows(request: HttpRequest, u: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        shown = request.query_params.get("show", "")
        if shown not in get_args(wire.ImportShow):
            raise errors.BadRequest(reason="show")
        number = index(request.query_params.get("after", "") or "0")
        return answer(request, await importing.page(caller, _id(u), shown, number))

    @post("/v1/admin/exports")
    async def export(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        file = await exporting.export(caller, await read(request, wire.PostAct, MAX_BODY))
        return Stream(
            file.pieces,
            media_type=file.media_type,
            headers={"content-length": str(file.size)},
        )

    @get("/v1/admin/uploads/{u:str}/report")
    async def report(request: HttpRequest, u: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        workbook = await importing.report(caller, _id(u))
        return Response(workbook, media_type=WORKBOOK)

    return [export, imports, begin, put_chunk, examine, one, rows, report]


def _id(text: str) -> UploadId:
    return UploadId(hex_id(text))
