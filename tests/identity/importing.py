"""Imports of files by a signed act, and what their uploads show."""

from typing import Any

from copconnect import wire
from tests.identity.running import Device, Running
from tests.identity.signing import act
from tests.identity.stations import Rows
from tests.identity.test_upload_acts import (
    CHOICES,
    applying,
    examine,
    file_of,
    send,
)

ATTACKER = "+917999000099"
PARTIAL = wire.ImportChoices(confirmed=True, partial=True)
MISSING = wire.ImportChoices(confirmed=True, remove_missing=True)


async def imported(
    running: Running,
    device: Device,
    rows: Rows,
    choices: wire.ImportChoices = CHOICES,
) -> tuple[dict[str, Any], Any]:
    """Send a file and sign its import; return the upload and the answer to the act."""
    upload_id = await send(running, device, file_of(rows))
    upload = await examine(running, device, upload_id, choices)
    assert upload["state"] == "ready", upload
    return upload, await act(running, device, applying(upload))


async def shown(running: Running, device: Device, upload: dict[str, Any], kind: str) -> Any:
    path = f"/v1/admin/uploads/{upload['uploadId']}/rows?show={kind}"
    return (await running.get(path, device)).json()["rows"]


async def problems(running: Running, device: Device, upload: dict[str, Any]) -> set[str]:
    rows = await shown(running, device, upload, "refused")
    return {problem["code"] for row in rows for problem in row["problems"]}


def done(answer: Any) -> bool:
    return bool(answer.is_success and answer.json()["state"] == "done")
