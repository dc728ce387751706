"""The post that a row of the data bank means. Pure.

A post is named by its unit, its English title, its roles and whether its holder heads the unit: the
same facts mean the stored post, and a post that is not there yet is made. The title in another
language is the first that the rows of a file give; an empty one leaves the stored title as it is,
but a row of the table of posts says all of them.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from copconnect import wire
from copconnect.directory import names
from copconnect.directory.databank import DataBank
from copconnect.directory.names import RowValues
from copconnect.directory.postings.keys import PostKey
from copconnect.ids import PostId, UnitId

NAMES = names.columns("post")


@dataclass(slots=True)
class PostChanges:
    """Rows of posts to insert, and to write again: with other titles, or of posts that had been
    abolished. ``before``: the stored rows of the latter. ``abolished``: posts that go with their
    unit, as they were."""

    insert: list[RowValues] = field(default_factory=list)
    update: list[RowValues] = field(default_factory=list)
    before: list[RowValues] = field(default_factory=list)
    abolished: list[RowValues] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.insert or self.update or self.abolished)

    @property
    def opened(self) -> list[PostId]:
        """The posts that are there now and were not before."""
        again = [row for row in self.before if row["abolished_ms"] is not None]
        return [row["post_id"] for row in (*self.insert, *again)]

    @property
    def replaced(self) -> list[RowValues]:
        """The rows, as they were, of posts that were there and are changed or abolished."""
        rows = (*self.before, *self.abolished)
        return [row for row in rows if row["abolished_ms"] is None]

    @property
    def touched(self) -> list[PostId]:
        """All of these posts."""
        return [row["post_id"] for row in (*self.insert, *self.update, *self.abolished)]

    @property
    def renamed(self) -> dict[PostId, RowValues]:
        """The titles of the posts that get other ones."""
        return {
            new["post_id"]: {name: new[name] for name in NAMES}
            for new, old in zip(self.update, self.before, strict=True)
            if any(new[name] != old[name] for name in NAMES)
        }


def role_column(roles: Iterable[str]) -> str:
    """Return roles as a row has them: a space on both sides of each code."""
    return " " + "".join(f"{role} " for role in roles)


def key_of(row: Mapping[str, Any]) -> PostKey:
    """Return what names a stored post."""
    roles = frozenset(row["roles"].split())
    return PostKey(UnitId(row["unit_id"]), row["post_en"], roles, row["head"])


def post_id(key: PostKey, taken: Collection[PostId]) -> PostId:
    """Return the id of a new post: the same on every node that makes it. ``taken``: the ids that
    posts have, one of which may have been named so before it moved."""
    text = "\0".join((key.unit, key.title, " ".join(sorted(key.roles)), str(key.head)))
    at = 0
    while True:
        content = f"copconnect post v1\0{text}\0{at}".encode()
        made = PostId(hashlib.sha256(content).hexdigest()[:32])
        if made not in taken:
            return made
        at += 1


class Naming:
    """Finds the posts that rows mean among the stored ones, and plans the missing ones."""

    def __init__(self, stored: Iterable[RowValues]) -> None:
        self._stored: dict[PostId, RowValues] = {}
        self._by_key: dict[PostKey, PostId] = {}
        for row in stored:
            known = PostId(row["post_id"])
            self._stored[known] = row
            named = self._by_key.setdefault(key_of(row), known)
            if self._stored[named]["abolished_ms"] is not None:
                self._by_key[key_of(row)] = known
        self._planned: dict[PostKey, RowValues] = {}
        self.held: list[RowValues] = []

    def plan(self, bank: DataBank) -> PostChanges:
        """Return the changes of posts that a data bank makes; ``held`` has the post of each of its
        people then, in their order."""
        for post in bank.posts:
            row = self._row(post.key, post.roles)
            self._planned[post.key] = row | names.row(post.names, "post")
        told = {post.key for post in bank.posts}
        said: dict[PostKey, set[str]] = {}
        for person in bank.people:
            key = person.post_key
            if key not in self._planned:
                self._planned[key] = self._row(key, person.roles)
            row = self._planned[key]
            self.held.append(row)
            if key in told:
                continue
            done = said.setdefault(key, set())
            for column, title in zip(NAMES, names.spellings(person.post), strict=True):
                if title and column not in done:
                    row[column] = title
                    done.add(column)
        changes = PostChanges()
        for row in self._planned.values():
            old = self._stored.get(row["post_id"])
            if old is None:
                changes.insert.append(row)
            elif old != row:
                changes.update.append(row)
                changes.before.append(old)
        return changes

    def one(
        self, key: PostKey, title: wire.Names, roles: Iterable[str]
    ) -> tuple[RowValues, RowValues | None]:
        """Return the row of one post as it shall be, and as it is stored, if it is."""
        row = self._row(key, roles)
        stored = self._stored.get(row["post_id"])
        return (row | names.row(title, "post") if stored is None else row), stored

    def _row(self, key: PostKey, roles: Iterable[str]) -> RowValues:
        known = self._by_key.get(key)
        if known is not None:
            return self._stored[known] | {"abolished_ms": None}
        return {
            "post_id": post_id(key, self._stored.keys()),
            "unit_id": key.unit,
            **dict.fromkeys(NAMES, ""),
            "post_en": key.title,
            "roles": role_column(roles),
            "head": key.head,
            "abolished_ms": None,
        }
