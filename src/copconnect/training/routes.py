"""HTTP routes of training (docs/protocol.md)."""

from typing import Any, get_args

from litestar import Response, get, post
from litestar.params import FromPath

from copconnect import errors, wire
from copconnect.http.gate import Gate, HttpRequest, answer, read
from copconnect.http.parameters import one_of
from copconnect.limits import LESSON_PICTURE_BYTES
from copconnect.training import verify_page
from copconnect.training.service import TrainingService

_COURSES: tuple[wire.CourseName, ...] = get_args(wire.CourseName)
_MOST_TEXT = 1_100
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def routes(service: TrainingService, gate: Gate) -> list[Any]:
    """Return the handlers."""

    # A new device learns while it waits for its confirmation.
    @get("/v1/training")
    async def training(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        return answer(request, await service.training(caller, _language(request)))

    @get("/v1/training/lessons/{lesson_id:str}")
    async def lesson(request: HttpRequest, lesson_id: FromPath[str]) -> Any:
        await gate.caller(request, confirmed=False)
        return answer(request, await service.lesson(lesson_id, _language(request)))

    @post("/v1/training/done", status_code=200)
    async def done(request: HttpRequest) -> Any:
        caller = await gate.caller(request, confirmed=False)
        body = await read(request, wire.PostLessonsDone)
        return answer(request, await service.done(caller, body, _language(request)))

    @get("/v1/training/certificate")
    async def certificate(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        made = await service.certificates.pdf(caller, _course(request), _language(request))
        return Response(made, media_type="application/pdf")

    @get("/verify.html", include_in_schema=False)
    async def verify() -> Any:
        page = service.certificates.page
        return Response(page.html, media_type="text/html", headers=verify_page.headers(page))

    return [training, lesson, done, certificate, verify, *_console(service, gate)]


def _console(service: TrainingService, gate: Gate) -> list[Any]:
    progress, publishing = service.progress, service.publishing

    @get("/v1/admin/training")
    async def by_unit(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        found = await progress.by_unit(caller, _course(request), _text(request, "path"))
        return answer(request, found)

    @post("/v1/admin/training/reminders", status_code=200)
    async def remind(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.RemindOfTraining)
        return answer(request, await service.reminding.ask(caller, body))

    @get("/v1/admin/training/people")
    async def untrained(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        path, after = _text(request, "path"), _text(request, "after") or None
        return answer(request, await progress.untrained(caller, _course(request), path, after))

    @get("/v1/admin/training/people.xlsx")
    async def untrained_file(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        course, path = _course(request), _text(request, "path")
        made = await progress.file(caller, course, path, _language(request))
        return Response(made, media_type=_XLSX)

    @get("/v1/admin/training/lessons")
    async def lessons(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        return answer(request, await publishing.states(caller))

    @get("/v1/admin/training/lessons/{lesson_id:str}")
    async def written(request: HttpRequest, lesson_id: FromPath[str]) -> Any:
        caller = await gate.caller(request)
        return answer(request, await publishing.written(caller, lesson_id))

    @post("/v1/admin/training/pictures", status_code=200)
    async def keep_picture(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        # Somewhat more, so that a large picture has an answer of its own.
        body = await read(request, wire.PostLessonPicture, 4 * LESSON_PICTURE_BYTES)
        return answer(request, await publishing.keep_picture(caller, body))

    @post("/v1/admin/training/previews", status_code=200)
    async def preview(request: HttpRequest) -> Any:
        caller = await gate.caller(request)
        body = await read(request, wire.PreviewLesson)
        return answer(request, await publishing.preview(caller, body))

    return [by_unit, remind, untrained, untrained_file, lessons, written, keep_picture, preview]


def _language(request: HttpRequest) -> wire.Language:
    return one_of("language", _text(request, "language") or None, wire.LANGUAGES) or "en"


def _course(request: HttpRequest) -> wire.CourseName:
    return one_of("course", _text(request, "course") or None, _COURSES) or "officer"


def _text(request: HttpRequest, name: str) -> str:
    value = str(request.query_params.get(name, ""))
    if len(value) > _MOST_TEXT:
        raise errors.BadRequest(reason=f"{name} is too long")
    return value
