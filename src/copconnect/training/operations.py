"""Operations of training (docs/protocol.md), and the page that verifies certificates."""

from dataclasses import replace

from copconnect import wire
from copconnect.http.operations import FileAnswer, Operation, get, post
from copconnect.limits import LESSON_PICTURE_BYTES
from copconnect.principals import Caller
from copconnect.training import verify_page
from copconnect.training.service import TrainingService

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def operations(service: TrainingService) -> list[Operation]:
    """Return the rows."""

    async def certificate(
        caller: Caller, course: wire.CourseName = "officer", language: wire.Language = "en"
    ) -> FileAnswer:
        made = await service.certificates.pdf(caller, course, language)
        return FileAnswer(made, "application/pdf")

    def verify() -> FileAnswer:
        page = service.certificates.page
        return FileAnswer(
            page.html.encode(), "text/html; charset=utf-8", headers=verify_page.headers(page)
        )

    # A new device learns while it waits for its confirmation.
    learning = [
        get("/v1/training", service.training),
        get("/v1/training/lessons/{lesson_id}", service.lesson),
        post("/v1/training/done", service.done, "lessons_done"),
    ]
    return [
        *(replace(row, confirmed=False) for row in learning),
        get("/v1/training/certificate", certificate, "training_certificate", wait_s=120),
        get("/verify.html", verify, public=True),
        *_console(service),
    ]


def _console(service: TrainingService) -> list[Operation]:
    progress, publishing = service.progress, service.publishing

    async def untrained_file(
        caller: Caller,
        course: wire.CourseName = "officer",
        path: wire.UnitPath = "",
        language: wire.Language = "en",
    ) -> FileAnswer:
        return FileAnswer(await progress.file(caller, course, path, language), _XLSX)

    # Somewhat more, so that the service can refuse a large picture in words.
    picture = 4 * LESSON_PICTURE_BYTES
    return [
        get("/v1/admin/training", progress.by_unit, "training_progress"),
        post("/v1/admin/training/reminders", service.reminding.ask, "remind_of_training"),
        get("/v1/admin/training/people", progress.untrained),
        get("/v1/admin/training/people.xlsx", untrained_file, wait_s=120),
        get("/v1/admin/training/lessons", publishing.states, "lesson_states"),
        get("/v1/admin/training/lessons/{lesson_id}", publishing.written, "written_lesson"),
        post(
            "/v1/admin/training/pictures",
            publishing.keep_picture,
            "keep_lesson_picture",
            most=picture,
        ),
        post("/v1/admin/training/previews", publishing.preview, "preview_lesson"),
    ]
