"""Reports of what the Content-Security-Policy refused: into the log, without names, and few."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from copconnect.http import csp_reports
from tests.identity.running import MovedClock
from tests.identity.whole import Whole

pytestmark = pytest.mark.databases("sqlite")


async def report(whole: Whole, **violation: Any) -> tuple[int, list[Any]]:
    """Send a report as a browser does; return the status and the log line."""
    body = json.dumps({"csp-report": {name.replace("_", "-"): v for name, v in violation.items()}})
    headers = {"content-type": "application/csp-report"}
    with capture_logs() as logs:
        answer = await whole.http.post("/v1/csp-reports", content=body, headers=headers)
    return answer.status_code, [one for one in logs if one["event"] == "csp_violation"]


async def test_a_report_is_logged_without_what_it_says_of_a_person(whole: Whole) -> None:
    status, logged = await report(
        whole,
        document_uri="https://chat.example/#/c/0123?q=Ravi",
        referrer="https://chat.example/Ravi",
        violated_directive="style-src-attr 'self'",
        effective_directive="style-src-attr",
        blocked_uri="https://evil.example:8443/steal?name=Ravi",
        source_file="https://chat.example/assets/start-B1a2C3d4.js?name=Ravi",
        line_number=7,
        script_sample="Ravi Kumar",
        unknown=["Ravi"],
    )
    assert status == 204
    (line,) = logged
    assert {key: line[key] for key in ("directive", "blocked", "file", "line")} == {
        "directive": "style-src-attr",
        "blocked": "https://evil.example:8443",
        "file": "/assets/start-B1a2C3d4.js",
        "line": 7,
    }
    assert "Ravi" not in str(line)


@pytest.mark.parametrize(
    ("violation", "said"),
    [
        ({"violated_directive": "script-src 'self'", "blocked_uri": "inline"}, "inline"),
        ({"effective_directive": "Ravi Kumar", "blocked_uri": "Ravi Kumar"}, ""),
        ({"blocked_uri": "http://[", "source_file": "http://["}, ""),
        ({"blocked_uri": "data", "source_file": "https://chat.example/c/ravi-kumar"}, "data"),
        ({"source_file": "https://chat.example/people/Ravi"}, ""),
    ],
)
async def test_whatever_it_says(whole: Whole, violation: dict[str, str], said: str) -> None:
    status, logged = await report(whole, **violation)
    assert status == 204
    assert (logged[0]["blocked"], logged[0]["file"]) == (said, "")
    assert "avi" not in str(logged)


async def test_reports_are_few_and_small(whole: Whole, clock: MovedClock, code_of: Any) -> None:
    for _ in range(csp_reports.PER_MINUTE):
        assert (await report(whole, blocked_uri="inline"))[0] == 204
    assert (await report(whole, blocked_uri="inline")) == (429, [])
    clock.ms += 60_000
    assert (await report(whole, sample="x" * 9000)) == (413, [])
    for body in (b"", b"{}", b"[]", b"\xff", b'{"csp-report": 1}'):
        refused = await whole.http.post("/v1/csp-reports", content=body)
        assert code_of(refused) == "bad_request"
