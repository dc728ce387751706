"""Previews of acts: whom an act would touch, and who may approve it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin.acts.approvers import NOT_TOLD, approvers
from copconnect.admin.acts.kind import SAMPLE, ActHandler, Touched
from copconnect.admin.rights import RightsTable
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId

_ENCODER = msgspec.json.Encoder(order="deterministic")


class Previews:
    """Makes the previews of acts. Stateless."""

    def __init__(self, rights: RightsTable, directory: DirectoryService) -> None:
        self._rights = rights
        self._directory = directory

    async def of(
        self,
        connection: AsyncConnection,
        viewer: PersonId,
        kind: ActHandler,
        touched: Touched,
        act: wire.Act,
        *,
        second: bool,
    ) -> wire.ActPreview:
        """Return the preview of an act that the viewer asks for. ``second``: whether a second admin
        must agree."""
        cards = await self._directory.cards(connection, touched.some[:SAMPLE], viewer)
        may = NOT_TOLD
        if second:
            may = await approvers(
                connection,
                self._rights,
                self._directory,
                kind,
                touched.paths,
                asker=viewer,
                viewer=viewer,
            )
        changes: list[wire.RightChange] = []
        if isinstance(act, wire.SetRights):
            changes = await self._changes(connection, viewer, act.rules)
        return wire.ActPreview(
            people=touched.people,
            sample=list(cards.values()),
            paths=sorted(touched.paths),
            needs_second=second,
            rights=changes,
            policy=list(touched.policy),
            conversations=touched.conversations,
            approvers=may.some,
            approver_count=may.count,
            effect=await self.effect(connection, touched, act),
        )

    async def effect(self, connection: AsyncConnection, touched: Touched, act: wire.Act) -> str:
        """Return the hash of all that an act would do now; it is the same for every viewer."""
        rights: Mapping[wire.Right, Any] = {}
        if isinstance(act, wire.SetRights):
            rights = await self._rights.changes(connection, act.rules)
        changes = sorted(touched.changes, key=lambda one: (one.person_id, sorted(one.paths)))
        whole = [
            *(touched.paths, touched.people, touched.leaving, touched.conversations),
            *(touched.some, touched.policy, changes, rights),
        ]
        return hashlib.sha256(_ENCODER.encode(whole)).hexdigest()

    async def _changes(
        self, connection: AsyncConnection, viewer: PersonId, table: Sequence[wire.RightRule]
    ) -> list[wire.RightChange]:
        """Return who would gain and lose what by another rights table."""
        found = await self._rights.changes(connection, table)
        some = {
            person
            for one in found.values()
            for person in (*one.gaining[:SAMPLE], *one.losing[:SAMPLE])
        }
        cards = await self._directory.cards(connection, some, viewer)
        return [
            wire.RightChange(
                right=right,
                gain=len(one.gaining),
                lose=len(one.losing),
                gaining=[cards[person] for person in one.gaining[:SAMPLE]],
                losing=[cards[person] for person in one.losing[:SAMPLE]],
            )
            for right, one in found.items()
        ]


def without_numbers(preview: wire.ActPreview) -> wire.ActPreview:
    """Return a preview as others may see it, too."""

    def hidden(people: Iterable[wire.Person]) -> list[wire.Person]:
        return [msgspec.structs.replace(one, number="") for one in people]

    return msgspec.structs.replace(
        preview,
        sample=hidden(preview.sample),
        approvers=hidden(preview.approvers),
        rights=[
            msgspec.structs.replace(one, gaining=hidden(one.gaining), losing=hidden(one.losing))
            for one in preview.rights
        ],
    )
