"""Judges acknowledgements and stores them, many in one transaction (``GroupCommit``).

Invariant: at most one row counts for each order and person, whichever order the records came in
(rules.Counted). Records wait up to :data:`PAUSE_S` for others, because 63,000 of them come within a
minute and a device does not show when its acknowledgement was stored. Every device repeats what was
not answered.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from copconnect import errors, wire
from copconnect.bus import AcknowledgedWakeup
from copconnect.database.engine import Transaction
from copconnect.group_commit import GroupCommit
from copconnect.ids import AttachmentId, ClientId, ConversationId, MessageId, PersonId
from copconnect.orders import record_store, rules, store
from copconnect.orders.dependencies import OrderDependencies
from copconnect.orders.rules import Counted, KnownOrder, OrderReader, SealedParts
from copconnect.orders.store import NewAcknowledgement
from copconnect.principals import Caller
from copconnect.records.conversation.acknowledgement import NOTHING, Acknowledgement, Told
from copconnect.records.primitives.fields import Refused
from copconnect.rights import HeldRights

PAUSE_S = 0.1  # At least, between two transactions.
MOST_TOGETHER = 1_000  # Records in one transaction, unless a single request has more.
RECORDS_PER_MINUTE = 2_000  # A station writer marks a whole station.
_IN_TURN = 32  # Signatures that are checked at a stretch.
Outcome = wire.AcknowledgementOutcome


@dataclass(frozen=True, slots=True)
class _Given:
    """A record whose signature was checked."""

    record: Acknowledgement
    data: bytes
    answer: bytes | None
    photo: wire.SealedPhoto | None

    @property
    def person_id(self) -> PersonId:
        return PersonId(self.record.person_id.hex())


@dataclass(frozen=True, slots=True)
class _AcknowledgementRequest:
    """A device's records about one order, as they came."""

    caller: Caller
    order_id: MessageId
    body: Sequence[wire.AcknowledgementItem]


@dataclass(frozen=True, slots=True)
class _ReadRequest:
    """The same, each record read, or what refuses it by its bytes."""

    request: _AcknowledgementRequest
    items: Sequence[_Given | Outcome]

    @property
    def caller(self) -> Caller:
        return self.request.caller

    @property
    def order_id(self) -> MessageId:
        return self.request.order_id


class Acknowledging:
    """Takes acknowledgements. Used from one event loop."""

    def __init__(self, deps: OrderDependencies) -> None:
        self._deps = deps
        self._commits = GroupCommit(
            self._commit, MOST_TOGETHER, size=lambda request: len(request.body), pause_s=PAUSE_S
        )
        self._rates = deps.rates.limit(
            "acknowledgements_per_minute", RECORDS_PER_MINUTE, RECORDS_PER_MINUTE
        )

    async def submit(
        self, caller: Caller, order_id: MessageId, body: wire.SubmitAcknowledgements
    ) -> wire.AcknowledgementOutcomes:
        """Store records of the calling device; return what became of each.

        Raises RateLimited, and NotFound for an order of a conversation that the caller's person
        does not belong to.
        """
        self._rates.spend(caller.person_id, len(body.acknowledgements))
        request = _AcknowledgementRequest(caller, order_id, body.acknowledgements)
        return wire.AcknowledgementOutcomes(outcomes=await self._commits.write(request))

    async def close(self) -> None:
        """Wait for what is being stored."""
        await self._commits.close()

    async def _read(self, batch: Sequence[_AcknowledgementRequest]) -> list[_ReadRequest]:
        """Check bytes and signatures; other work has its turn in between."""
        requests: list[_ReadRequest] = []
        checked = 0
        for one in batch:
            items: list[_Given | Outcome] = []
            for item in one.body:
                items.append(_read(item, one.caller))
                checked += 1
                if checked % _IN_TURN == 0:
                    await asyncio.sleep(0)
            requests.append(_ReadRequest(one, items))
        return requests

    async def _commit(
        self, batch: Sequence[_AcknowledgementRequest]
    ) -> list[list[Outcome] | Exception]:
        requests = await self._read(batch)
        async with self._deps.database.transaction() as connection:
            return await _Batch(self._deps, connection, requests).store()


