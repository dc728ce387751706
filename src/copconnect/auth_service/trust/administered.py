"""Devices and grants as administration lists and counts them.

Lists of people come as statements (of the Directory, or from here), so that a part of the tree with
tens of thousands of people is narrowed in the database.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.auth_service.tables import clients, grants
from copconnect.auth_service.trust.device_store import LOCKED, NOT_CONFIRMED
from copconnect.auth_service.trust.verdicts.holding import in_force
from copconnect.clock import Clock
from copconnect.database.among import among
from copconnect.database.rows import PeopleSelect, of_row
from copconnect.ids import ClientId, PersonId

Clients = Select[tuple[ClientId]]
DeviceState = Literal["confirmed", "unconfirmed", "silent", "locked", "revoked"]
SILENT_MS = 7 * 86_400_000
_C = clients.c


class Administered:
    """Reads devices and grants. Stateless."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def _fits(self, state: DeviceState) -> ColumnElement[bool]:
        now = self._clock.now_ms()
        if state == "revoked":
            return _C.revoked_ms.is_not(None)
        if state == "locked":
            return and_(_C.revoked_ms.is_(None), _C.ended_reason == LOCKED)
        if state == "unconfirmed":
            waits = and_(_C.confirmed == NOT_CONFIRMED, _C.expires_ms > now)
            return and_(_C.ended_reason.is_(None), waits)
        if state == "silent":
            seen = func.coalesce(_C.last_seen_ms, _C.created_ms)
            return and_(_C.ended_reason.is_(None), seen < now - SILENT_MS)
        return and_(_C.ended_reason.is_(None), _C.confirmed != NOT_CONFIRMED)

    def people_with(self, state: DeviceState | None = None) -> PeopleSelect:
        """Return a statement of the people who have a device of a state; None: any that is not
        revoked."""
        fits = _C.revoked_ms.is_(None) if state is None else self._fits(state)
        return select(_C.person_id).where(fits)

    def unrevoked_clients(self) -> Select[tuple[ClientId]]:
        """Return a statement of the devices that are not revoked; locked ones are among them."""
        return select(_C.client_id).where(_C.revoked_ms.is_(None))

    async def count(
        self,
        connection: AsyncConnection,
        state: DeviceState | None,
        of: PeopleSelect | None,
        among: Clients | None = None,
    ) -> int:
        """Return how many devices of a state these people have; None: everybody; of no state: all
        that are not revoked. ``among``: of the devices of a statement alone."""
        fits = _C.revoked_ms.is_(None) if state is None else self._fits(state)
        query = select(func.count()).select_from(clients).where(fits)
        if of is not None:
            query = query.where(_C.person_id.in_(of))
        if among is not None:
            query = query.where(_C.client_id.in_(among))
        return await connection.scalar(query) or 0

    def first_registered(self, since_ms: int, step_ms: int) -> Select[Any]:
        """Return a statement of everybody who ever had a device: ``person_id``, and ``step``: 0
        before a time, otherwise the number of the step since then in which the first device came,
        from 1."""
        first = func.min(_C.created_ms)
        step = case((first < since_ms, 0), else_=(first - since_ms) // step_ms + 1)
        return select(_C.person_id, step.label("step")).group_by(_C.person_id)

    async def versions(
        self, connection: AsyncConnection, of: PeopleSelect | None
    ) -> list[tuple[str, int]]:
        """Return how many devices of these people that are not revoked run each version, the most
        first; None: of everybody."""
        many = func.count()
        query = select(_C.app, many).where(_C.revoked_ms.is_(None))
        if of is not None:
            query = query.where(_C.person_id.in_(of))
        rows = await connection.execute(query.group_by(_C.app).order_by(many.desc(), _C.app))
        return [(app, devices) for app, devices in rows]

    async def page(
        self,
        connection: AsyncConnection,
        state: DeviceState | None,
        of: PeopleSelect | None,
        after: str | None,
        limit: int,
        among: Clients | None = None,
    ) -> tuple[list[tuple[PersonId, wire.ClientInfo]], str | None, int]:
        """Return a page of devices, the newest first, the next page's token and how many fit in
        all. ``among``: of the devices of a statement alone. Raises BadRequest for a token that was
        not ours."""
        conditions = [self._fits(state)] if state is not None else []
        if among is not None:
            conditions += [_C.revoked_ms.is_(None), _C.client_id.in_(among)]
        if of is not None:
            conditions.append(_C.person_id.in_(of))
        total = await connection.scalar(
            select(func.count()).select_from(clients).where(*conditions)
        )
        if after is not None:
            conditions.append(_following(after))
        rows = list(
            await connection.execute(
                select(clients)
                .where(*conditions)
                .order_by(_C.created_ms.desc(), _C.client_id)
                .limit(limit + 1)
            )
        )
        page = rows[:limit]
        more = f"{page[-1].created_ms}.{page[-1].client_id}" if len(rows) > limit else None
        return [(PersonId(row.person_id), client_info(row)) for row in page], more, total or 0

    async def clients_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, list[wire.ClientInfo]]:
        """Return the devices of these people that are not revoked, the newest first."""
        found: defaultdict[PersonId, list[wire.ClientInfo]] = defaultdict(list)
        rows = await connection.execute(
            select(clients)
            .where(among(_C.person_id, person_ids), _C.revoked_ms.is_(None))
            .order_by(_C.created_ms.desc(), _C.client_id)
        )
        for row in rows:
            found[PersonId(row.person_id)].append(client_info(row))
        return found

    async def grants_within(self, connection: AsyncConnection, paths: Sequence[str]) -> list[Any]:
        """Return the newest grant to each person over each unit at or below these paths, the
        soonest to end first."""
        within = [
            or_(grants.c.path == path, grants.c.path.startswith(f"{path}/", autoescape=True))
            for path in paths
        ]
        query = select(grants).order_by(grants.c.created_ms, grants.c.hash)
        if "" not in paths:
            query = query.where(or_(*within))
        rows = {(row.person_id, row.path): row for row in await connection.execute(query)}
        return sorted(rows.values(), key=lambda row: (row.not_after_ms, row.path, row.person_id))

    async def granted_paths(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, list[str]]:
        """Return the unit paths over which these people hold a grant in force."""
        rows = await connection.execute(
            select(grants)
            .where(among(grants.c.person_id, person_ids))
            .order_by(grants.c.created_ms)
        )
        newest = {(row.person_id, row.path): row for row in rows}
        found: defaultdict[PersonId, list[str]] = defaultdict(list)
        for row in in_force(newest.values(), self._clock.now_ms()):
            found[PersonId(row.person_id)].append(row.path)
        return found


def client_info(row: Any) -> wire.ClientInfo:
    """Return a client's row as it goes out."""
    return of_row(
        wire.ClientInfo,
        row,
        device=row.device.hex(),
        certificate_expires_ms=row.expires_ms,
        revoked=row.revoked_ms is not None,
        locked_ms=row.locked_ms if row.ended_reason == LOCKED else None,
    )


def _following(after: str) -> ColumnElement[bool]:
    created, _, client_id = after.partition(".")
    if not created.isascii() or not created.isdigit() or len(created) > 16:
        raise errors.BadRequest(reason="after")
    return or_(
        _C.created_ms < int(created),
        and_(_C.created_ms == int(created), _C.client_id > client_id),
    )
