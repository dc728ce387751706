"""Standing groups: the conversations that the department's policy makes, and no officer.

The policy and the units say which groups there are; a group's id is made of its key, so that every
node makes the same. A group begins once two people belong; one that the policy makes no longer
loses its people and keeps its log, and begins again under its key if the policy makes it again.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import ConversationWakeup
from copconnect.database.engine import Later, chunks
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import name_locks
from copconnect.delivery.rosters.conversations import apply_who_may_send, found
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.store import audiences, conversations
from copconnect.delivery.store.audiences import AudienceRow
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.members import NewMember
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import StandingGroup

FEWEST_PEOPLE = 2
_NOBODY = wire.Audience(include=[])
# The groups that begin in one transaction, and their people.
_GROUPS_AT_ONCE = 200
_PEOPLE_AT_ONCE = 4_000


def standing_id(key: str) -> ConversationId:
    """Return the id of the group with this key."""
    return ConversationId(
        hashlib.sha256(b"copconnect standing v1\0" + key.encode()).hexdigest()[:32]
    )


@dataclass(slots=True)
class Groups:
    """The conversations that follow the data bank, but those with posts, and the groups of the
    policy that are not there yet. ``changed``: stored ones whose rule or name is another now;
    ``sending``: where others may send now; ``creators``: who made each, None for the department."""

    rules: dict[ConversationId, wire.Audience] = field(default_factory=dict)
    new: dict[ConversationId, StandingGroup] = field(default_factory=dict)
    changed: dict[ConversationId, AudienceRow] = field(default_factory=dict)
    sending: dict[ConversationId, wire.WhoMaySend] = field(default_factory=dict)
    creators: Mapping[ConversationId, PersonId | None] = field(default_factory=dict)

    @property
    def all_rules(self) -> dict[ConversationId, wire.Audience]:
        """The rules of the existing conversations and of the new ones."""
        return self.rules | {c: one.rule for c, one in self.new.items()}


@dataclass(frozen=True, slots=True)
class _StoredGroups:
    """The groups that are stored, as of a version. ``sending``: who may send in each."""

    version: int
    followed: Mapping[ConversationId, AudienceRow]
    sending: Mapping[ConversationId, wire.WhoMaySend]
    creators: Mapping[ConversationId, PersonId | None]


class KnownGroups:
    """The stored groups in memory, read again when one of them has changed."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps
        self._stored: _StoredGroups | None = None

    async def read(self, connection: AsyncConnection) -> Groups:
        """Return the groups as the policy has them now."""
        stored = await self._read_stored(connection)
        wanted = await self._deps.organisation.standing_groups(connection)
        groups = Groups(new={standing_id(one.standing.key or ""): one for one in wanted})
        groups.creators = stored.creators
        for c, followed in stored.followed.items():
            should = followed
            if followed.standing is not None and followed.standing.key is not None:
                group = groups.new.pop(c, None)
                if group is None:
                    should = AudienceRow(_NOBODY, followed.standing)
                else:
                    should = AudienceRow(group.rule, group.standing)
                    if stored.sending[c] != group.policy.who_may_send:
                        groups.sending[c] = group.policy.who_may_send
            if should != followed:
                groups.changed[c] = should
            groups.rules[c] = should.rule
        return groups

    async def _read_stored(self, connection: AsyncConnection) -> _StoredGroups:
        version = await audiences.groups_version(connection)
        if self._stored is None or self._stored.version != version:
            followed = await audiences.groups(connection)
            about = await conversations.sending_and_creators(connection, list(followed))
            self._stored = _StoredGroups(
                version,
                followed,
                {c: who for c, (who, _) in about.items()},
                {c: creator for c, (_, creator) in about.items()},
            )
        return self._stored


async def write_changed(deps: DeliveryDependencies, later: Later, groups: Groups) -> None:
    """Store other rules and names, and who may send. Members of groups of one cell are notified;
    others see the new name when they read the conversation next."""
    async with deps.database.transaction(later) as connection:
        await audiences.change(connection, groups.changed)
        ids = sorted(groups.changed)
        await conversations.change(
            connection, [{"conversation_id": c, "info_number": 1} for c in ids]
        )
        for some in chunks(ids):
            for one in await conversations.read(connection, some):
                if one.cells <= 1:
                    wakeup = ConversationWakeup(conversation_id=one.conversation_id, person_ids=[])
                    connection.after_commit(wakeup)
    for c, who in sorted(groups.sending.items()):
        async with deps.database.transaction(later) as connection:
            held = await conversations.hold_one(connection, c)
            await apply_who_may_send(connection, deps, replace(held, who_may_send=who))


async def begin(
    deps: DeliveryDependencies,
    later: Later,
    groups: Mapping[ConversationId, StandingGroup],
    people: Mapping[ConversationId, Mapping[PersonId, bool]],
) -> None:
    """Make those of these groups that have enough people. ``people``: all of each, with whether
    they are admins."""
    enough = [c for c in groups if len(people.get(c, {})) >= FEWEST_PEOPLE]
    for some in _batches(enough, people):
        await _begin(deps, later, {c: groups[c] for c in some}, people)


def _batches(
    groups: Iterable[ConversationId], people: Mapping[ConversationId, Collection[PersonId]]
) -> Iterable[list[ConversationId]]:
    batch: list[ConversationId] = []
    size = 0
    for c in groups:
        if batch and (size + len(people[c]) > _PEOPLE_AT_ONCE or len(batch) == _GROUPS_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(c)
        size += len(people[c])
    if batch:
        yield batch


async def _begin(
    deps: DeliveryDependencies,
    later: Later,
    groups: Mapping[ConversationId, StandingGroup],
    people: Mapping[ConversationId, Mapping[PersonId, bool]],
) -> None:
    now_ms = deps.clock.now_ms()
    async with deps.database.transaction(later) as connection:
        await name_locks.share(connection, sorted({one for c in groups for one in people[c]}))
        new: dict[ConversationRow, list[NewMember]] = {}
        for c, group in groups.items():
            held = ConversationRow.new(_creating(c, group), None, deps.options.kem)
            if not await conversations.add(connection, held, now_ms):
                continue  # Another node made it.
            from_ms = history_from(held.kind, held.history_days, now_ms, returned=False)
            new[held] = [
                NewMember(person, admin, from_ms) for person, admin in sorted(people[c].items())
            ]
        made = {held.conversation_id for held in new}
        await audiences.add(
            connection,
            {c: AudienceRow(one.rule, one.standing) for c, one in groups.items() if c in made},
        )
        if new:
            await found(connection, deps, new, None)


def _creating(c: ConversationId, group: StandingGroup) -> wire.CreateConversation:
    return wire.CreateConversation(
        conversation_id=c,
        kind=group.policy.kind,
        person_ids=[],
        who_may_send=group.policy.who_may_send,
        history_days=group.policy.history_days,
        audience=group.rule,
    )
