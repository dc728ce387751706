"""Reads the department's data bank: CSV text in, rows and problems out. Pure.

docs/operations.md describes the columns. Every row is checked before anything is stored; each
problem names its file, line and a stable code. Line numbers count as an editor does, from 1.
"""

import csv
import io
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from copconnect import errors, phone_number, wire
from copconnect.directory import names, rules
from copconnect.ids import PersonId, UnitId

MAX_VALUE = 200
MAX_CODE = 64
MIN_ENROLMENT_CODE = 8
CODE_EXTRA = frozenset("-_.")

VOCABULARY_COLUMNS = ("code", *names.columns("name"))
UNIT_COLUMNS = ("code", "parent", "level", *names.columns("name"))
PEOPLE_COLUMNS = (
    "code",
    *names.columns("name"),
    "number",
    "rank",
    *names.columns("post"),
    "roles",
    "unit",
    "unit_admin",
    "status",
    "enrolment_code",
)
OPTIONAL = {
    *names.optional_columns("name"),
    *names.optional_columns("post"),
    *("roles", "unit_admin", "status", "enrolment_code"),
}
VOCABULARIES = ("levels", "ranks", "roles")
YES, NO = {"yes", "true", "1"}, {"", "no", "false", "0"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be imported."""

    file: str
    line: int
    code: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """A level, rank or role."""

    code: str
    names: wire.Names


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit; ``parent`` is None at the top."""

    code: UnitId
    parent: UnitId | None
    level: str
    names: wire.Names
    line: int


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person. ``status`` is None when the file leaves it as it is."""

    code: str
    person_id: PersonId
    names: wire.Names
    number: str
    rank: str
    post: wire.Names
    roles: tuple[str, ...]
    unit: UnitId
    unit_admin: bool
    status: str | None
    enrolment_code: str


@dataclass(slots=True)
class DataBank:
    """The rows of a data bank, in its order; only rows without problems."""

    levels: list[Term] = field(default_factory=list)
    ranks: list[Term] = field(default_factory=list)
    roles: list[Term] = field(default_factory=list)
    units: list[UnitRow] = field(default_factory=list)
    people: list[PersonRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read(files: Mapping[str, bytes], progress: Callable[[int], None] | None = None) -> DataBank:
    """Read ``people``, ``units``, ``levels``, ``ranks`` and ``roles`` (the names without
    ``.csv``). ``progress`` is told how many people have been read."""
    bank = DataBank()
    for name in VOCABULARIES:
        getattr(bank, name).extend(_terms(files, name, bank.problems))
    bank.units = _units(files, {term.code for term in bank.levels}, bank.problems)
    bank.people = _people(files, bank, progress)
    bank.problems.sort(key=lambda problem: (problem.file, problem.line))
    return bank


def write_terms(name: str, rows: Sequence[Any]) -> bytes:
    """Return stored units or terms as the CSV file that :func:`read` takes."""
    columns = UNIT_COLUMNS if name == "units" else VOCABULARY_COLUMNS
    stored = {"code": "unit_id", "parent": "parent_id"} if name == "units" else {}
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(
        [getattr(row, stored.get(column, column)) or "" for column in columns] for row in rows
    )
    return out.getvalue().encode()


def _rows(
    files: Mapping[str, bytes],
    name: str,
    columns: Sequence[str],
    problems: list[Problem],
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, values) of well-formed rows. Values are NFC and trimmed."""
    file = f"{name}.csv"
    if name not in files:
        problems.append(Problem(file, 0, "file_missing"))
        return
    try:
        text = files[name].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = files[name].count(b"\n", 0, error.start) + 1
        problems.append(Problem(file, line, "encoding_wrong"))
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            # The rows that follow an unbalanced quote cannot be told apart.
            problems.append(Problem(file, line, "csv_malformed", str(error)))
            return
        if not any(value.strip() for value in values):
            continue
        if header is None:
            header = [value.strip().lower() for value in values]
            missing = [c for c in columns if c not in header and c not in OPTIONAL]
            unknown = [c for c in header if c not in columns]
            if missing or unknown or len(set(header)) != len(header):
                wrong = ",".join([*missing, *unknown]) or "duplicate column"
                problems.append(Problem(file, line, "header_wrong", wrong[:MAX_VALUE]))
                return
            continue
        if len(values) != len(header):
            problems.append(Problem(file, line, "columns_wrong", str(len(values))))
            continue
        row = {
            column: unicodedata.normalize("NFC", value).strip()
            for column, value in zip(header, values, strict=True)
        }
        bad = next((c for c, value in row.items() if _malformed(value)), None)
        if bad is not None:
            problems.append(Problem(file, line, "value_malformed", bad))
            continue
        yield line, {column: row.get(column, "") for column in columns}
    if header is None:
        problems.append(Problem(file, 1, "header_wrong", ",".join(columns)))


def _malformed(value: str) -> bool:
    return len(value) > MAX_VALUE or any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value
    )


