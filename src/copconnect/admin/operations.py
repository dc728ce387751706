"""Operations of the console. Every one needs a confirmed device and a right (docs/protocol.md)."""

from copconnect import wire
from copconnect.admin.reading import MAX_PAGE, PAGE, PeopleState
from copconnect.admin.service import AdminService
from copconnect.audit.filters import AuditFilter
from copconnect.http.operations import Body, FileAnswer, Operation, get, post, put, search
from copconnect.ids import UnitId, UploadId
from copconnect.principals import Caller, PeopleQuery

_BODY = 65_536
_ACT_BODY = 4 * wire.MAX_ACT_BYTES  # In base64 too.
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_UPLOAD = "/v1/admin/uploads/{upload_id}"


def operations(service: AdminService) -> list[Operation]:
    """Return the rows."""
    return [*_acts(service), *_reading(service), *_organising(service), *_files(service)]


def _acts(service: AdminService) -> list[Operation]:
    return [
        post("/v1/admin/acts", service.acting.act, "submit_act", most=_ACT_BODY, wait_s=180),
        post("/v1/admin/previews", service.acting.preview, "preview_act", most=_ACT_BODY),
        get("/v1/admin/acts", service.acting.waiting, "waiting_acts"),
        get("/v1/admin/authenticators", service.enrolling.asked, "authenticators_asked"),
        get("/v1/people/{person_id}/lock", service.locked.of, "phone_lock"),
    ]


def _reading(service: AdminService) -> list[Operation]:
    reading, conduct = service.reading, service.conduct

    async def people(
        caller: Caller,
        text: wire.SearchText = "",
        unit_id: UnitId | None = None,
        deep: bool = True,
        rank: str | None = None,
        role: str | None = None,
        status: str | None = None,
        state: PeopleState | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> wire.AdminPeople:
        query = PeopleQuery(
            text=text,
            unit=unit_id,
            deep=deep,
            rank=rank,
            role=role,
            status=status,
            after=after,
            limit=_page(limit),
        )
        return await reading.people(caller, query, state)

    async def pending(
        caller: Caller,
        text: wire.SearchText = "",
        unit_id: UnitId | None = None,
        deep: bool = True,
        after: str | None = None,
        limit: int = PAGE,
    ) -> wire.People:
        query = PeopleQuery(text=text, unit=unit_id, deep=deep, after=after, limit=_page(limit))
        return await conduct.pending(caller, query)

    async def audit(
        caller: Caller,
        kinds: str = "",
        by: str = "",
        about: str = "",
        act_id: str = "",
        from_ms: int | None = None,
        until_ms: int | None = None,
        before: int | None = None,
        limit: int = PAGE,
    ) -> wire.AuditPage:
        wanted = AuditFilter(
            kinds=[one for one in kinds.split(",") if one],
            by=by,
            about=about,
            act_id=act_id,
            from_ms=from_ms,
            until_ms=until_ms,
        )
        return await reading.audit(caller, wanted, before, _page(limit))

    return [
        get("/v1/admin/rights", reading.rights, "admin_rights"),
        get("/v1/admin/overview", service.overview, "admin_overview"),
        get("/v1/admin/charts", service.charting.charts, "admin_charts"),
        search("/v1/admin/people/searches", people, "admin_people"),
        get("/v1/admin/devices", reading.devices, "admin_devices"),
        get("/v1/admin/grants", reading.grants, "admin_grants"),
        get("/v1/admin/audit", audit),
        get("/v1/admin/audit/chain", reading.chain, "audit_chain", wait_s=30),
        get("/v1/admin/conduct", conduct.versions, "conduct_versions"),
        get("/v1/admin/conduct/versions/{version}", conduct.texts, "conduct_texts"),
        get("/v1/admin/conduct/acceptances", conduct.acceptances, "conduct_acceptances"),
        search("/v1/admin/conduct/pending", pending, "conduct_pending"),
        get("/v1/admin/guard", conduct.policies, "guard_policies"),
        get("/v1/admin/pictures", service.pictures.page, "known_pictures"),
        get("/v1/admin/holds", service.holds.all, "legal_holds"),
        post("/v1/admin/holds/lookups", service.holds.find, "find_people_to_hold", most=_BODY),
    ]


def _organising(service: AdminService) -> list[Operation]:
    organising, reorganising = service.organising, service.reorganising
    return [
        post(
            "/v1/admin/reorganisations/previews",
            reorganising.preview,
            "preview_reorganisation",
            most=_ACT_BODY,
            wait_s=30,
        ),
        get("/v1/admin/reorganisations", reorganising.past, "reorganisations"),
        get("/v1/admin/units", reorganising.counts, "unit_counts"),
        post("/v1/admin/people/lookups", organising.find, "find_people", most=_BODY),
        get("/v1/admin/people/{person_id}/postings", organising.postings),
        get("/v1/admin/moves/planned", organising.planned, "planned_transfers"),
        post("/v1/admin/moves/previews", organising.preview_moves, most=_BODY, wait_s=30),
        post("/v1/admin/audiences/previews", organising.preview_audience, most=2 * _BODY),
        get("/v1/admin/groups", organising.all_groups),
    ]


def _files(service: AdminService) -> list[Operation]:
    importing = service.importing

    async def put_chunk(caller: Caller, upload_id: UploadId, index: int, body: Body) -> None:
        data = await body.read(wire.IMPORT_CHUNK_BYTES)
        await importing.put_chunk(caller, upload_id, index, data)

    async def rows(
        caller: Caller, upload_id: UploadId, show: wire.ImportShow, after: int = 0
    ) -> wire.ImportRows:
        return await importing.page(caller, upload_id, show, after)

    async def report(caller: Caller, upload_id: UploadId) -> FileAnswer:
        return FileAnswer(await importing.report(caller, upload_id), _WORKBOOK)

    async def export(caller: Caller, body: wire.SubmitAct) -> FileAnswer:
        file = await service.exporting.export(caller, body)
        return FileAnswer(file.pieces, file.media_type, file.size)

    return [
        post("/v1/admin/exports", export, "export_part", most=_BODY, once=True, wait_s=120),
        get("/v1/admin/imports", importing.all, "imports"),
        post("/v1/admin/uploads", importing.begin, "begin_upload", most=_BODY),
        put(f"{_UPLOAD}/chunks/{{index}}", put_chunk, "put_upload_chunk", wait_s=120),
        post(f"{_UPLOAD}/previews", importing.examine, "examine_upload", most=_BODY),
        get(_UPLOAD, importing.one, "upload"),
        get(f"{_UPLOAD}/rows", rows, "upload_rows"),
        get(f"{_UPLOAD}/report", report, "upload_report", wait_s=120),
    ]


def _page(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))
