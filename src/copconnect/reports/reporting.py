"""Takes reports of receivers.

The server checks what it can without reading: the message is in its log under this hash, the
reporter could read it, and the envelope is sealed to devices of the people who moderate the unit of
its sender and to nobody else. Whether the proof holds is judged by their devices (F1).
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import AccountWakeup
from copconnect.database.engine import Transaction
from copconnect.database.rows import of_row
from copconnect.ids import ConversationId, MessageId, PersonId, ReportId
from copconnect.limits import REPORT_BYTES_PER_DAY, REPORTS_PER_DAY
from copconnect.principals import Caller, LoggedMessage
from copconnect.records.conversation.envelope import REPORT, EnvelopeKind, parse_envelope
from copconnect.records.primitives.fields import Refused
from copconnect.reports import rules, store
from copconnect.reports.dependencies import ReportDependencies

_SHOWN = 200  # Newest reports of a person that the person sees.


class Reporting:
    """Answers reporters. Stateless."""

    def __init__(self, deps: ReportDependencies) -> None:
        self._deps = deps

    async def readers(
        self, caller: Caller, conversation_id: ConversationId, message_id: MessageId
    ) -> wire.ReportReaders:
        """Return who reads a report of a message. Raises NotFound, ReportInvalid."""
        deps = self._deps
        async with deps.database.reading() as connection:
            logged = await self._logged(connection, caller, conversation_id, message_id)
            people = await self._readers(connection, caller, logged)
            cards = await deps.people.cards(connection, people, caller.person_id)
        return wire.ReportReaders(people=[cards[one] for one in people if one in cards])

    async def submit(self, caller: Caller, body: wire.SubmitReport) -> wire.OwnReport:
        """Take a report. The same again is answered as the first time.

        Raises NotFound, ReportInvalid, RateLimited.
        """
        deps, report_id = self._deps, ReportId(body.report_id)
        now_ms = deps.clock.now_ms()
        key_ids = sealed_to(REPORT, body.sealed)
        async with deps.database.transaction() as connection:
            # Reports of one person are taken one after another: the limit is exact.
            if not await deps.people.lock_active(connection, caller.person_id):
                raise errors.NotFound
            known = await store.one(connection, report_id)
            if known is not None:
                same = (caller.person_id, body.message_id, body.header_hash)
                if (known.reporter_id, known.message_id, known.header_hash) != same:
                    raise errors.ReportInvalid(reason="report_id")
                return own_report(known)
            await self._check_limits(connection, caller.person_id, len(body.sealed), now_ms)
            c, message_id = ConversationId(body.conversation_id), MessageId(body.message_id)
            logged = await self._logged(connection, caller, c, message_id)
            if logged.header_hash != body.header_hash:
                raise errors.ReportInvalid(reason="header_hash")
            readers = await self._readers(connection, caller, logged)
            sealed = await owners(connection, deps, readers, key_ids)
            bases = await deps.people.rights_bases(connection, [logged.sender_id])
            values = {
                "report_id": report_id,
                "conversation_id": c,
                "message_id": message_id,
                "header_hash": body.header_hash,
                "reporter_id": caller.person_id,
                "reported_id": logged.sender_id,
                "path": bases[logged.sender_id].path if logged.sender_id in bases else "",
                "clause": body.clause,
                "messages": body.messages,
                "created_ms": now_ms,
                "state": "open",
                "reason": "",
            }
            await store.add(connection, values, body.sealed, sealed)
            tell(connection, set(sealed))
            row = await store.one(connection, report_id)
        if row is None:
            raise RuntimeError("the report that was stored is not there")
        return own_report(row)

    async def own(self, caller: Caller) -> wire.OwnReports:
        """Return the caller's reports, newest first."""
        async with self._deps.database.reading() as connection:
            rows = await store.newest_of(connection, caller.person_id, 0, _SHOWN)
        return wire.OwnReports(reports=[own_report(row) for row in rows])

    async def _check_limits(
        self, connection: AsyncConnection, person_id: PersonId, size: int, now_ms: int
    ) -> None:
        since_ms = now_ms - rules.DAY_MS
        rows = await store.newest_of(connection, person_id, since_ms, REPORTS_PER_DAY)
        if len(rows) >= REPORTS_PER_DAY:
            raise _over("reports_per_day", rows, now_ms)
        used = await store.sealed_bytes(connection, person_id, since_ms)
        if used + size > REPORT_BYTES_PER_DAY:
            raise _over("report_bytes_per_day", rows, now_ms)

    async def _logged(
        self,
        connection: AsyncConnection,
        caller: Caller,
        conversation_id: ConversationId,
        message_id: MessageId,
    ) -> LoggedMessage:
        found = await self._deps.messages.logged(
            connection, conversation_id, message_id, caller.person_id
        )
        if found is None or not found.readable:
            raise errors.NotFound
        if found.sender_id == caller.person_id:
            raise errors.ReportInvalid(reason="own_message")
        return found

    async def _readers(
        self, connection: AsyncConnection, caller: Caller, logged: LoggedMessage
    ) -> list[PersonId]:
        """Return who reads a report: moderators who may decide all that may come of it, so over the
        units too over which the sender has grants; where there are none, those of the unit. The
        reporter is among them as anybody else who moderates: a list without one would name that
        one to the others."""
        found = await readers_about(connection, self._deps, logged.sender_id, {caller.person_id})
        if not found:
            raise errors.ReportInvalid(reason="nobody_moderates")
        return found


