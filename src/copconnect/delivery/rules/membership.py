"""Rules about who may change members, and about what a change really changes. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from copconnect import errors, wire
from copconnect.ids import PersonId


@dataclass(frozen=True, slots=True)
class MembershipPlan:
    """The real effect of a ChangeMembers: the changes that are left after dropping what is already
    so."""

    add: tuple[PersonId, ...]
    remove: tuple[PersonId, ...]
    make_admin: tuple[PersonId, ...]
    revoke_admin: tuple[PersonId, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.add or self.remove or self.make_admin or self.revoke_admin)


def has_admins(rule: wire.Audience) -> bool:
    """Return whether the conversation of an audience has admins: none if a clause names
    posts and no units."""
    return all(clause.units or not clause.posts for clause in rule.include)


def plan_members(
    change: wire.ChangeMembers,
    kind: wire.ConversationKind,
    members: Mapping[PersonId, bool],
    caller: PersonId,
) -> MembershipPlan:
    """Return the effective change. ``members`` maps each member to whether they are an admin.

    Raises NotMember, NotAdmin, LastAdmin or BadRequest.
    """
    if caller not in members:
        raise errors.NotMember
    if kind != "group":
        raise errors.BadRequest(reason=f"members of a {kind} conversation do not change by hand")
    add, remove = _people(change.add), _people(change.remove)
    promote, demote = _people(change.make_admin), _people(change.revoke_admin)
    leaving = remove == {caller} and not (add or promote or demote)
    if not leaving and not members[caller]:
        raise errors.NotAdmin
    if add & remove or promote & demote or promote & remove:
        raise errors.BadRequest(reason="contradicts itself")
    after = {p: a for p, a in members.items() if p not in remove}
    added = add - after.keys()
    after |= dict.fromkeys(added, False)
    if not (promote | demote) <= after.keys() | remove:
        raise errors.BadRequest(reason="admins must be members")
    promoted = {p for p in promote if not after[p]}
    demoted = {p for p in demote if after.get(p)}
    admins = ({p for p, a in after.items() if a} | promoted) - demoted
    if after and not admins:
        raise errors.LastAdmin
    return MembershipPlan(
        add=tuple(sorted(added)),
        remove=tuple(sorted(remove & members.keys())),
        make_admin=tuple(sorted(promoted)),
        revoke_admin=tuple(sorted(demoted)),
    )


def others_of(caller: PersonId, body: wire.CreateConversation) -> list[PersonId]:
    """Return the other people of a direct conversation or group that shall be created, checked.

    None for a person's direct conversation with oneself (R10)."""
    if body.kind not in ("direct", "group") or body.audience is not None or not body.person_ids:
        raise errors.BadRequest(reason=f"a {body.kind} conversation needs people")
    people = sorted({PersonId(one) for one in body.person_ids})
    if body.kind == "direct" and people == [caller]:
        people = []
    elif caller in people:
        raise errors.BadRequest(reason="person_ids includes the caller")
    if body.kind == "direct" and len(people) > 1:
        raise errors.BadRequest(reason="a direct conversation has one other person")
    allowed = (None,) if body.kind == "direct" else (0, 30)
    if body.history_days not in allowed:
        raise errors.BadRequest(reason="history_days")
    if body.kind == "direct" and body.who_may_send != "everyone":
        raise errors.BadRequest(reason="who_may_send")
    return people


def rule_of(body: wire.CreateConversation) -> wire.Audience:
    """Return the audience of a conversation that shall follow the data bank, checked."""
    rule = body.audience
    if rule is None or body.kind not in ("unit", "announcement"):
        raise errors.BadRequest(reason=f"an audience and a {body.kind} conversation do not go")
    if body.person_ids:
        raise errors.BadRequest(reason="an audience names its people")
    if body.history_days is None:
        raise errors.BadRequest(reason="history_days")
    return rule


def _people(ids: Iterable[str]) -> set[PersonId]:
    return {PersonId(one) for one in ids}
