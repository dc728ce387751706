"""Operations of the Directory."""

from copconnect.directory.postings.posts import PostReader
from copconnect.directory.service import DirectoryService
from copconnect.http.operations import FileAnswer, Operation, get, search
from copconnect.http.requests import Incoming, SameForAll, headers_of


def operations(service: DirectoryService, posts: PostReader) -> list[Operation]:
    """Return the rows."""
    same_for_all = SameForAll()

    async def directory(request: Incoming) -> FileAnswer:
        headers = {"etag": f'"{await service.version()}"', "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match", "") == headers["etag"]:
            return FileAnswer(b"", headers=headers, status=304)
        found = await service.directory()
        encoded = same_for_all.encode(request, found.version, found)
        return FileAnswer(
            encoded.body, encoded.media_type, headers={**headers, **headers_of(encoded)}
        )

    return [
        get("/v1/directory", directory),
        search("/v1/people/searches", service.people),
        get("/v1/people/{person_id}", service.person),
        get("/v1/units/{unit_id}/chain", posts.chain_of_command),
        get("/v1/units/{unit_id}/posts", posts.of_unit, "unit_posts"),
        search("/v1/posts/searches", posts.find, "posts"),
        get("/v1/posts/{post_id}", posts.one, "one_post"),
    ]
