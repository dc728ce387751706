"""A small data bank for tests: one city, its zones and stations, 300 people, always the same.

The department's own import reads it, so tests register exactly as a department's officers do.
Names and numbers are invented, and no text ever leaves the demo outbox. (The demo's generator is
another thing: it makes a whole State.)
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SIZE = 300
STATIONS = ("Abids", "Afzalgunj", "Amberpet", "Charminar", "Gopalapuram", "Kachiguda")
ZONES = ("East", "South")
LEVELS = (("state", "State"), ("city", "Commissionerate"), ("zone", "Zone"), ("station", "Station"))
RANKS = (("PC", "Police Constable"), ("HC", "Head Constable"), ("SI", "Sub-Inspector"))
ROLES = (("sho", "Station House Officer"), ("reception", "Reception Officer"), ("patrol", "Patrol"))
GIVEN = (
    *(("Anjali", "అంజలి"), ("Bhavani", "భవాని"), ("Chandra", "చంద్ర"), ("Devika", "దేవిక")),
    *(("Farhan", "ఫర్హాన్"), ("Gopal", "గోపాల్"), ("Harika", "హారిక"), ("Imran", "ఇమ్రాన్")),
    *(("Jyothi", "జ్యోతి"), ("Kiran", "కిరణ్"), ("Lakshmi", "లక్ష్మి"), ("Mahesh", "మహేష్")),
    *(("Naveen", "నవీన్"), ("Padma", "పద్మ"), ("Rajesh", "రాజేష్"), ("Salma", "సల్మా")),
    *(("Tarun", "తరుణ్"), ("Usha", "ఉష"), ("Venkat", "వెంకట్"), ("Yasmin", "యాస్మిన్")),
)
FAMILY = (
    *(("Reddy", "రెడ్డి"), ("Rao", "రావు"), ("Naidu", "నాయుడు"), ("Begum", "బేగం")),
    *(("Goud", "గౌడ్"), ("Sharma", "శర్మ"), ("Khan", "ఖాన్"), ("Yadav", "యాదవ్")),
    *(("Chary", "చారి"), ("Murthy", "మూర్తి"), ("Das", "దాస్"), ("Prasad", "ప్రసాద్")),
    *(("Varma", "వర్మ"), ("Raju", "రాజు"), ("Shaik", "షేక్")),
)


@dataclass(frozen=True)
class Officer:
    """Somebody in the data bank."""

    code: str
    name: str
    name_te: str
    number: str
    rank: str
    post: str
    unit: str
    head: bool
    roles: str
    enrolment_code: str


def of_demo(data: Path) -> list[Officer]:
    """Return the people of a demo's folder, in the order of its file."""
    with (data / "databank" / "people.csv").open(encoding="utf-8-sig", newline="") as rows:
        return [
            Officer(
                code=row["code"],
                name=row["name_en"],
                name_te=row["name_te"],
                number=row["number"],
                rank=row["rank"],
                post=row["post_en"],
                unit=row["unit"],
                head=row["head"] == "yes",
                roles=row["roles"],
                enrolment_code=row["enrolment_code"],
            )
            for row in csv.DictReader(rows)
        ]


def officers() -> list[Officer]:
    """Return all people. No two have the same name; the first of each station is its SHO."""
    found: list[Officer] = []
    for index in range(SIZE):
        given = GIVEN[index % len(GIVEN)]
        family = FAMILY[(index // len(GIVEN)) % len(FAMILY)]
        station = STATIONS[index % len(STATIONS)]
        leads = index < len(STATIONS)
        rank = "SI" if leads else ("HC" if index % 4 == 0 else "PC")
        found.append(
            Officer(
                code=f"TG-{index:05}",
                name=f"{given[0]} {family[0]}",
                name_te=f"{given[1]} {family[1]}",
                number=f"+9170000{index:05}",
                rank=rank,
                post=f"{'Station House Officer' if leads else 'Constable'}, {station}",
                unit=f"HYD-{station[:4].upper()}",
                head=leads,
                roles="sho" if leads else ("reception" if index % 7 == 0 else "patrol"),
                enrolment_code=f"ENROLMENT{index:05}",
            )
        )
    return found


def write(folder: Path) -> list[Officer]:
    """Write the CSV files that ``copconnect directory import`` reads; return the people."""
    folder.mkdir(parents=True, exist_ok=True)
    terms = ("code", "name_en", "name_te")
    _csv(folder / "levels.csv", terms, ((*level, "") for level in LEVELS))
    _csv(folder / "ranks.csv", terms, ((*rank, "") for rank in RANKS))
    _csv(folder / "roles.csv", terms, ((*role, "") for role in ROLES))
    units: list[tuple[str, str, str, str, str]] = [
        ("TG", "", "state", "Telangana", "తెలంగాణ"),
        ("HYD", "TG", "city", "Hyderabad City", "హైదరాబాద్"),
        *((f"HYD-{zone.upper()}", "HYD", "zone", f"{zone} Zone", "") for zone in ZONES),
        *(
            (
                f"HYD-{station[:4].upper()}",
                f"HYD-{ZONES[index % 2].upper()}",
                "station",
                f"{station} Police Station",
                "",
            )
            for index, station in enumerate(STATIONS)
        ),
    ]
    _csv(folder / "units.csv", ("code", "parent", "level", "name_en", "name_te"), units)
    people = officers()
    _csv(
        folder / "people.csv",
        (
            *("code", "name_en", "name_te", "number", "rank", "post_en"),
            *("roles", "unit", "head", "enrolment_code"),
        ),
        (
            (
                *(person.code, person.name, person.name_te, person.number, person.rank),
                *(person.post, person.roles, person.unit),
                *("yes" if person.head else "no", person.enrolment_code),
            )
            for person in people
        ),
    )
    return people


def _csv(file: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)
