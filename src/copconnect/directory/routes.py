"""HTTP routes of the Directory."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from copconnect import errors, wire
from copconnect.directory.postings.posts import Posts
from copconnect.directory.service import DirectoryService
from copconnect.http.gate import Gate, HttpRequest, SameForAll, answer, read

MAX_TEXT = 100
MAX_PARAMETER = 400
MAX_LIMIT_DIGITS = 4


def routes(service: DirectoryService, posts: Posts, gate: Gate) -> list[Any]:
    """Return the handlers."""

    same_for_all = SameForAll()

    @get("/v1/directory")
    async def directory(request: HttpRequest) -> Any:
        await gate.caller(request)
        etag = f'"{await service.version()}"'
        if request.headers.get("if-none-match") == etag:
            response: Response[Any] = Response(None, status_code=304)
        else:
            found = await service.directory()
            response = same_for_all.answer(request, found.version, found)
        response.headers["etag"] = etag
        response.headers["cache-control"] = "private, no-cache"
        return response

    @post("/v1/people/searches", status_code=200)
    async def people(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        query = _query(await read(request, wire.Search))
        found = await service.people(
            caller,
            text=query.get("text", ""),
            unit=query.get("unit"),
            deep=query.get("deep") in ("1", "true"),
            rank=query.get("rank"),
            role=query.get("role"),
            after=query.get("after"),
            limit=int(query.get("limit", "50")),
        )
        return answer(request, found)

    @get("/v1/people/{person_id:str}")
    async def person(request: HttpRequest, person_id: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await service.person(caller, person_id))

    @get("/v1/units/{unit_id:str}/chain")
    async def chain(request: HttpRequest, unit_id: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        if "\0" in unit_id or len(unit_id) > MAX_PARAMETER:
            raise errors.NotFound
        return answer(request, await posts.chain_of_command(caller, unit_id))

    @get("/v1/units/{unit_id:str}/posts")
    async def unit_posts(request: HttpRequest, unit_id: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        if "\0" in unit_id or len(unit_id) > MAX_PARAMETER:
            raise errors.NotFound
        return answer(request, await posts.of_unit(caller, unit_id))

    @post("/v1/posts/searches", status_code=200)
    async def found_posts(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        query = _query(await read(request, wire.Search))
        limit = int(query.get("limit", "20"))
        return answer(
            request, await posts.find(caller, query.get("text", ""), query.get("unit"), limit)
        )

    @get("/v1/posts/{post_id:str}")
    async def one_post(request: HttpRequest, post_id: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        if "\0" in post_id or len(post_id) > MAX_PARAMETER:
            raise errors.NotFound
        return answer(request, await posts.one(caller, post_id))

    @post("/v1/people/lookups")
    async def look_up(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.LookUpPeople)
        return answer(request, await service.look_up(caller, body))

    return [directory, people, person, chain, unit_posts, found_posts, one_post, look_up]


def _query(search: wire.Search) -> dict[str, str]:
    """Return the parameters that have a value. Raises BadRequest for malformed ones."""
    query = {name: value for name, value in search.asked.items() if value}
    text, limit = query.get("text", ""), query.get("limit", "50")
    malformed = any("\0" in value or len(value) > MAX_PARAMETER for value in query.values())
    malformed |= len(text) > MAX_TEXT or len(limit) > MAX_LIMIT_DIGITS
    if malformed or not limit.isascii() or not limit.isdigit():
        raise errors.BadRequest(reason="query")
    return query
