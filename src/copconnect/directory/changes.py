"""Compares a data bank with what is stored. Pure.

Invariants: a suspended person stays suspended unless the file says ``active``; a removed person
who is in the file again is active again; people who are missing from the file
change only on request.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from copconnect import wire
from copconnect.directory import names, rules
from copconnect.directory.databank import DataBank, PersonRow
from copconnect.directory.finding import words as finding
from copconnect.directory.names import RowValues
from copconnect.directory.postings.naming import NAMES, Naming, PostChanges
from copconnect.ids import PersonId, UnitId

# The columns that a person's row takes from the post, and all but the derived ones.
_OF_POST = ("post_id", "unit_id", *NAMES, "roles", "head")
_PERSON = (
    *("person_id", "code", *names.columns("name"), "number", "rank"),
    *_OF_POST,
    "status",
)
LossReason = Literal["suspended", "removed"]


@dataclass(slots=True)
class PeopleChanges:
    """Rows to insert and update, by person, and what happened to whom."""

    insert: list[RowValues] = field(default_factory=list)
    update: list[RowValues] = field(default_factory=list)
    moved: set[PersonId] = field(default_factory=set)
    reposted: set[PersonId] = field(default_factory=set)  # Another post, in the unit or elsewhere.
    returned: set[PersonId] = field(default_factory=set)  # Removed before, and there again.
    suspended: set[PersonId] = field(default_factory=set)
    restored: set[PersonId] = field(default_factory=set)
    removed: set[PersonId] = field(default_factory=set)
    # Not in the file: their post alone has another title.
    followed: set[PersonId] = field(default_factory=set)
    posts: PostChanges = field(default_factory=PostChanges)
    unchanged: int = 0

    def __bool__(self) -> bool:
        return bool(self.insert or self.update or self.removed or self.posts)

    def summary(self) -> dict[str, int]:
        """Return how many people were added, changed, moved and so on."""
        return {
            "added": len(self.insert),
            "changed": len(self.update),
            "moved": len(self.moved),
            "suspended": len(self.suspended),
            "restored": len(self.restored),
            "removed": len(self.removed),
            "posts": len(self.posts.insert) + len(self.posts.update),
            "unchanged": self.unchanged,
        }

    @property
    def leaving_place(self) -> set[PersonId]:
        """The people who leave their post: they get another one or are removed."""
        return (self.reposted - self.returned) | self.removed

    @property
    def taking_place(self) -> set[PersonId]:
        """The stored people who take a post now."""
        return self.reposted | self.returned

    @property
    def lost(self) -> dict[PersonId, LossReason]:
        """The people who must be signed out, and why."""
        lost: dict[PersonId, LossReason] = dict.fromkeys(self.suspended, "suspended")
        return lost | dict.fromkeys(self.removed, "removed")


def unit_rows(bank: DataBank) -> list[RowValues]:
    """Return the rows of the file's units."""
    paths = rules.unit_paths({unit.code: unit.parent for unit in bank.units})
    return [
        {
            "unit_id": unit.code,
            "parent_id": unit.parent,
            "level": unit.level,
            **names.row(unit.names),
            "path": paths[unit.code],
            "position": position,
        }
        for position, unit in enumerate(bank.units)
    ]


def vocabulary_rows(bank: DataBank) -> dict[str, list[RowValues]]:
    """Return the rows of levels (top first), ranks (junior first) and roles."""
    return {
        name: [
            {
                "code": term.code,
                **names.row(term.names),
                "position": position,
            }
            for position, term in enumerate(getattr(bank, name), 1)
        ]
        for name in ("levels", "ranks", "roles")
    }


@dataclass(frozen=True, slots=True)
class OrganisationWords:
    """The organisation's part in a person's row: names and paths of units, and seniority of ranks
    (1 for the most junior)."""

    units: Mapping[UnitId, tuple[wire.Names, str]]
    seniority: Mapping[str, int]

    def of(self, person: PersonRow) -> tuple[tuple[wire.Names, str] | None, int | None]:
        """Return what they add to this person's row."""
        return self.units.get(person.unit), self.seniority.get(person.rank)


def words(bank: DataBank) -> OrganisationWords:
    """Return the words of a data bank."""
    paths = rules.unit_paths({unit.code: unit.parent for unit in bank.units})
    return OrganisationWords(
        {unit.code: (unit.names, paths[unit.code]) for unit in bank.units},
        {term.code: position for position, term in enumerate(bank.ranks, 1)},
    )