def _read(item: wire.AcknowledgementItem, caller: Caller) -> _Given | Outcome:
    """Return a record whose bytes and signature are right, else what refuses it."""
    try:
        record = Acknowledgement.parse(item.record)
        if record.device != caller.device:
            return "wrong_device"
        record.verify(caller.public_key)
    except Refused:
        return "malformed"
    own = record.person_id.hex() == caller.person_id
    if own != (record.told == Told.OWN):
        return "not_allowed"
    return _Given(record, item.record, item.answer, item.photo)


def _parts(given: _Given, best: Counted | None) -> SealedParts:
    """Return what came with a record, and what the person's record that counts so far names."""
    photo = None if given.photo is None else given.photo.sealed
    if best is None:
        return SealedParts(given.answer, photo)
    kept = Acknowledgement.parse(best.record)
    return SealedParts(given.answer, photo, kept.answer_hash, kept.photo_hash)


# --- In the transaction -----------------------------------------------------------------------


class _Batch:
    """Judges the requests of one transaction, each after those before it."""

    def __init__(
        self, deps: OrderDependencies, connection: Transaction, requests: Sequence[_ReadRequest]
    ) -> None:
        self._deps = deps
        self._connection = connection
        self._requests = requests
        self._now_ms = deps.clock.now_ms()
        self._best: dict[tuple[MessageId, PersonId], Counted | None] = {}
        self._put: dict[tuple[MessageId, PersonId], NewAcknowledgement] = {}
        self._complete: Mapping[AttachmentId, tuple[PersonId, MessageId]] = {}
        self._by: dict[tuple[MessageId, PersonId], ClientId] = {}

    async def store(self) -> list[list[Outcome] | Exception]:
        """Judge and write; return the answer of each request."""
        rows = await store.hold(self._connection, {one.order_id for one in self._requests})
        orders = {order_id: store.known(row) for order_id, row in rows.items()}
        readers = {order_id: await self._readers(order) for order_id, order in orders.items()}
        self._complete = await self._photos()
        answers: list[list[Outcome] | Exception] = []
        for request in self._requests:
            order = orders.get(request.order_id)
            known = {} if order is None else readers[request.order_id]
            if order is None or request.caller.person_id not in known:
                answers.append(errors.NotFound())
                continue
            held, units = await self._oversight(request)
            answers.append(
                [
                    self._judge(item, request, order, known, held, units)
                    if isinstance(item, _Given)
                    else item
                    for item in request.items
                ]
            )
        if self._put:
            await self._write(orders)
            self._announce(orders)
        return answers

    async def _photos(self) -> Mapping[AttachmentId, tuple[PersonId, MessageId]]:
        """Return the photos among those of the requests that are complete."""
        ids = {
            AttachmentId(item.photo.attachment_id)
            for one in self._requests
            for item in one.items
            if isinstance(item, _Given) and item.photo is not None
        }
        return await self._deps.photos.complete(self._connection, ids) if ids else {}

    async def _write(self, orders: dict[MessageId, KnownOrder]) -> None:
        records = list(self._put.values())
        await store.put(self._connection, records)
        answering = {order_id for order_id, order in orders.items() if order.answers}
        photographing = {order_id for order_id, order in orders.items() if order.photo}
        gone = await record_store.put_sealed(self._connection, records, answering, photographing)
        replaced = {one: orders[order_id].conversation_id for one, order_id in gone.items()}
        sent = {
            AttachmentId(one.sealed_photo.attachment_id)
            for one in records
            if one.sealed_photo is not None
        }
        await self._deps.photos.keep_photos(self._connection, sent, replaced)

    async def _readers(self, order: KnownOrder) -> dict[PersonId, OrderReader]:
        requests = [one for one in self._requests if one.order_id == order.order_id]
        people = {one.caller.person_id for one in requests}
        people |= {
            item.person_id for one in requests for item in one.items if isinstance(item, _Given)
        }
        found = await store.standings_of(
            self._connection,
            order.order_id,
            self._deps.conversations.readers(order.conversation_id),
            people,
        )
        for person_id, (_, counted) in found.items():
            self._best[order.order_id, person_id] = counted
        return {person_id: reader for person_id, (reader, _) in found.items()}

    async def _oversight(self, request: _ReadRequest) -> tuple[HeldRights, dict[PersonId, str]]:
        """Return the rights of somebody who told others in person, and those others' units."""
        told = [
            item.person_id
            for item in request.items
            if isinstance(item, _Given) and item.record.told == Told.IN_PERSON
        ]
        if not told:
            return HeldRights(), {}
        held = await self._deps.rights.of(self._connection, request.caller.person_id)
        return held, await self._deps.units_of(self._connection, told)

    def _judge(
        self,
        given: _Given,
        request: _ReadRequest,
        order: KnownOrder,
        readers: dict[PersonId, OrderReader],
        held: HeldRights,
        units: dict[PersonId, str],
    ) -> Outcome:
        record, person_id = given.record, given.person_id
        told = record.told == Told.IN_PERSON
        key = order.order_id, person_id
        best = self._best.get(key)
        parts = _parts(given, best)
        outcome = rules.judge(record, parts, order, self._now_ms)
        if outcome != "counted":
            return outcome
        if not rules.owes(order, readers.get(person_id)):
            return "not_owed"
        if told:
            path = units.get(person_id)
            if path is None or held.lacking(rules.OVERSEE, [path]) is not None:
                return "not_allowed"
        new = NewAcknowledgement(
            order_id=order.order_id,
            person_id=person_id,
            signer_id=request.caller.person_id,
            told=told,
            choice=record.choice,
            done=record.done,
            photo=record.photo_hash != NOTHING,
            text_seq=order.texts[record.text_hash],
            created_ms=record.created,
            received_ms=self._now_ms,
            first_created_ms=record.created,
            first_received_ms=self._now_ms,
            record=given.data,
            answer=given.answer,
            sealed_photo=given.photo,
            keeps_answer=given.answer is None and record.answer_hash != NOTHING,
            keeps_photo=given.photo is None and record.photo_hash != NOTHING,
        )
        if best is not None and best.record == given.data:
            return "counted"
        if not new.counted.beats(best):
            return "superseded"
        # The person's own record names answer and photo, which the word of somebody else would end.
        if told and best is not None and not best.told and best.acknowledges(order.asked_seq):
            return "superseded"
        if given.photo is not None and not self._is_own(given.photo, request):
            return "photo_missing"
        created_ms, received_ms = rules.first_times(new.counted, best, order.asked_seq)
        new = replace(new, first_created_ms=created_ms, first_received_ms=received_ms)
        if (earlier := self._put.get(key)) is not None:
            new = new.after(earlier)
        self._best[key] = new.counted
        self._put[key] = new
        self._by[key] = request.caller.client_id
        return "counted"

    def _is_own(self, photo: wire.SealedPhoto, request: _ReadRequest) -> bool:
        """Return whether a photo is complete, and was uploaded by this person for this order."""
        own = request.caller.person_id, request.order_id
        return self._complete.get(AttachmentId(photo.attachment_id)) == own

    def _announce(self, orders: dict[MessageId, KnownOrder]) -> None:
        people: dict[MessageId, dict[PersonId, ClientId]] = {}
        for (order_id, person_id), client_id in self._by.items():
            people.setdefault(order_id, {})[person_id] = client_id
        for order_id, by in people.items():
            self._connection.after_commit(
                AcknowledgedWakeup(
                    conversation_id=ConversationId(orders[order_id].conversation_id),
                    order_id=order_id,
                    people=by,
                )
            )
