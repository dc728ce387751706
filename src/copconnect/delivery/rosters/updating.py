"""Brings membership and devices of some people up to date in some conversations, with one head for
each. Many small conversations cost as many statements as one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Later
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.ports import Belonging
from copconnect.delivery.rosters import name_locks
from copconnect.delivery.rosters.change import RosterEdit, change_rosters
from copconnect.delivery.rosters.drawing import barred_of, difference, issuers_of
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.rules.membership import has_admins
from copconnect.delivery.store import audiences, conversations, leaves, members
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.members import NewMember
from copconnect.ids import ConversationId, PersonId

PeopleByConversation = Mapping[ConversationId, Collection[PersonId]]


@dataclass(slots=True)
class _Edits:
    """Rows of members that change, by conversation."""

    add: dict[ConversationId, list[NewMember]] = field(default_factory=dict)
    remove: dict[ConversationId, set[PersonId]] = field(default_factory=dict)
    admins: dict[ConversationId, dict[PersonId, bool]] = field(default_factory=dict)

    def about(self, c: ConversationId) -> RosterEdit:
        """Return what changes in a conversation, but for its leaves."""
        add = self.add.get(c, [])
        remove = self.remove.get(c, set())
        people = {*(one.person_id for one in add), *remove, *self.admins.get(c, {})}
        return RosterEdit(members=len(add) - len(remove), info=bool(people), people=people)


async def update_people(
    deps: DeliveryDependencies, later: Later, people: PeopleByConversation
) -> None:
    """Bring these people up to date in these conversations, at most a chunk of them, in one
    transaction; to publish ``later`` notifies the devices."""
    everybody = sorted({person for own in people.values() for person in own})
    async with deps.database.transaction(later) as connection:
        await name_locks.share(connection, everybody)
        held = await conversations.hold(connection, sorted(people))
        if not held:
            return
        ids = [one.conversation_id for one in held]
        edits = await _follow(connection, deps, held, people)
        places: dict[ConversationId, dict[PersonId, tuple[bool, int]]] = {}
        for (c, person), place in (await members.places_of(connection, everybody, ids)).items():
            places.setdefault(c, {})[person] = place
        devices = await deps.devices.devices_of(connection, everybody)
        listed = await leaves.of_people(connection, everybody, ids)
        barred = await barred_of(connection, deps, everybody)
        changed: dict[ConversationId, RosterEdit] = {}
        for one in held:
            c = one.conversation_id
            about = set(people[c])
            belonging = {p: place for p, place in places.get(c, {}).items() if p in about}
            there = [leaf for leaf in listed.get(c, []) if leaf.leaf.person_id in about]
            found = difference(one, belonging, devices, there, barred)
            edit = replace(edits.about(c), leaves=found, issuers=issuers_of(there))
            if not found.empty or edit.info or edit.issuers or one.is_shut:
                changed[c] = edit
        changing = [one for one in held if one.conversation_id in changed]
        if changing:
            await change_rosters(connection, deps, changing, changed)


async def _follow(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    held: Collection[ConversationRow],
    people: PeopleByConversation,
) -> _Edits:
    """Write who of these people belongs by the data bank."""
    edits, now_ms = _Edits(), deps.clock.now_ms()
    rules = await audiences.rules_of(connection, [one.conversation_id for one in held])
    if not rules:
        return edits
    following = {one.conversation_id: one for one in held if one.conversation_id in rules}
    everybody = {person for c in following for person in people[c]}
    creators = {c: one.created_by for c, one in following.items()}
    belonging = await deps.organisation.belonging(connection, rules)
    wanted = await wanted_people(connection, deps, rules, belonging, creators, everybody)
    there: dict[ConversationId, dict[PersonId, bool]] = {c: {} for c in following}
    places = await members.places_of(connection, sorted(everybody), list(following))
    for (c, person), (admin, _) in places.items():
        there[c][person] = admin
    added: dict[ConversationId, set[PersonId]] = {}
    for c in following:
        about = set(people[c])
        should = {one: admin for one, admin in wanted.get(c, {}).items() if one in about}
        own = {one: admin for one, admin in there[c].items() if one in about}
        added[c] = should.keys() - own.keys()
        edits.remove[c] = own.keys() - should.keys()
        edits.admins[c] = {
            one: should[one] for one in should.keys() & own.keys() if should[one] != own[one]
        }
    await members.remove(connection, edits.remove, now_ms, None)
    returning = await members.former(connection, added)
    for c, one in following.items():
        edits.add[c] = [
            NewMember(
                person,
                wanted[c][person],
                history_from(one.kind, one.history_days, now_ms, returned=(c, person) in returning),
            )
            for person in sorted(added[c])
        ]
    await members.add(connection, edits.add, now_ms, None)
    await members.set_admin(connection, edits.admins)
    return edits


async def wanted_people(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    rules: Mapping[ConversationId, wire.Audience],
    belonging: Belonging,
    creators: Mapping[ConversationId, PersonId | None],
    people: Collection[PersonId],
) -> dict[ConversationId, dict[PersonId, bool]]:
    """Return which of these people belong to each conversation, with whether they are admins: the
    audience, and its creator while they manage its groups. A conversation to which none of
    them belongs is left out."""
    some = set(people)
    wanted = await belonging.of(connection, some)
    for c, creator in creators.items():
        if creator is None or creator not in some or wanted.get(c, {}).get(creator):
            continue
        if not has_admins(rules[c]):
            continue
        if await deps.organisation.manages_audience(connection, creator, rules[c]):
            wanted.setdefault(c, {})[creator] = True
    return wanted