def _over(limit: str, newest: Sequence[Row[Any]], now_ms: int) -> errors.RateLimited:
    """Return the error that names a limit; it eases when the oldest of
    these reports is a day old."""
    wait_ms = newest[-1].created_ms + rules.DAY_MS - now_ms
    return errors.RateLimited(retry_after_ms=max(1, wait_ms), limit=limit)


async def readers_about(
    connection: AsyncConnection,
    deps: ReportDependencies,
    sender: PersonId,
    idle: Collection[PersonId],
) -> list[PersonId]:
    """Return who reads reports about a person now, nobody where nobody could decide them."""
    bases = await deps.people.rights_bases(connection, [sender])
    path = bases[sender].path if sender in bases else ""
    top = rules.common([path, *await deps.rights.granted(connection, sender)])
    for one in dict.fromkeys((top, path)):
        found = await readers_over(connection, deps, one, {sender}, idle)
        if found:
            return found
    return []


async def readers_over(
    connection: AsyncConnection,
    deps: ReportDependencies,
    path: str,
    without: Collection[PersonId],
    idle: Collection[PersonId],
) -> list[PersonId]:
    """Return who reads what is reported about somebody of a unit: people with a confirmed device.
    ``idle``: as for rules.choose_readers."""
    holders = await deps.rights.holders_over(connection, "moderate", path)
    devices = await deps.devices.devices_of(connection, list(holders))
    with_device = {one.person_id for one in devices}
    reached = {person: paths for person, paths in holders.items() if person in with_device}
    return rules.choose_readers(reached, path, without, idle)


async def owners(
    connection: AsyncConnection,
    deps: ReportDependencies,
    readers: list[PersonId],
    key_ids: list[bytes],
) -> dict[PersonId, list[store.OwnedKey]]:
    """Return whose DeviceKeys these are, and of which device, of these readers alone. Raises
    ReportInvalid for a key that nobody of them has now: the reporter seals again."""
    devices = {
        one.device: one.person_id for one in await deps.devices.devices_of(connection, readers)
    }
    device_of = await deps.devices.devices_of_keys(connection, key_ids)
    found: dict[PersonId, list[store.OwnedKey]] = {}
    for one in key_ids:
        device = device_of.get(one, b"")
        person_id = devices.get(device)
        if person_id is None:
            raise errors.ReportInvalid(reason="readers")
        found.setdefault(person_id, []).append(store.OwnedKey(one, device))
    return found


def sealed_to(kind: EnvelopeKind, sealed: bytes) -> list[bytes]:
    """Return the key ids of an envelope. Raises ReportInvalid."""
    try:
        return list(parse_envelope(kind, sealed).seals)
    except Refused as error:
        raise errors.ReportInvalid(reason="sealed", rule=error.rule) from error


def tell(connection: Transaction, people: set[PersonId]) -> None:
    """Tell the devices of people, after the commit, that there may be something for them."""
    connection.after_commit(
        AccountWakeup(event="reports", person_ids=sorted(people), client_ids=[])
    )


def own_report(row: Row[Any]) -> wire.OwnReport:
    """Return a report as its reporter sees it."""
    return of_row(wire.OwnReport, row)
