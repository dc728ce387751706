"""Acts that import files into the data bank, and that undo imports."""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin.acts.kind import ActHandler, RequestedAct, Touched
from copconnect.auth_service.trust.granting import Granting
from copconnect.database.engine import Transaction
from copconnect.directory.uploads.reaching import ImportReach
from copconnect.directory.uploads.uploads import Uploads
from copconnect.principals import Caller
from copconnect.rights import HeldRights


class ImportKinds:
    """The kinds, by the type of the act."""

    def __init__(self, imports: Uploads, grants: Granting) -> None:
        self._imports = imports
        self._grants = grants
        self.table: dict[type[wire.AdminAct], ActHandler] = {
            wire.ApplyImport: ActHandler(
                "import_people",
                self._touches_import,
                self._import,
                imports.make_ready,
                refused=self._import_taken,
                shown=self._shown_import,
            ),
            wire.UndoImport: ActHandler(
                "import_people", self._touches_undone, self._undo_import, self._make_undo_ready
            ),
        }

    async def _touches_import(self, connection: AsyncConnection, act: wire.ApplyImport) -> Touched:
        granted = await self._grants.everybody_granted(connection)
        return _imported(await self._imports.reach(connection, act, granted))

    async def _touches_undone(self, connection: AsyncConnection, act: wire.UndoImport) -> Touched:
        granted = await self._grants.everybody_granted(connection)
        return _imported(await self._imports.undo_reach(connection, act.undone, granted))

    async def _make_undo_ready(self, act: wire.UndoImport) -> None:
        await self._imports.make_undo_ready(act.undone)

    async def _import(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._imports.apply(connection, asked.permit, asked.act)

    async def _shown_import(
        self, connection: AsyncConnection, held: HeldRights, act: wire.ApplyImport
    ) -> None:
        _, upload = await self._imports.one(connection, act.upload_id)
        paths = [] if upload.preview is None else upload.preview.paths
        for right in ("import_people", "see_numbers"):
            held.require(right, paths)

    async def _import_taken(
        self, caller: Caller, act: wire.ApplyImport, error: errors.ImportTaken
    ) -> None:
        taken, asked = (int(str(error.details[name])) for name in ("count", "asked"))
        await self._imports.tried(caller, act, taken, asked)

    async def _undo_import(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._imports.undo(connection, asked.permit, asked.act.undone)


def _imported(reach: ImportReach) -> Touched:
    return Touched(
        reach.paths, len(reach.changes), [], leaving=reach.leaving, changes=reach.changes
    )
