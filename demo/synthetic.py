"""Writes a synthetic data bank: the real units of Telangana, invented people. Pure.

The same count and seed give the same bytes on every machine and Python version (only
``Random.random`` is used, whose sequence Python promises to keep). Numbers run upwards from
+91 70000 00000: valid in form, given to nobody on purpose; a demo server sends no SMS. Posts are
filled in order of ``ORDER``, so that even a small force has a whole chain of command and one full
station.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from importlib.resources import files
from random import Random
from typing import Any, TypeVar

from copconnect import wire
from copconnect.directory import columns

FIRST_NUMBER = 7_000_000_000
SMALLEST = 20
LARGEST = 200_000
SHOWN_STATION = "TG-HYD-PS001"  # Charminar: the station that a demo signs in to.
SHOWN_CHAIN = ("TG-HYD-Z1-D1", "TG-HYD-Z1")  # Its ACP and DCP.
SHOWN_COMMISSIONERATE = "TG-HYD"
TOP = "TG"
SHOWN_STAFF = 14
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A unit of the synthetic organisation."""

    code: str
    parent: str
    level: str
    name: str  # In each of LANGUAGES: English|Telugu|Urdu|Hindi
    role: str = ""  # The work of its staff, if it is not an ordinary station.


@dataclass(frozen=True, slots=True)
class Post:
    """A position somebody must fill."""

    rank: str
    title: str  # In each of LANGUAGES
    roles: str
    unit: str
    admin: bool = False


@dataclass(slots=True)
class Organisation:
    """Units in order from the top, and the posts of their heads by kind."""

    places: list[Place] = field(default_factory=list)
    heads: dict[str, list[Post]] = field(default_factory=dict)

    def add(self, place: Place, *heads: tuple[str, Post]) -> None:
        """Add a unit with its heads."""
        self.places.append(place)
        for kind, post in heads:
            self.heads.setdefault(kind, []).append(post)


LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # None that looks like another.
# Which heads exist first in a small force.
ORDER = ("dgp", "cp", "sp", "dcp", "sdpo", "sho", "circle_inspector", "zone", "wing")


def write(people: int, seed: int) -> dict[str, bytes]:
    """Return the files of a data bank, by name without ``.csv``. Raises ValueError for a count
    outside ``SMALLEST`` to ``LARGEST``."""
    if not SMALLEST <= people <= LARGEST:
        raise ValueError(f"the number of people must be {SMALLEST} to {LARGEST}")
    organisation = _organisation()
    random = Random(seed)  # noqa: S311 - must be reproducible; nothing here is secret.
    words = _json("vocabulary.json")
    result = {
        name: _csv(columns.VOCABULARY_COLUMNS, ([code, *_split(text)] for code, text in terms))
        for name, terms in words.items()
    }
    result["units"] = _csv(
        columns.UNIT_COLUMNS,
        ([p.code, p.parent, p.level, *_split(p.name)] for p in organisation.places),
    )
    posts = _posts(organisation, people)
    result["people"] = _csv(columns.PEOPLE_COLUMNS, _people(posts, random, seed))
    return result


def enrolment_code(number: str, seed: int) -> str:
    """Return what the letter to the person with this number says. Everybody can compute it."""
    digest = hashlib.sha256(f"synthetic enrolment {seed} {number}".encode()).digest()
    letters = [LETTERS[byte % len(LETTERS)] for byte in digest[:12]]
    return "-".join("".join(letters[at : at + 4]) for at in (0, 4, 8))


