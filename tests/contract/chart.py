"""People's units and posts for tests of the Delivery Service, in memory, and what the department's
policy makes of them."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.delivery.store.tables import MEMBERS
from copconnect.directory import audiences, standing
from copconnect.directory.audiences import AudienceIndex, Facts, PlacedPost, Speakers
from copconnect.directory.names import english
from copconnect.ids import ConversationId, PersonId, PostId, UnitId
from copconnect.principals import PostToAsk, StandingGroup

# Heads write where not everybody may, in their unit and below.
HEADS = Speakers(here=(), below=(wire.Clause(heads=True),))


def post_of(unit: str, roles: Sequence[str] = (), *, head: bool = False) -> PostId:
    """Return the id of a post of the chart."""
    return PostId(hashlib.sha256(f"{unit} {roles} {head}".encode()).hexdigest()[:32])


class Chart:
    """People in units such as "TG.HYD", which is below "TG"; the policy of standing groups."""

    def __init__(self) -> None:
        self.facts: dict[PersonId, Facts] = {}
        self.policy: list[wire.GroupPolicy] = []
        self.asked: list[set[PersonId]] = []  # About whom many audiences were read.
        self.compiled: set[ConversationId] = set()  # The conversations whose rules were read.
        self.changed: dict[PersonId, int] = {}  # The version that last concerned each.
        self.version = 1
        self.units = {UnitId("TG"): "/TG/"}
        self.posts: dict[PostId, PostToAsk] = {}
        self.managed: dict[
            PersonId, set[PersonId]
        ] = {}  # Members of large groups that each may make.

    def post(
        self,
        person_id: PersonId,
        *units: str,
        admin: bool = False,
        roles: Sequence[str] = (),
        rank: str = "PC",
    ) -> None:
        """Transfer somebody, or take them in."""
        places = [self._place(unit, admin, roles) for unit in units]
        self.facts[person_id] = Facts(person_id, rank, tuple(places))
        self.concern(person_id)

    def _place(self, unit: str, admin: bool, roles: Sequence[str]) -> PlacedPost:
        parts = unit.split(".")
        above = [UnitId(".".join(parts[: at + 1])) for at in range(len(parts))]
        for at, one in enumerate(above, 1):
            self.units[one] = f"/{'/'.join(above[:at])}/"
        level = ("state", "district", "station")[min(len(parts), 3) - 1]
        unit_id = UnitId(unit)
        post_id = post_of(unit, roles, head=admin)
        self.posts[post_id] = PostToAsk(english(f"{' '.join(roles)} of {unit}"), unit_id)
        return PlacedPost(post_id, unit_id, self.units[unit_id], level, frozenset(roles), admin)

    def leave(self, person_id: PersonId) -> None:
        """Let somebody go."""
        del self.facts[person_id]
        self.concern(person_id)

    def concern(self, *people: PersonId) -> None:
        """Let the version rise, for these people."""
        self.version += 1
        self.changed |= dict.fromkeys(people, self.version)

    def found_by(self, text: str) -> Select[tuple[str, str]]:
        """Find members by what their ids begin with; listed by id."""
        person = MEMBERS.c.person_id
        return select(person, person.label("sort_key")).where(person.startswith(text)).distinct()

    async def posts_to_ask(
        self, _connection: AsyncConnection, post_ids: Collection[PostId]
    ) -> dict[PostId, PostToAsk]:
        """Return those of these posts that somebody holds or held."""
        return {one: self.posts[one] for one in post_ids if one in self.posts}

    async def head_above(
        self, _connection: AsyncConnection, unit_id: UnitId, but: PostId
    ) -> tuple[PostId, PersonId] | None:
        """Return the nearest head."""
        for unit in reversed(self.units[unit_id].strip("/").split("/")):
            for person, facts in self.facts.items():
                for place in facts.places:
                    if place.head and place.unit_id == unit and place.post_id != but:
                        return place.post_id, person
        return None

    async def people_version(self, _connection: AsyncConnection) -> int:
        """Return it."""
        return self.version

    async def changed_since(self, _connection: AsyncConnection, version: int) -> list[PersonId]:
        """Return who changed."""
        return [one for one, at in self.changed.items() if at > version]

    async def audience(
        self, _connection: AsyncConnection, rule: wire.Audience
    ) -> dict[PersonId, bool]:
        """Return who belongs, and who administers."""
        compiled = AudienceIndex.compile({"": rule}, self.units, HEADS)
        return {one: admin for one in self.facts for admin in compiled.of(self.facts[one]).values()}

    async def posts_of(
        self, _connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PostId]:
        """Return the posts that these people hold."""
        facts = [self.facts[one] for one in person_ids if one in self.facts]
        return {place.post_id for one in facts for place in one.places}

    async def belonging(
        self, _connection: AsyncConnection, rules: Mapping[ConversationId, wire.Audience]
    ) -> "ChartBelonging":
        """Return many rules."""
        self.compiled |= rules.keys()
        return ChartBelonging(self, AudienceIndex.compile(rules, self.units, HEADS))

    async def standing_groups(self, _connection: AsyncConnection) -> list[StandingGroup]:
        """Return what the policy makes."""
        units = [
            wire.Unit(
                unit_id=unit,
                parent_id=None,
                level=("state", "district", "station")[unit.count(".")],
                names=english(unit),
            )
            for unit in self.units
        ]
        return standing.expand(self.policy, units)

    async def manages_audience(
        self, _connection: AsyncConnection, person_id: PersonId, rule: wire.Audience
    ) -> bool:
        """Return whether they lead all of it."""
        return self._heads_all(person_id, audiences.touched(rule, self.units) or [])

    async def manages_people(
        self, _connection: AsyncConnection, person_id: PersonId, people: Collection[PersonId]
    ) -> bool:
        """Return whether a test says so."""
        return self.managed.get(person_id, set()).issuperset(people)

    async def units_above(self, _connection: AsyncConnection, person_id: PersonId) -> list[UnitId]:
        """Return the units of a person's first place."""
        facts = self.facts.get(person_id)
        path = facts.places[0].path if facts else ""
        return [UnitId(one) for one in path.strip("/").split("/")]

    def _heads_all(self, person_id: PersonId, paths: Collection[str]) -> bool:
        facts = self.facts.get(person_id)
        headed = [one.path.strip("/") for one in facts.places if one.head] if facts else []
        return bool(paths) and all(
            any(f"{path}/".startswith(f"{one}/") for one in headed) for path in paths
        )

    async def require_valid(self, _connection: AsyncConnection, rule: wire.Audience) -> None:
        """Refuse clauses that ask for nothing."""
        reason = audiences.problem(rule)
        if reason is not None:
            raise errors.AudienceInvalid(reason=reason)


@dataclass(frozen=True)
class ChartBelonging:
    """Many audiences of a chart."""

    chart: Chart
    audiences: AudienceIndex[ConversationId]

    async def of(
        self, _connection: AsyncConnection, people: Collection[PersonId]
    ) -> dict[ConversationId, dict[PersonId, bool]]:
        """Return to which these people belong."""
        self.chart.asked.append(set(people))
        found: dict[ConversationId, dict[PersonId, bool]] = {}
        for person in people:
            if person in self.chart.facts:
                for key, admin in self.audiences.of(self.chart.facts[person]).items():
                    found.setdefault(key, {})[person] = admin
        return found
