"""Files to import about a person of the station, examined and ready to be applied."""

import asyncio
import hashlib
from typing import Any

from copconnect import wire
from copconnect.directory.imports import exporting
from copconnect.directory.imports.importer import ImportOptions
from copconnect.ids import ClientId, PersonId, UploadId, new_id
from copconnect.principals import Caller
from tests.harness.operator import OPERATOR


async def renamed(whole: Any, person_id: PersonId) -> bytes:
    """Return a file that gives a person another name."""
    rows = (await whole.importer.export(OPERATOR))["people"]
    async with whole.database.reading() as connection:
        card = (await whole.directory.cards(connection, [person_id], None))[person_id]
    row = next(one for one in rows if one["number"] == card.number)
    return exporting.csv_files({"people": [row | {"name_en": f"Name {new_id()[:8]}"}]})["people"]


async def ready(whole: Any, owner: PersonId, content: bytes) -> UploadId:
    """Return a file of this owner that was examined."""
    digest = hashlib.sha256(content).hexdigest()
    body = wire.BeginUpload(name="roll.csv", size=len(content), sha256=digest)
    upload_id = UploadId(await whole.uploads.begin(owner, body))
    await whole.uploads.put_chunk(owner, upload_id, 0, content)
    caller = Caller(owner, ClientId(new_id()), bytes(32), frozenset())
    await whole.uploads.examine(caller, upload_id, wire.ImportChoices(confirmed=True))
    for _ in range(1_000):
        if (await shown(whole, upload_id)).state != "examining":
            return upload_id
        await asyncio.sleep(0.01)
    raise AssertionError("it was not examined in time")


async def shown(whole: Any, upload_id: UploadId) -> wire.Upload:
    """Return an upload."""
    async with whole.database.reading() as connection:
        _, found = await whole.uploads.one(connection, upload_id)
    upload: wire.Upload = found
    return upload


async def applying(whole: Any, owner: PersonId, person_id: PersonId) -> wire.ApplyImport:
    """Return an act by a file of this owner that gives a person another name."""
    upload_id = await ready(whole, owner, await renamed(whole, person_id))
    upload = await shown(whole, upload_id)
    assert upload.preview is not None, upload
    return wire.ApplyImport(
        upload_id=upload_id,
        sha256=upload.sha256,
        digest=upload.preview.digest,
        remove_missing=False,
        partial=False,
        aliases={},
    )


async def undoing(whole: Any, person_id: PersonId) -> wire.UndoImport:
    """Return an act that gives a person the former name again."""
    content = await renamed(whole, person_id)
    applied = await whole.importer.apply(
        OPERATOR, [("roll.csv", content)], ImportOptions(confirmed=True)
    )
    return wire.UndoImport(undone=applied.number)