def stored_words(units: Iterable[Any], ranks: Iterable[Any]) -> OrganisationWords:
    """Return the words of stored rows."""
    return OrganisationWords(
        {row.unit_id: (names.of(row), row.path) for row in units},
        {row.code: row.position for row in ranks},
    )


def _said(person: PersonRow, post: RowValues) -> RowValues:
    """Return the columns that a file says itself, but the status, with those of the post."""
    return {
        "person_id": person.person_id,
        "code": person.code,
        **names.row(person.names),
        "number": person.number,
        "rank": person.rank,
        **{column: post[column] for column in _OF_POST},
    }


def derive(row: RowValues, words: OrganisationWords) -> RowValues:
    """Return the words that find a person, and the sort key. ``row``: what a person's row and the
    post's have."""
    unit_id, title = UnitId(row["unit_id"]), names.read(row, "post")
    unit = words.units.get(unit_id)
    others, path = ([title], "") if unit is None else ([title, unit[0]], unit[1])
    roles, person_names = row["roles"].split(), names.read(row)
    place = finding.UnitRankRoles(unit_id, path, row["rank"], roles)
    seniority = words.seniority.get(row["rank"]) or 0
    return {
        "words": finding.person_words(person_names, others, row["number"], row["code"], place),
        "sort_key": rules.sort_key(seniority, person_names.en, row["person_id"]),
    }


def compare(
    bank: DataBank,
    stored: Mapping[PersonId, RowValues],
    posts: Iterable[RowValues],
    former: OrganisationWords,
    *,
    remove_missing: bool,
    leaving_units: Collection[UnitId] | None = None,
) -> PeopleChanges:
    """Return what the file changes. ``stored`` are the rows by person, ``posts`` those of posts,
    ``former`` the words that they were made with: folding text is most of the work, and nearly
    everybody stays as they are. ``leaving_units``: units whose people leave where the file lacks
    them; None: all.
    """
    result = PeopleChanges()
    now, naming = words(bank), Naming(posts)
    result.posts = naming.plan(bank)
    for person, post in zip(bank.people, naming.held, strict=True):
        row = _said(person, post)
        old = stored.get(person.person_id)
        row["status"] = _status(person.status, old)
        same_words = former.of(person) == now.of(person)
        if old is not None and same_words and row.items() <= old.items():
            result.unchanged += 1
            continue
        row |= derive(row, now)
        if old is None:
            result.insert.append(row)
            continue
        result.update.append(row)
        _classify(result, person.person_id, old, row)
    named = {person.person_id for person in bank.people} | bank.refused
    for person_id, old in stored.items():
        missing = remove_missing and person_id not in named
        if missing and leaving_units is not None:
            missing = old["unit_id"] in leaving_units
        gone = person_id in bank.gone or missing
        if gone and old["status"] != "removed":
            result.removed.add(person_id)
    _follow_titles(result, stored, named | bank.gone, now)
    return result


def _follow_titles(
    result: PeopleChanges,
    stored: Mapping[PersonId, RowValues],
    named: Collection[PersonId],
    words: OrganisationWords,
) -> None:
    """Others who hold a post that gets another title are found by it."""
    renamed = result.posts.renamed
    for person_id, old in stored.items() if renamed else ():
        title = renamed.get(old["post_id"])
        if title is None or person_id in named or old["status"] == "removed":
            continue
        if person_id not in result.removed:
            row = {column: old[column] for column in _PERSON} | title
            result.followed.add(person_id)
            result.update.append(row | derive(row, words))


def _status(given: str | None, old: RowValues | None) -> str:
    if given is not None:
        return given
    return "suspended" if old is not None and old["status"] == "suspended" else "active"


def _classify(result: PeopleChanges, person_id: PersonId, old: RowValues, new: RowValues) -> None:
    if old["post_id"] != new["post_id"]:
        result.reposted.add(person_id)
    if old["unit_id"] != new["unit_id"]:
        result.moved.add(person_id)
    if old["status"] == "removed" and new["status"] != "removed":
        result.returned.add(person_id)
    if old["status"] == "active" and new["status"] == "suspended":
        result.suspended.add(person_id)
    elif old["status"] != "active" and new["status"] == "active":
        result.restored.add(person_id)


def number_clashes(
    bank: DataBank, stored: Mapping[PersonId, RowValues], removed: Collection[PersonId]
) -> list[tuple[str, str]]:
    """Return (code, number) of people in the file whose number somebody keeps who is not in it."""
    named = {person.person_id for person in bank.people}
    kept = {
        row["number"]
        for person_id, row in stored.items()
        if person_id not in named and person_id not in removed and row["status"] != "removed"
    }
    return [(person.code, person.number) for person in bank.people if person.number in kept]
