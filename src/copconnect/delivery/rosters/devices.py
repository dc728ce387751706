"""People's devices were confirmed, revoked or are others: rosters list what may be listed (E2).

Runs in the transaction of the role that changed the devices. Urgent changes come first: a revoked
device, or one of a suspended person, is out of every roster when that transaction commits, and
messages under keys that the device may have are refused from then on (D6). The rest follows at once
in conversations of up to 256 devices whose people are chosen by hand, and with the next batch
elsewhere (following.py): its people become pending in the same transaction, so a crash loses none.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction, chunks
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import name_locks
from copconnect.delivery.rosters.change import RosterEdit, change_rosters
from copconnect.delivery.rosters.drawing import MemberTerms, barred_of, difference
from copconnect.delivery.rules.rights import Barred
from copconnect.delivery.rules.roster_plan import LeafEdit, PlacedLeaf
from copconnect.delivery.store import audiences, conversations, leaves, members, pending
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import ListedDevice


@dataclass(frozen=True, slots=True)
class _ListingDifference:
    """Conversations of some people, the devices that may be listed for them, and the listed
    devices."""

    places: Mapping[tuple[ConversationId, PersonId], MemberTerms]
    devices: Mapping[PersonId, list[ListedDevice]]
    listed: Mapping[ConversationId, list[PlacedLeaf]]
    barred: Barred

    def people_of(self, conversation_id: ConversationId) -> dict[PersonId, MemberTerms]:
        """Return the people who belong to a conversation, and how."""
        return {
            person: belonging for (c, person), belonging in self.places.items()
            if c == conversation_id
        }  # fmt: skip

    def differing(self) -> dict[ConversationId, set[PersonId]]:
        """Return, by conversation, the people whose listed devices are wrong."""
        wanted: dict[ConversationId, dict[bytes, PersonId]] = {}
        for c, person in self.places:
            own = wanted.setdefault(c, {})
            own |= {one.device: person for one in self.devices.get(person, [])}
        found: dict[ConversationId, set[PersonId]] = {}
        for c in wanted.keys() | self.listed.keys():
            there = {one.leaf.device: one.leaf.person_id for one in self.listed.get(c, [])}
            should = wanted.get(c, {})
            people = {should[one] for one in should.keys() - there.keys()}
            people |= {there[one] for one in there.keys() - should.keys()}
            if people:
                found[c] = people
        return found

    def edit(self, held: ConversationRow) -> LeafEdit:
        """Return what brings a conversation's roster up to date."""
        people = self.people_of(held.conversation_id)
        devices = [one for person in people for one in self.devices.get(person, [])]
        listed = self.listed.get(held.conversation_id, [])
        return difference(held, people, devices, listed, self.barred)


class DeviceChanges:
    """Applies changes of devices to rosters. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    async def apply(
        self, connection: Transaction, person_ids: Collection[PersonId], *, urgent: bool
    ) -> None:
        """Do what ``DeliveryService.devices_changed`` says."""
        people = sorted(set(person_ids))
        if not people:
            return
        await name_locks.claim(connection, people)
        found = await self._read(connection, people)
        differing = found.differing()
        if not differing:
            return
        later = await self._later(connection, differing)
        dropping = {c for c in later if urgent and found.edit(later[c]).drop}
        at_once = sorted((differing.keys() - later.keys()) | dropping)
        for some in chunks(at_once):
            await self._apply_to(connection, some, people, later.keys())
        # After the conversations are held, in the order in which membership.py writes them.
        later_people = [(c, person) for c in later for person in differing[c]]
        await pending.add(connection, later_people, self._deps.clock.now_ms())

    async def _apply_to(
        self,
        connection: Transaction,
        conversation_ids: Collection[ConversationId],
        people: Collection[PersonId],
        later: Collection[ConversationId],
    ) -> None:
        held = await conversations.hold(connection, conversation_ids)
        # Again: a person may have left or come while the rows were awaited.
        found = await self._read(connection, people)
        edits: dict[ConversationId, RosterEdit] = {}
        for one in held:
            edit = found.edit(one)
            if one.conversation_id in later and not edit.drop:
                edit = LeafEdit()  # Somebody else took the device out meanwhile.
            edits[one.conversation_id] = RosterEdit(edit)
        await change_rosters(connection, self._deps, held, edits)

    async def _read(
        self, connection: AsyncConnection, people: Collection[PersonId]
    ) -> _ListingDifference:
        places = await members.places_of(connection, people)
        devices: dict[PersonId, list[ListedDevice]] = {}
        for one in await self._deps.devices.devices_of(connection, people):
            devices.setdefault(one.person_id, []).append(one)
        barred = await barred_of(connection, self._deps, people)
        return _ListingDifference(
            places, devices, await leaves.of_people(connection, people), barred
        )

    async def _later(
        self, connection: AsyncConnection, conversation_ids: Iterable[ConversationId]
    ) -> dict[ConversationId, ConversationRow]:
        """Return those of these conversations whose changes are gathered."""
        found: dict[ConversationId, ConversationRow] = {}
        for some in chunks(sorted(conversation_ids)):
            followed = await audiences.followed(connection, some)
            for one in await conversations.read(connection, some):
                if one.devices > wire.CELL_SIZE or one.conversation_id in followed:
                    found[one.conversation_id] = one
        return found