def _bad_code(code: str) -> bool:
    allowed = all(c.isascii() and (c.isalnum() or c in CODE_EXTRA) for c in code)
    return not code or not allowed or len(code) > MAX_CODE


def _terms(files: Mapping[str, bytes], name: str, problems: list[Problem]) -> list[Term]:
    found: dict[str, Term] = {}
    for line, row in _rows(files, name, VOCABULARY_COLUMNS, problems):
        code = row["code"]
        problem = None
        if _bad_code(code) or len(code) > 32:
            problem = "code_invalid"
        elif code in found:
            problem = "code_duplicate"
        elif not row["name_en"]:
            problem = "name_missing"
        if problem is not None:
            problems.append(Problem(f"{name}.csv", line, problem, code[:MAX_CODE]))
        else:
            found[code] = Term(code, names.read(row))
    return list(found.values())


def _units(files: Mapping[str, bytes], levels: set[str], problems: list[Problem]) -> list[UnitRow]:
    file = "units.csv"
    found: dict[UnitId, UnitRow] = {}
    for line, row in _rows(files, "units", UNIT_COLUMNS, problems):
        code = UnitId(row["code"])
        problem = None
        if _bad_code(code):
            problem = "code_invalid"
        elif code in found:
            problem = "code_duplicate"
        elif not row["name_en"]:
            problem = "name_missing"
        elif row["level"] not in levels:
            problem = "level_unknown"
        if problem is not None:
            problems.append(Problem(file, line, problem, code[:MAX_CODE]))
            continue
        parent = UnitId(row["parent"]) if row["parent"] else None
        found[code] = UnitRow(code, parent, row["level"], names.read(row), line)
    paths = rules.unit_paths({unit.code: unit.parent for unit in found.values()})
    for unit in found.values():
        if unit.code not in paths:
            unknown = unit.parent not in found
            problems.append(
                Problem(
                    file,
                    unit.line,
                    "parent_unknown" if unknown else "parent_unusable",
                    unit.parent or "",
                )
            )
    return [unit for unit in found.values() if unit.code in paths]


def _people(
    files: Mapping[str, bytes], bank: DataBank, progress: Callable[[int], None] | None
) -> list[PersonRow]:
    known = _Known(
        {unit.code for unit in bank.units},
        {term.code for term in bank.ranks},
        {term.code for term in bank.roles},
    )
    found: list[PersonRow] = []
    for count, (line, row) in enumerate(_rows(files, "people", PEOPLE_COLUMNS, bank.problems), 1):
        person = _person(row, known)
        if isinstance(person, PersonRow):
            found.append(person)
        else:
            code, value = person
            bank.problems.append(Problem("people.csv", line, code, value))
        if progress is not None and count % 1000 == 0:
            progress(count)
    return found


@dataclass(slots=True)
class _Known:
    units: set[UnitId]
    ranks: set[str]
    roles: set[str]
    codes: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)


def _person(row: dict[str, str], known: _Known) -> PersonRow | tuple[str, str]:
    """Return the person, or a problem's code and value."""
    code, roles = row["code"], tuple(row["roles"].split())
    status = row["status"].lower()
    admin = row["unit_admin"].lower()
    unknown_role = next((role for role in roles if role not in known.roles), None)
    checks = (
        (_bad_code(code), "code_invalid", code[:MAX_CODE]),
        (code in known.codes, "code_duplicate", code),
        (not row["name_en"], "name_missing", code),
        (row["rank"] not in known.ranks, "rank_unknown", row["rank"]),
        (row["unit"] not in known.units, "unit_unknown", row["unit"]),
        (unknown_role is not None, "role_unknown", unknown_role or ""),
        (admin not in YES | NO, "unit_admin_invalid", row["unit_admin"]),
        (status not in ("", "active", "suspended"), "status_invalid", row["status"]),
        (
            0 < len(row["enrolment_code"]) < MIN_ENROLMENT_CODE,
            "enrolment_code_short",
            code,  # Never the code itself: problems are printed.
        ),
    )
    for wrong, problem, value in checks:
        if wrong:
            return problem, value
    try:
        number = phone_number.normalise(row["number"])
    except errors.NumberInvalid:
        return "number_invalid", row["number"]
    if number in known.numbers:
        return "number_duplicate", row["number"]
    known.codes.add(code)
    known.numbers.add(number)
    return PersonRow(
        code=code,
        person_id=rules.person_id(code),
        names=names.read(row),
        number=number,
        rank=row["rank"],
        post=names.read(row, "post"),
        roles=tuple(dict.fromkeys(roles)),
        unit=UnitId(row["unit"]),
        unit_admin=admin in YES,
        status=status or None,
        enrolment_code=row["enrolment_code"],
    )
