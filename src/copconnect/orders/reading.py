"""Lists of orders, counts, names and records, as people are shown them.

Everybody who belongs to an order's conversation sees the order. Its issuer and administrators of
the conversation see who has acknowledged; somebody with the right ``oversee_orders`` sees the own
part of the tree.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.rows import of_row
from copconnect.ids import ConversationId, MessageId, PersonId, Seq, UnitId
from copconnect.orders import record_store, rules, store
from copconnect.orders.counting import Counting
from copconnect.orders.dependencies import OrderDependencies
from copconnect.orders.rules import KnownOrder
from copconnect.principals import Caller

PAGE = 100
MOST_PEOPLE = 500  # In a page that asks for more than PAGE, and in one of records with trust.
RECORDS_PAGE = 1_000
_CURVE_POINTS = 240  # Steps between the order and now, at most.
Box = Literal["open", "issued", "all"]


@dataclass(frozen=True, slots=True)
class Oversight:
    """An order, and the units whose people somebody may see; None: all."""

    order: KnownOrder
    units: frozenset[UnitId] | None


class OrderReads:
    """Answers what dashboards and lists ask."""

    def __init__(self, deps: OrderDependencies, counting: Counting) -> None:
        self._deps = deps
        self._counting = counting

    # --- Orders -------------------------------------------------------------------------------

    async def orders(
        self, caller: Caller, box: Box = "all", after: str | None = None
    ) -> wire.Orders:
        """Return a page of orders of the caller's conversations, newest first."""
        async with self._deps.database.reading() as connection:
            rows = await store.page(
                connection,
                self._deps.conversations.places(caller.person_id),
                caller.person_id,
                box=box,
                now_ms=self._deps.clock.now_ms(),
                before=None if after is None else _place(after),
                limit=PAGE + 1,
            )
            overseer = await self._is_overseer(connection, caller.person_id) if rows else False
        found = [_order(row, caller.person_id, overseer=overseer) for row in rows[:PAGE]]
        following = None
        if len(rows) > PAGE:
            following = f"{found[-1].issued_ms}-{found[-1].order_id}"
        return wire.Orders(orders=found, next=following)

    async def order(self, caller: Caller, order_id: MessageId) -> wire.Order:
        """Return an order. Raises NotFound."""
        async with self._deps.database.reading() as connection:
            rows = await store.page(
                connection,
                self._deps.conversations.places(caller.person_id),
                caller.person_id,
                box="all",
                now_ms=self._deps.clock.now_ms(),
                before=None,
                limit=1,
                order_ids=[order_id],
            )
            if not rows:
                raise errors.NotFound
            overseer = await self._is_overseer(connection, caller.person_id)
        return _order(rows[0], caller.person_id, overseer=overseer)

    async def _is_overseer(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        held = await self._deps.rights.of(connection, person_id)
        return held.has(rules.OVERSEE)

    # --- Who has acknowledged -----------------------------------------------------------------

    async def oversight(self, person_id: PersonId, order_id: MessageId) -> Oversight:
        """Return what somebody may see of who has acknowledged.

        Raises NotFound for an order of a conversation that the person does not belong to, and
        NotAllowed for one of which the person may see nothing.
        """
        async with self._deps.database.reading() as connection:
            return await self._oversight(connection, person_id, order_id)

    async def _oversight(
        self, connection: AsyncConnection, person_id: PersonId, order_id: MessageId
    ) -> Oversight:
        deps = self._deps
        row = await store.one(connection, order_id)
        if row is None:
            raise errors.NotFound
        order = store.known(row)
        reader = deps.conversations.readers(order.conversation_id).subquery()
        own = (
            await connection.execute(select(reader.c.admin).where(reader.c.person_id == person_id))
        ).first()
        if own is None:
            raise errors.NotFound
        if own.admin or order.issuer_id == person_id or person_id in store.terms(row).readers:
            return Oversight(order, None)
        held = await deps.rights.of(connection, person_id)
        paths = await deps.people.unit_paths(connection)
        units = {one for one, path in paths.items() if not held.lacking(rules.OVERSEE, [path])}
        if not units:
            raise errors.NotAllowed(right=rules.OVERSEE, path="")
        return Oversight(order, frozenset(units))

    async def asks_photo(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_id: ConversationId,
        order_id: MessageId,
    ) -> bool:
        """Return whether an order of this conversation asks this person for a photo."""
        row = await store.one(connection, order_id)
        if row is None or row.conversation_id != conversation_id or not row.photo:
            return False
        readers = self._deps.conversations.readers(conversation_id)
        found = await store.standings_of(connection, order_id, readers, [person_id])
        reader = found[person_id][0] if person_id in found else None
        return rules.owes(store.known(row), reader)

    async def sees_photo(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        order_id: MessageId,
        sender_id: PersonId,
    ) -> bool:
        """Return whether somebody sees what another person has answered to an order."""
        try:
            seen = await self._oversight(connection, person_id, order_id)
        except (errors.NotFound, errors.NotAllowed):
            return False
        if seen.units is None:
            return True
        place = self._deps.people.placed().subquery()
        unit_id: UnitId | None = await connection.scalar(
            select(place.c.unit_id).where(place.c.person_id == sender_id)
        )
        return unit_id in seen.units

    async def progress(
        self, caller: Caller, order_id: MessageId, unit_id: UnitId | None
    ) -> wire.OrderProgress:
        """Return the counts of a unit and of the units below it. Raises as ``oversight``."""
        seen = await self.oversight(caller.person_id, order_id)
        tree = await self._counting.tree(order_id)
        if tree is None:
            raise errors.NotFound
        total, units = tree.of(unit_id, seen.units)
        return wire.OrderProgress(
            order_id=order_id,
            unit_id=unit_id,
            counted_ms=tree.counted_ms,
            items=tree.items,
            total=total,
            units=units,
        )

    async def totals(self, caller: Caller, order_ids: Collection[MessageId]) -> wire.OrderTotals:
        """Return the counts of these orders, without orders of other issuers and hidden ones."""
        async with self._deps.database.reading() as connection:
            rows = await store.page(
                connection,
                self._deps.conversations.places(caller.person_id),
                caller.person_id,
                box="issued",
                now_ms=self._deps.clock.now_ms(),
                before=None,
                limit=wire.ORDER_UNITS,
                order_ids=order_ids,
            )
        mine = {row.order_id for row in rows}
        totals: list[wire.OrderTotal] = []
        for one in dict.fromkeys(order_ids):
            tree = await self._counting.tree(one) if one in mine else None
            if tree is not None:
                total, _ = tree.of(None, None)
                totals.append(wire.OrderTotal(order_id=one, items=tree.items, total=total))
        return wire.OrderTotals(totals=totals)

    async def people(
        self,
        caller: Caller,
        order_id: MessageId,
        *,
        unit_id: UnitId | None,
        state: wire.OrderState | None,
        choice: int | None,
        lacking: wire.ItemPlace | None = None,
        photo: bool | None = None,
        after: str = "",
        text: wire.SearchText = "",
        limit: int = PAGE,
    ) -> wire.OrderPeople:
        """Return a page of the people who owe, of a unit and all below it. ``lacking``: of
        people who have not done the item of the checklist at this place, from 1; ``photo``: of
        people who have sent one, or have not; ``text``: of people whom it finds. Raises as
        ``oversight``."""
        limit = max(1, min(limit, MOST_PEOPLE))
        deps = self._deps
        seen = await self.oversight(caller.person_id, order_id)
        order = seen.order
        async with deps.database.reading() as connection:
            rows = await store.people(
                connection,
                order,
                deps.conversations.readers(order.conversation_id),
                deps.conversations.reached(order.conversation_id, order.seq),
                deps.people.placed(),
                units=await self._units(connection, unit_id, seen.units),
                state=None if state is None else rules.STATES.index(state),
                choice=choice,
                lacking=lacking,
                photo=photo,
                found=deps.people.found_by(text) if text else None,
                after=after,
                limit=limit + 1,
            )
            page = rows[:limit]
            cards = await deps.people.cards(
                connection, [row.person_id for row in page], caller.person_id
            )
        return wire.OrderPeople(
            people=[
                wire.OrderPerson(
                    person=cards[row.person_id],
                    state=rules.STATES[row.state],
                    acknowledgement=_acknowledgement(row),
                )
                for row in page
            ],
            next=page[-1].sort_key if len(rows) > limit else None,
        )

    async def _units(
        self,
        connection: AsyncConnection,
        unit_id: UnitId | None,
        seen: Collection[UnitId] | None,
    ) -> Collection[UnitId] | None:
        if unit_id is None:
            return seen
        paths = await self._deps.people.unit_paths(connection)
        top = paths.get(unit_id, unit_id)
        below = {one for one, path in paths.items() if f"{path}/".startswith(f"{top}/")}
        return below if seen is None else below.intersection(seen)

    async def curve(self, caller: Caller, order_id: MessageId) -> wire.OrderCurve:
        """Return how many had acknowledged over time. Raises as ``oversight``."""
        seen = await self.oversight(caller.person_id, order_id)
        elapsed_ms = max(0, self._deps.clock.now_ms() - seen.order.issued_ms)
        step_ms = max(1_000, -(-elapsed_ms // _CURVE_POINTS))
        async with self._deps.database.reading() as connection:
            steps = await record_store.curve(
                connection, seen.order, self._deps.people.placed(), seen.units, step_ms
            )
        points: list[tuple[int, int]] = []
        total = 0
        for step, count in steps:
            total += count
            points.append((step, total))
        return wire.OrderCurve(order_id=order_id, step_ms=step_ms, points=points)

    async def records(
        self,
        caller: Caller,
        order_id: MessageId,
        *,
        answered: bool = False,
        after: str = "",
        trust: bool = False,
    ) -> wire.OrderRecords:
        """Return a page of the records that count, of people who left too: a signed record counts.
        ``trust``: with all that is signed about their people and signers. Raises as
        ``oversight``."""
        seen = await self.oversight(caller.person_id, order_id)
        limit = PAGE if answered else MOST_PEOPLE if trust else RECORDS_PAGE
        async with self._deps.database.reading() as connection:
            rows = await record_store.records(
                connection,
                order_id,
                self._deps.people.placed(),
                units=seen.units,
                answered=answered,
                after=after,
                limit=limit + 1,
            )
            page = rows[:limit]
            named = {row.person_id for row in page} | {row.signer_id for row in page}
            people = (
                await self._deps.devices.people_trust(connection, named) if trust and named else []
            )
        return wire.OrderRecords(
            records=[
                wire.OrderRecord(
                    record=row.record,
                    answer=row.answer,
                    photo=None
                    if row.sealed is None
                    else wire.SealedPhoto(sealed=row.sealed, attachment_id=row.attachment_id),
                    received_ms=row.received_ms,
                    first_created_ms=row.first_created_ms,
                )
                for row in page
            ],
            people=people,
            next=page[-1].person_id if len(rows) > limit else None,
        )


def _place(after: str) -> tuple[int, str]:
    """Return the time and id that a page's token names. Raises BadRequest."""
    ms, _, order_id = after.partition("-")
    if not (ms.isascii() and ms.isdigit() and len(ms) <= 15 and len(order_id) == 32):
        raise errors.BadRequest(reason="after")
    return int(ms), order_id


def _order(row: Row[Any], person_id: PersonId, *, overseer: bool) -> wire.Order:
    terms = store.terms(row)
    sees_all = row.admin or row.issuer_id == person_id or person_id in terms.readers
    return of_row(
        wire.Order,
        row,
        seq=Seq(row.seq),
        terms=terms,
        texts=[
            wire.OrderText(seq=Seq(seq), header_hash=hashed)
            for hashed, seq in rules.unpacked(row.texts).items()
        ],
        asked_seq=Seq(row.asked_seq),
        owed=bool(row.owed),
        acknowledgement=None
        if row.record is None
        else wire.OwnAcknowledgement(
            record=row.record,
            signer_id=row.signer_id,
            first_created_ms=row.first_created_ms,
        ),
        overseen=overseer or sees_all,
        reminds=sees_all,
    )


def _acknowledgement(row: Row[Any]) -> wire.GivenAcknowledgement | None:
    if row.created_ms is None:
        return None
    return of_row(wire.GivenAcknowledgement, row, told_by=row.signer_id if row.told else None)
