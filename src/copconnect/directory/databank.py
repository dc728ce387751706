"""Judges the rows of the department's data bank: tables in, rows and problems out. Pure.

docs/operations.md describes the columns. Every row is checked before anything is stored; each
problem names its file, line, column and a stable code, and a row has all of its problems listed.
Line numbers count as an editor or a spreadsheet does, from 1. Two rows that claim one code or
one number are both refused, because nothing tells which one is right; a row that repeats another
word for word counts once.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from copconnect import errors, phone_number, wire
from copconnect.directory import names, rules, sources
from copconnect.directory.columns import COLUMNS, OPTIONAL, OPTIONAL_TABLES, VOCABULARIES
from copconnect.directory.files.tables import Table, TableRow
from copconnect.directory.postings.keys import PostKey, PostRow
from copconnect.ids import PersonId, PostId, UnitId

MAX_VALUE = 200
MAX_CODE = 64
MAX_TERM_CODE = 32
MIN_ENROLMENT_CODE = 12  # It registers a device without a text.
CODE = re.compile(r"[A-Za-z0-9._-]+")
# Control characters, halves of surrogate pairs, other line ends, and what no decoder could read.
MALFORMED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufffd]")
# A spreadsheet that opens an export would evaluate such a value.
FORMULA = ("=", "+", "-", "@")
NO_FORMULAS = frozenset({*names.columns("name"), *names.columns("post")})
ROUNDED = re.compile(r"[0-9]([.,][0-9]+)?[eE]\+?[0-9]+")
SEVERAL = re.compile(r"[0-9][0-9 -]{7,}[/,;&|][ +]*[0-9][0-9 -]{7,}")
YES, NO = {"yes", "true", "1"}, {"", "no", "false", "0"}
STATUSES = ("active", "suspended", "removed")


@dataclass(frozen=True, slots=True)
class BankProblem:
    """Why a row cannot be imported. ``column``: the one that is wrong, if it is one.
    ``suggestions``: codes that are close to the value. ``other``: the line of the row that claims
    the same."""

    file: str
    line: int
    code: str
    value: str = ""
    column: str = ""
    suggestions: tuple[str, ...] = ()
    other: int = 0


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
    head: bool
    status: str | None
    enrolment_code: str

    @property
    def post_key(self) -> PostKey:
        """The facts that name the person's post."""
        return PostKey(self.unit, self.post.en, frozenset(self.roles), self.head)


@dataclass(slots=True)
class DataBank:
    """The rows of a data bank, in its order; only rows without problems. ``lines``: (file, line) of
    each person, by code. ``repeated``: rows that say again what another row says. ``gone``: people
    whom the file calls removed; ``refused``: people whose rows have problems; ``abolish``: posts
    that end where nobody holds them."""

    levels: list[Term] = field(default_factory=list)
    ranks: list[Term] = field(default_factory=list)
    roles: list[Term] = field(default_factory=list)
    units: list[UnitRow] = field(default_factory=list)
    posts: list[PostRow] = field(default_factory=list)
    people: list[PersonRow] = field(default_factory=list)
    problems: list[BankProblem] = field(default_factory=list)
    lines: dict[str, tuple[str, int]] = field(default_factory=dict)
    repeated: int = 0
    gone: set[PersonId] = field(default_factory=set)
    refused: set[PersonId] = field(default_factory=set)
    abolish: list[PostId] = field(default_factory=list)

    def refuse(self, problems: Mapping[PersonId, BankProblem]) -> None:
        """Leave out the rows of these people, each for a problem."""
        self.problems += problems.values()
        self.refused |= problems.keys()
        self.people = [person for person in self.people if person.person_id not in problems]
        self.gone -= problems.keys()


Tables = Mapping[str, Sequence[Table]]
OnPeopleJudged = Callable[[int], None]


def read(files: Mapping[str, bytes], progress: OnPeopleJudged | None = None) -> DataBank:
    """Read the CSV files ``people``, ``units``, ``levels``, ``ranks``, ``roles`` and, if there is
    one, ``posts`` (the names without ``.csv``) of a whole data bank. ``progress`` gets the number
    of people that have been judged."""
    return judge(sources.tables_of_files(files), progress)


