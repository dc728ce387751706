"""Operations of reports (docs/protocol.md). Every one needs a confirmed device."""

import re

from copconnect import errors, wire
from copconnect.http.operations import Operation, get, post
from copconnect.principals import Caller
from copconnect.reports.service import ReportService

_BODY = 2 * wire.MAX_REPORT_BYTES  # In base64 too.
_SEALS_BODY = 256 * 1_024
_APPEAL_BODY = 2 * wire.MAX_APPEAL_BYTES
_AFTER = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})")
_R = "/v1/reports/{report_id}"
_SANCTION = "/v1/sanctions/{report_id}"


def operations(service: ReportService) -> list[Operation]:
    """Return the rows."""
    reporting, moderating, sanctioning = service.reporting, service.moderating, service.sanctioning

    async def cases(caller: Caller, box: wire.CaseBox = "open", after: str = "") -> wire.Cases:
        return await moderating.cases(caller, box, _after(after))

    async def wanting(
        caller: Caller, envelope: wire.CaseEnvelope = "report", after: str = ""
    ) -> wire.WantingCases:
        return await service.resealing.wanting(caller, envelope, _after(after))

    async def statistics(caller: Caller, path: wire.UnitPath = "") -> wire.ReportStatistics:
        return await moderating.statistics(caller, path)

    return [
        get("/v1/reports/readers", reporting.readers, "report_readers"),
        post("/v1/reports", reporting.submit, "submit_report", most=_BODY, wait_s=60),
        get("/v1/reports/mine", reporting.own, "own_reports"),
        get("/v1/reports", cases),
        get("/v1/reports/statistics", statistics, "report_statistics"),
        get(_R, moderating.case, wait_s=60),
        get("/v1/reports/wanting", wanting, "wanting_cases"),
        post(f"{_R}/seals", service.resealing.add, "add_seals", most=_SEALS_BODY),
        get("/v1/sanctions", sanctioning.own, "own_sanctions"),
        post(f"{_SANCTION}/acknowledgement", sanctioning.acknowledge, "acknowledge_sanction"),
        get(f"{_SANCTION}/readers", sanctioning.readers, "appeal_readers"),
        post(f"{_SANCTION}/appeal", sanctioning.appeal, most=_APPEAL_BODY),
    ]


def _after(text: str) -> tuple[int, str] | None:
    """Return the last row of the page before. Raises BadRequest."""
    if not text:
        return None
    found = _AFTER.fullmatch(text)
    if found is None:
        raise errors.BadRequest(reason="after")
    return int(found[1]), found[2]