def _organisation() -> Organisation:
    geography = _json("geography.json")
    result = Organisation()
    dgp = _titled("dgp")
    result.add(
        Place("TG", "", "state", _titled("state")),
        ("dgp", Post("DGP", dgp, "command", "TG", admin=True)),
    )
    for number, roman in ((1, "I"), (2, "II")):
        code = f"TG-MZ{number}"
        zone = "|".join([roman] * len(wire.LANGUAGES))
        post = _titled("ig", zone)
        result.add(
            Place(code, "TG", "multi_zone", _titled("multi_zone", zone)),
            ("zone", Post("IG", post, "command", code, admin=True)),
        )
    for zone, parent, name in geography["zones"]:
        code = f"TG-Z-{zone}"
        post = _titled("dig", name)
        result.add(
            Place(code, f"TG-{parent}", "police_zone", _titled("police_zone", name)),
            ("zone", Post("DIG", post, "command", code, admin=True)),
        )
    for code, text, role in _posts_json()["state_wings"]:
        post = _titled("addl_dgp", text)
        result.add(
            Place(f"TG-{code}", "TG", "wing", text, role),
            ("wing", Post("ADDL_DGP", post, "command", f"TG-{code}", admin=True)),
        )
    for part in geography["commissionerates"]:
        _commissionerate(result, *part)
    for part in geography["districts"]:
        _district(result, *part)
    return result


def _commissionerate(
    result: Organisation, code: str, zone: str, name: str, zones: Sequence[Any]
) -> None:
    top = f"TG-{code}"
    post = _titled("cp", name)
    result.add(
        Place(top, f"TG-Z-{zone}", "commissionerate", _titled("commissionerate", name)),
        ("cp", Post("ADDL_DGP", post, "cp command", top, admin=True)),
    )
    stations = 0
    for z, (zone_name, divisions) in enumerate(zones, 1):
        zone_code = f"{top}-Z{z}"
        post = _titled("dcp", zone_name)
        result.add(
            Place(zone_code, top, "city_zone", _titled("city_zone", zone_name)),
            ("dcp", Post("SP", post, "dcp", zone_code, admin=True)),
        )
        for d, (division_name, names) in enumerate(divisions, 1):
            division = f"{zone_code}-D{d}"
            post = _titled("acp", division_name)
            result.add(
                Place(division, zone_code, "division", _titled("division", division_name)),
                ("sdpo", Post("DSP", post, "sdpo", division, admin=True)),
            )
            stations = _stations(result, top, division, names, stations, "CI")
    _wings(result, top, name, stations)


def _district(
    result: Organisation, code: str, zone: str, name: str, subdivisions: Sequence[Any]
) -> None:
    top = f"TG-{code}"
    post = _titled("sp", name)
    result.add(
        Place(top, f"TG-Z-{zone}", "district", _titled("district", name)),
        ("sp", Post("SP", post, "sp", top, admin=True)),
    )
    stations = 0
    for s, (sub_name, circles) in enumerate(subdivisions, 1):
        sub = f"{top}-S{s}"
        post = _titled("sdpo", sub_name)
        result.add(
            Place(sub, top, "subdivision", _titled("subdivision", sub_name)),
            ("sdpo", Post("DSP", post, "sdpo", sub, admin=True)),
        )
        for c, (circle_name, names) in enumerate(circles, 1):
            circle = f"{sub}-C{c}"
            post = _titled("circle_inspector", circle_name)
            head = Post("CI", post, "circle_inspector", circle, admin=True)
            result.add(
                Place(circle, sub, "circle", _titled("circle", circle_name)),
                ("circle_inspector", head),
            )
            stations = _stations(result, top, circle, names, stations, "SI")
    _wings(result, top, name, stations)


def _stations(
    result: Organisation, top: str, parent: str, names: Sequence[str], before: int, rank: str
) -> int:
    """Add ordinary stations; return how many the district has now."""
    for number, name in enumerate(names, before + 1):
        _station(result, f"{top}-PS{number:03d}", parent, _titled("station", name), rank)
    return before + len(names)


def _station(
    result: Organisation, code: str, parent: str, name: str, rank: str, role: str = ""
) -> None:
    roles = f"sho {role}".strip()
    result.add(
        Place(code, parent, "station", name, role),
        ("sho", Post(rank, _titled("sho", name), roles, code, admin=True)),
    )


