"""Tokens of systems end on their date, and those for reading change nobody. Without the packages of
SCIM none is made."""

import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from copconnect.commands.directory import app
from copconnect.directory.scim import operations
from tests.harness.operator import OPERATOR
from tests.identity.running import MovedClock
from tests.identity.whole import Whole

pytestmark = pytest.mark.databases("sqlite")

DAY_MS = 86_400_000


async def ask(whole: Whole, token: str, method: str = "GET", path: str = "Users?count=1") -> Any:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    return await whole.http.request(method, f"/scim/v2/{path}", headers=headers, content=b"{}")


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_token_ends_after_its_days(whole: Whole, clock: MovedClock) -> None:
    tokens = whole.whole.scim_tokens
    token = await tokens.make(OPERATOR, "HRMS", "change", days=7)
    clock.ms += 7 * DAY_MS - 1
    assert (await ask(whole, token)).status_code == 200
    clock.ms += 1
    refused = await ask(whole, token)
    assert refused.status_code == 401
    assert "expired" in refused.json()["detail"]
    usual = await tokens.make(OPERATOR, "HRMS", "change")
    clock.ms += 90 * DAY_MS
    assert (await ask(whole, usual)).status_code == 401
    for days in (0, -1, 401):
        with pytest.raises(ValueError, match="days"):
            await tokens.make(OPERATOR, "HRMS", "change", days=days)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_token_for_reading_changes_nobody(whole: Whole, method: str) -> None:
    tokens = whole.whole.scim_tokens
    reading = await tokens.make(OPERATOR, "Dashboard", "read")
    changing = await tokens.make(OPERATOR, "HRMS", "change")
    assert (await ask(whole, reading)).status_code == 200
    assert (await ask(whole, reading, "POST", "Users/.search")).status_code != 403
    for path in ("Users", "Users/0"):
        assert (await ask(whole, reading, method, path)).status_code == 403
        assert (await ask(whole, changing, method, path)).status_code != 403


@pytest.mark.databases("sqlite", "postgresql")
async def test_without_its_packages_scim_says_what_to_install(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await whole.whole.scim_tokens.make(OPERATOR, "HRMS", "change")
    monkeypatch.setitem(sys.modules, "scim2_server", None)
    monkeypatch.delitem(sys.modules, operations.PROTOCOL, raising=False)
    assert (await ask(whole, "another")).status_code == 401
    answer = await ask(whole, token)
    assert answer.status_code == 501
    assert "scim_not_installed" in answer.json()["detail"]
    refused = CliRunner().invoke(app, ["scim-token", "HRMS"])
    assert refused.exit_code == 1
    assert "requirements-scim.txt" in refused.output
