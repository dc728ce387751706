"""Imports in the console: who may send files, see their previews and the imports of the past.

Invariants: a file is its sender's until its preview says which units it touches; then everybody
who may import and see numbers over all of them sees it too, because an act about it may wait for
them. A preview shows the part of its sender. Past imports are shown to people who may import over
all units that they touched. Nothing is imported here: that is an act
(:mod:`copconnect.admin.acts.kinds`).
"""

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin.rights import RightsTable
from copconnect.database.engine import Database
from copconnect.directory.service import DirectoryService
from copconnect.directory.uploads.uploads import Uploads
from copconnect.ids import PersonId, UploadId
from copconnect.principals import Caller
from copconnect.rights import HeldRights

_RIGHT: wire.Right = "import_people"
_NUMBERS: wire.Right = "see_numbers"  # A preview has numbers that its sender may see.


class Importing:
    """Uploads and imports, within the rights of who asks. Stateless."""

    def __init__(
        self, database: Database, rights: RightsTable, directory: DirectoryService, imports: Uploads
    ) -> None:
        self._database = database
        self._rights = rights
        self._directory = directory
        self._imports = imports

    async def all(self, caller: Caller) -> wire.AdminImports:
        """Return the uploads and the newest imports that the caller may see. Raises NotAllowed."""
        async with self._database.reading() as connection:
            held = await self._held(connection, caller)
            seen = [
                (person, one)
                for person, one in await self._imports.waiting(connection)
                if person == caller.person_id or _over_all(held, one)
            ]
            owners = {person for person, _ in seen}
            cards = await self._directory.cards(connection, owners, caller.person_id)
            past = await self._imports.past(
                connection, lambda paths: held.lacking(_RIGHT, paths) is None
            )
        return wire.AdminImports(
            uploads=[_by(one, cards.get(person)) for person, one in seen],
            imports=past,
            columns=self._imports.columns(),
        )

    async def begin(self, caller: Caller, body: wire.BeginUpload) -> wire.UploadBegun:
        """Expect a file. Raises NotAllowed."""
        async with self._database.reading() as connection:
            await self._held(connection, caller)
        return wire.UploadBegun(upload_id=await self._imports.begin(caller.person_id, body))

    async def put_chunk(self, caller: Caller, upload_id: UploadId, index: int, data: bytes) -> None:
        """Store a chunk. Raises NotAllowed, NotFound, ChunkInvalid."""
        async with self._database.reading() as connection:
            await self._held(connection, caller)
        await self._imports.put_chunk(caller.person_id, upload_id, index, data)

    async def examine(
        self, caller: Caller, upload_id: UploadId, choices: wire.ImportChoices
    ) -> None:
        """Begin to read and judge a file. Raises NotAllowed, NotFound, ImportRefused."""
        async with self._database.reading() as connection:
            await self._held(connection, caller)
        await self._imports.examine(caller, upload_id, choices)

    async def one(self, caller: Caller, upload_id: UploadId) -> wire.Upload:
        """Return an upload with its preview. Raises NotAllowed, NotFound."""
        async with self._database.reading() as connection:
            upload, owner = await self._seen(connection, caller, upload_id)
            cards = await self._directory.cards(connection, [owner], caller.person_id)
        return _by(upload, cards.get(owner))

    async def page(
        self, caller: Caller, upload_id: UploadId, shown: str, number: int
    ) -> wire.ImportRows:
        """Return a page of a preview. Raises NotAllowed, NotFound."""
        async with self._database.reading() as connection:
            await self._seen(connection, caller, upload_id)
            return await self._imports.page(connection, upload_id, shown, number)

    async def report(self, caller: Caller, upload_id: UploadId) -> bytes:
        """Return the workbook of a preview. Raises NotAllowed, NotFound, ImportRefused."""
        async with self._database.reading() as connection:
            await self._seen(connection, caller, upload_id)
        return await self._imports.report(upload_id)

    async def _held(self, connection: AsyncConnection, caller: Caller) -> HeldRights:
        return await self._rights.having(connection, caller.person_id, _RIGHT)

    async def _seen(
        self, connection: AsyncConnection, caller: Caller, upload_id: UploadId
    ) -> tuple[wire.Upload, PersonId]:
        held = await self._held(connection, caller)
        owner, upload = await self._imports.one(connection, upload_id)
        if owner != caller.person_id and not _over_all(held, upload):
            raise errors.NotFound
        return upload, owner


def _over_all(held: HeldRights, upload: wire.Upload) -> bool:
    if upload.preview is None:
        return False
    paths = upload.preview.paths
    return all(held.lacking(right, paths) is None for right in (_RIGHT, _NUMBERS))


def _by(upload: wire.Upload, person: wire.Person | None) -> wire.Upload:
    return msgspec.structs.replace(upload, by=person)