def _wings(result: Organisation, top: str, name: str, stations: int) -> None:
    for number, (title, role) in enumerate(_posts_json()["special_stations"], stations + 1):
        _station(result, f"{top}-PS{number:03d}", top, _joined(name, title), "CI", role)
    for code, title, role in _posts_json()["wings"]:
        text = _joined(name, title)
        post = Post("CI", _titled("inspector", text), role, f"{top}-{code}")
        result.add(Place(f"{top}-{code}", top, "wing", text, role), ("wing", post))


def _posts(organisation: Organisation, people: int) -> list[Post]:
    """Return the first ``people`` posts: the shown station and those above it, then all heads,
    then staff, a round over all stations and wings at a time."""
    parents = {place.code: place.parent for place in organisation.places}
    above = []
    at = SHOWN_STATION
    while at:
        above.append(at)
        at = parents[at]
    heads = [post for kind in ORDER for post in organisation.heads[kind]]
    homes = [p for p in organisation.places if p.level in ("station", "wing")]
    shown = next(home for home in homes if home.code == SHOWN_STATION)
    first = [post for post in heads if post.unit in above]
    posts = [*first, *(_staff(shown, turn) for turn in range(SHOWN_STAFF))]
    posts += [post for post in heads if post.unit not in above]
    turn = 0
    while len(posts) < people:
        # Each station starts elsewhere in the list, so that a small force has all kinds of staff.
        posts += [
            _staff(home, turn + place)
            for place, home in enumerate(homes)
            if home is not shown or turn >= SHOWN_STAFF
        ]
        turn += 1
    return posts[:people]


def _staff(home: Place, turn: int) -> Post:
    staff = _posts_json()["staff"]
    rank, title, roles = staff[turn % len(staff)]
    if home.role:
        roles = home.role
        title = _titled("staff")
    return Post(rank, _joined(title, home.name, "at"), roles, home.code)


def _people(posts: Sequence[Post], random: Random, seed: int) -> Iterator[list[str]]:
    names = _json("names.json")
    for number, post in enumerate(posts):
        phone = f"+91{FIRST_NUMBER + number}"
        yield [
            f"TGP{number + 1:06d}",
            *_name(names, random, post),
            phone,
            post.rank,
            *_split(post.title),
            post.roles,
            post.unit,
            "yes" if post.admin else "no",
            "active",
            enrolment_code(phone, seed),
        ]


def _name(names: Any, random: Random, post: Post) -> list[str]:
    draw = random.random()
    people = names["telugu" if draw < 0.72 else "muslim" if draw < 0.86 else "tribal"]
    women = 0.7 if "she_team" in post.roles or "reception" in post.roles else 0.12
    given = _pick(people["female" if random.random() < women else "male"], random)
    parts = [_pick(people["house"], random), given]
    if people["family"] and random.random() < 0.6:
        parts.append(_pick(people["family"], random))
    return _split(reduce(_joined, parts))


def _pick(items: Sequence[T], random: Random) -> T:
    return items[int(random.random() * len(items))]


def _split(text: str) -> list[str]:
    """Return the name in each of ``LANGUAGES``."""
    return text.split("|")


def _titled(title: str, *names: str) -> str:
    """Put names into the title with this key, in each language."""
    sides = zip(_split(_posts_json()["titles"][title]), *map(_split, names), strict=True)
    return "|".join(template.format(*parts) for template, *parts in sides)


def _joined(left: str, right: str, title: str = "of") -> str:
    return _titled(title, left, right)


@cache
def _posts_json() -> Any:
    """Return the wings, the staff of stations, and the titles of posts and units."""
    return _json("posts.json")


def _json(name: str) -> Any:
    return json.loads((files("demo") / name).read_text("utf-8"))


def _csv(columns: Sequence[str], rows: Iterator[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode()