def judge(tables: Tables, progress: OnPeopleJudged | None = None) -> DataBank:
    """Return the rows of tables that can be imported, and the problems of all others."""
    bank = DataBank()
    for name in VOCABULARIES:
        getattr(bank, name).extend(_terms(tables, name, bank.problems))
    bank.units = _units(tables, {term.code for term in bank.levels}, bank.problems)
    bank.posts = _posts(tables, bank)
    _judge_people(tables, bank, progress)
    bank.problems.sort(key=lambda problem: (problem.file, problem.line))
    return bank


def judge_people(
    tables: Tables, organisation: DataBank, progress: OnPeopleJudged | None = None
) -> DataBank:
    """Return the people of tables who can be stored beside an organisation that was judged before,
    and the problems of all others."""
    bank = DataBank(
        levels=organisation.levels,
        ranks=organisation.ranks,
        roles=organisation.roles,
        units=organisation.units,
    )
    _judge_people(tables, bank, progress)
    return bank


def _rows(
    tables: Tables, name: str, problems: list[BankProblem]
) -> Iterator[tuple[Table, TableRow]]:
    """Yield the rows of a table, of which every column has a value or ""."""
    columns = COLUMNS[name]
    if not tables.get(name) and name not in OPTIONAL_TABLES:
        problems.append(BankProblem(f"{name}.csv", 0, "file_missing"))
    for table in tables.get(name, ()):
        problems.extend(BankProblem(table.file, *one) for one in table.problems)
        missing = [c for c in columns if c not in table.columns and c not in OPTIONAL]
        if not table.columns and table.problems:
            continue  # The file could not be read.
        if missing:
            problems.append(BankProblem(table.file, table.line, "header_wrong", ", ".join(missing)))
            continue
        absent = {column: "" for column in columns if column not in table.columns}
        for row in table.rows:
            yield table, TableRow(row.line, {**absent, **row.values}) if absent else row


class _RowProblems:
    """The problems of one row."""

    __slots__ = ("_line", "_table", "problems")

    def __init__(self, table: Table, line: int) -> None:
        self._table = table
        self._line = line
        self.problems: list[BankProblem] = []

    def add(self, code: str, column: str, value: str = "", other: int = 0) -> None:
        suggestions = self._table.suggestions.get((column, value), ())
        file, line = self._table.file, self._line
        problem = BankProblem(file, line, code, value[:MAX_CODE], column, suggestions, other)
        self.problems.append(problem)

    def check(self, row: Mapping[str, str], code_length: int) -> None:
        """Check what rows with a code have: characters, the code, the name in English."""
        self.check_text(row)
        code = row["code"]
        if not code:
            self.add("code_missing", "code")
        elif len(code) > code_length or not CODE.fullmatch(code):
            self.add("code_invalid", "code", code)
        if not row["name_en"]:
            self.add("name_missing", "name_en")

    def check_text(self, row: Mapping[str, str]) -> None:
        """Check the characters of every value."""
        # One look at the whole row is enough for nearly all of them.
        if MALFORMED.search("".join(row.values())) or max(map(len, row.values())) > MAX_VALUE:
            for column, value in row.items():
                if len(value) > MAX_VALUE or MALFORMED.search(value):
                    self.add("value_malformed", column)
        for column in NO_FORMULAS & row.keys():
            if row[column].startswith(FORMULA):
                self.add("value_formula", column, row[column])

    def check_post(self, row: Mapping[str, str], known: "_KnownCodes") -> tuple[str, ...]:
        """Check what says which post is meant: unit, roles and head; return the roles."""
        roles = tuple(dict.fromkeys(row["roles"].split()))
        if row["unit"] not in known.units:
            self.add("unit_unknown", "unit", row["unit"])
        for role in roles:
            if role not in known.roles:
                self.add("role_unknown", "roles", role)
        admin = row["head"].lower()
        if admin not in YES and admin not in NO:
            self.add("head_invalid", "head", row["head"])
        return roles


def _terms(tables: Tables, name: str, problems: list[BankProblem]) -> list[Term]:
    rows: dict[str, list[tuple[Table, TableRow]]] = defaultdict(list)
    for table, row in _rows(tables, name, problems):
        found = _RowProblems(table, row.line)
        found.check(row.values, MAX_TERM_CODE)
        problems += found.problems
        if not found.problems:
            rows[row.values["code"]].append((table, row))
    return [
        Term(code, names.read(row.values)) for code, (_, row) in _single(rows, "code", problems)
    ]


def _single(
    rows: Mapping[str, list[tuple[Table, TableRow]]], column: str, problems: list[BankProblem]
) -> Iterator[tuple[str, tuple[Table, TableRow]]]:
    """Yield the rows that no other row contradicts; report rows that another row contradicts."""
    for claimed, claims in rows.items():
        first = claims[0]
        if all(row.values == first[1].values for _, row in claims):
            yield claimed, first
            continue
        for place, (table, row) in enumerate(claims):
            found = _RowProblems(table, row.line)
            other = claims[0 if place else 1][1].line
            found.add(f"{column}_duplicate", column, row.values[column], other)
            problems += found.problems


def _units(tables: Tables, levels: set[str], problems: list[BankProblem]) -> list[UnitRow]:
    rows: dict[str, list[tuple[Table, TableRow]]] = defaultdict(list)
    for table, row in _rows(tables, "units", problems):
        found = _RowProblems(table, row.line)
        found.check(row.values, MAX_CODE)
        if row.values["level"] not in levels:
            found.add("level_unknown", "level", row.values["level"])
        problems += found.problems
        if not found.problems:
            rows[row.values["code"]].append((table, row))
    units: dict[UnitId, tuple[Table, UnitRow]] = {}
    for code, (table, row) in _single(rows, "code", problems):
        value = row.values
        parent = UnitId(value["parent"]) if value["parent"] else None
        unit = UnitRow(UnitId(code), parent, value["level"], names.read(value), row.line)
        units[unit.code] = table, unit
    paths = rules.unit_paths({code: unit.parent for code, (_, unit) in units.items()})
    for table, unit in units.values():
        if unit.code not in paths:
            found = _RowProblems(table, unit.line)
            known = unit.parent in units
            found.add("parent_unusable" if known else "parent_unknown", "parent", unit.parent or "")
            problems += found.problems
    return [unit for _, unit in units.values() if unit.code in paths]


@dataclass(slots=True)
class _KnownCodes:
    units: set[UnitId]
    ranks: set[str]
    roles: set[str]

    @classmethod
    def of(cls, bank: DataBank) -> "_KnownCodes":
        return cls(
            {unit.code for unit in bank.units},
            {term.code for term in bank.ranks},
            {term.code for term in bank.roles},
        )


def _posts(tables: Tables, bank: DataBank) -> list[PostRow]:
    known = _KnownCodes.of(bank)
    posts: dict[PostKey, PostRow] = {}
    for table, row in _rows(tables, "posts", bank.problems):
        found = _RowProblems(table, row.line)
        found.check_text(row.values)
        roles = found.check_post(row.values, known)
        if not row.values["post_en"]:
            found.add("name_missing", "post_en")
        head = row.values["head"].lower() in YES
        key = PostKey(UnitId(row.values["unit"]), row.values["post_en"], frozenset(roles), head)
        post = PostRow(key, names.read(row.values, "post"), roles)
        if posts.get(key, post).names != post.names:
            found.add("post_duplicate", "post_en", key.title)
        bank.problems += found.problems
        if not found.problems:
            posts[key] = post
    return list(posts.values())


@dataclass(slots=True)
class _Claim:
    """A row about a person. ``person`` is None where it has its own problems."""

    table: Table
    row: TableRow
    number: str
    person: PersonRow | None


def _judge_people(tables: Tables, bank: DataBank, progress: OnPeopleJudged | None) -> None:
    known = _KnownCodes.of(bank)
    claims: list[_Claim] = []
    by_code: dict[str, list[_Claim]] = defaultdict(list)
    by_number: dict[str, list[_Claim]] = defaultdict(list)
    for count, (table, row) in enumerate(_rows(tables, "people", bank.problems), 1):
        if progress is not None and count % 1000 == 0:
            progress(count)
        code = row.values["code"]
        before = by_code.get(code)
        if code and before is not None and any(one.row.values == row.values for one in before):
            bank.repeated += 1
            continue
        found = _RowProblems(table, row.line)
        claim = _claim(table, row, known, found)
        bank.problems += found.problems
        claims.append(claim)
        if code:
            by_code[code].append(claim)
        if claim.number:
            by_number[claim.number].append(claim)
    for claim in claims:
        code = claim.row.values["code"]
        found = _RowProblems(claim.table, claim.row.line)
        _contradictions(claim, "code", code, by_code.get(code, ()), found)
        _contradictions(
            claim, "number", claim.row.values["number"], by_number.get(claim.number, ()), found
        )
        bank.problems += found.problems
        if claim.person is None or found.problems:
            bank.refused |= {rules.person_id(code)} if code else set()
            continue
        bank.lines[code] = claim.table.file, claim.row.line
        if claim.person.status == "removed":
            bank.gone.add(claim.person.person_id)
        else:
            bank.people.append(claim.person)


def _contradictions(
    claim: _Claim, column: str, value: str, claims: Sequence[_Claim], found: _RowProblems
) -> None:
    other = next((one for one in claims if one is not claim), None)
    if other is not None:
        found.add(f"{column}_duplicate", column, value, other.row.line)


def _claim(table: Table, row: TableRow, known: _KnownCodes, found: _RowProblems) -> _Claim:
    """Judge a row without the other rows."""
    value = row.values
    status = value["status"].lower()
    if status == "removed":
        return _removed(table, row, found)
    found.check(value, MAX_CODE)
    if value["rank"] not in known.ranks:
        found.add("rank_unknown", "rank", value["rank"])
    roles = found.check_post(value, known)
    if status and status not in STATUSES:
        found.add("status_invalid", "status", value["status"])
    if 0 < len(value["enrolment_code"]) < MIN_ENROLMENT_CODE:
        found.add("enrolment_code_short", "enrolment_code")  # Never the code itself.
    number = _number(value["number"], found)
    if found.problems:
        return _Claim(table, row, number, None)
    person = PersonRow(
        code=value["code"],
        person_id=rules.person_id(value["code"]),
        names=names.read(value),
        number=number,
        rank=value["rank"],
        post=names.read(value, "post"),
        roles=roles,
        unit=UnitId(value["unit"]),
        head=value["head"].lower() in YES,
        status=status or None,
        enrolment_code=value["enrolment_code"],
    )
    return _Claim(table, row, number, person)


def _removed(table: Table, row: TableRow, found: _RowProblems) -> _Claim:
    """Somebody who left needs a code and nothing else: files often have no more of them."""
    code = row.values["code"]
    found.check({"code": code, "name_en": code}, MAX_CODE)
    if found.problems:
        return _Claim(table, row, "", None)
    nobody = wire.Names(**dict.fromkeys(wire.LANGUAGES, ""))
    person = PersonRow(
        code=code,
        person_id=rules.person_id(code),
        names=nobody,
        number="",
        rank="",
        post=nobody,
        roles=(),
        unit=UnitId(""),
        head=False,
        status="removed",
        enrolment_code="",
    )
    return _Claim(table, row, "", person)


def _number(text: str, found: _RowProblems) -> str:
    """Return a number in E.164; "" with a problem where it is none."""
    if not text:
        found.add("number_missing", "number")
        return ""
    try:
        return phone_number.normalise(text)
    except errors.NumberInvalid:
        if ROUNDED.fullmatch(text):
            code = "number_rounded"
        elif SEVERAL.search(text):
            code = "number_several"
        else:
            code = "number_invalid"
        found.add(code, "number", text)
        return ""
