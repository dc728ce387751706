"""Columns are recognised in four languages and by their values, and corrected by hand."""

import pytest

from copconnect.directory.files import mapping, reading, values
from copconnect.directory.files.mapping import ColumnMapping, MappingWrong
from copconnect.directory.files.matching.headings import WITHIN, read_heading
from copconnect.directory.files.matching.vocabularies import (
    Vocabularies,
    Vocabulary,
    VocabularyEntry,
)
from copconnect.directory.files.sheets import Sheet
from copconnect.directory.files.tables import tabulate

COLUMNS = (
    *("code", "name_en", "name_te", "name_ur", "name_hi", "number", "rank", "post_en", "post_te"),
    *("roles", "unit", "head", "status", "enrolment_code"),
)
KNOWN = Vocabularies(
    units=Vocabulary.of(
        [
            VocabularyEntry("TG", ("Telangana", "తెలంగాణ")),
            VocabularyEntry("HYD", ("Hyderabad Commissionerate",), frozenset({"TG", "HYD"})),
            VocabularyEntry("WGL", ("Warangal District",), frozenset({"TG", "WGL"})),
            VocabularyEntry(
                "HYD-1", ("Charminar PS", "చార్మినార్ పీఎస్"), frozenset({"TG", "HYD", "HYD-1"})
            ),
            VocabularyEntry("HYD-2", ("Rural PS",), frozenset({"TG", "HYD", "HYD-2"})),
            VocabularyEntry("WGL-2", ("Rural PS",), frozenset({"TG", "WGL", "WGL-2"})),
        ]
    ),
    ranks=Vocabulary.of(
        [
            VocabularyEntry("PC", ("Police Constable",)),
            VocabularyEntry("SI", ("Sub-Inspector", "సబ్ ఇన్‌స్పెక్టర్")),
            VocabularyEntry("DSP", ("Deputy Superintendent (ACP)",)),
        ]
    ),
    roles=Vocabulary.of(
        [
            VocabularyEntry("sho", ("Station house officer",)),
            VocabularyEntry("crime", ("Crime staff",)),
        ]
    ),
)


def sheet_of(text: str) -> Sheet:
    return reading.read("roll.csv", text.encode()).sheets[0]


def named(sheet: Sheet, found: ColumnMapping) -> dict[str, list[str]]:
    return {
        column: [sheet.headers[index] for index in indices]
        for column, indices in found.columns.items()
    }


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        *(("Emp No", "code"), ("G.No", "code"), ("EMPLOYEE_ID", "code"), ("EmpCode", "code")),
        *(("ఉద్యోగి సంఖ్య", "code"), ("कर्मचारी संख्या", "code"), ("ملازم نمبر", "code")),
        *(("Mobile No.", "number"), ("MOBILENO", "number"), ("Cell No", "number")),
        *(("మొబైల్ నంబర్", "number"), ("मोबाइल नंबर", "number"), ("موبائل نمبر", "number")),
        *(("Name of the Officer", "name"), ("అధికారి పేరు", "name"), ("नाम", "name")),
        *(("Desg.", "rank"), ("Designaton", "rank"), ("హోదా", "rank"), ("पदनाम", "rank")),
        *(("PS", "unit"), ("P.S.", "unit"), ("Name of the PS", "unit"), ("थाना", "unit")),
        *(("District", WITHIN), ("జిల్లా", WITHIN), ("Sub-Division", WITHIN)),
        *(("Father's Name", "ignore"), ("S.No.", "ignore"), ("Alternate Mobile No", "ignore")),
        *(("Colour of the car", ""),),
    ],
)
def test_headings(heading: str, column: str) -> None:
    assert read_heading("people", heading).column == column


def test_a_roll_is_recognised() -> None:
    sheet = sheet_of(
        "Sl.No,G.No,Name of the Officer,పేరు,Desg.,Mobile No.,PS,Dist.,Date of Birth\n"
        "1,1001,Ravi,రవి,Police Constable,9848012345,Rural,Warangal District,1990\n"
        "2,1002,Swapna,స్వప్న,SI of Police,98480-12346,Charminar P.S,Hyderabad Comm.,1991\n"
    )
    found = mapping.guess(sheet, "people", COLUMNS, KNOWN)
    assert named(sheet, found) == {
        "code": ["G.No"],
        "name_en": ["Name of the Officer"],
        "name_te": ["పేరు"],
        "rank": ["Desg."],
        "number": ["Mobile No."],
        "unit": ["PS"],
        "within": ["Dist."],
    }
    assert min(found.confidence.values()) > 0.6
    assert found.unused(sheet) == ["Sl.No", "Date of Birth"]
    rows = [row.values for row in tabulate(sheet, found, KNOWN, "roll.csv").rows]
    assert [(row["rank"], row["unit"]) for row in rows] == [("PC", "WGL-2"), ("SI", "HYD-1")]


def test_columns_without_headings_are_recognised_by_their_values() -> None:
    sheet = sheet_of("a,b,c\n1001,9848012345,Charminar PS\n1002,9848012346,Rural PS\n")
    found = mapping.guess(sheet, "people", COLUMNS, KNOWN)
    assert named(sheet, found) == {"code": ["a"], "number": ["b"], "unit": ["c"]}


def test_values_alone_never_make_heads_or_roles() -> None:
    sheet = sheet_of("Emp No,Passed test,Remark 2\n1,yes,sho\n2,no,crime\n")
    found = mapping.guess(sheet, "people", COLUMNS, KNOWN)
    assert set(found.columns) == {"code"}


def test_names_go_to_the_language_of_their_letters() -> None:
    sheet = sheet_of("Emp No,Name,Name (Urdu),Name 2\n1,రవి,روی,रवि\n")
    found = mapping.guess(sheet, "people", COLUMNS, KNOWN)
    assert named(sheet, found)["name_te"] == ["Name"]
    assert named(sheet, found)["name_ur"] == ["Name (Urdu)"]


def test_the_data_banks_own_headings_are_sure() -> None:
    sheet = sheet_of(",".join(COLUMNS) + "\n" + ",".join("x" for _ in COLUMNS) + "\n")
    found = mapping.guess(sheet, "people", COLUMNS, Vocabularies())
    assert named(sheet, found) == {column: [column] for column in COLUMNS}


def test_a_person_corrects_a_mapping() -> None:
    sheet = sheet_of("Emp No,Name,Phone A,Phone B\n1,Ravi,9848012345,9848012346\n")
    found = mapping.guess(sheet, "people", COLUMNS, KNOWN)
    said = {"number": "phone b", "code": "A", "name_en": "Name+Phone A", "rank": "none"}
    made = mapping.corrected(found, sheet, said, COLUMNS)
    assert made.columns == {"number": [3], "code": [0], "name_en": [1, 2]}
    for wrong in ({"number": "Fax"}, {"colour": "Name"}):
        with pytest.raises(MappingWrong):
            mapping.corrected(found, sheet, wrong, COLUMNS)
    assert mapping.fits(made, sheet, COLUMNS)
    assert not mapping.fits(ColumnMapping("people", {"code": [9]}), sheet, COLUMNS)


def test_a_fingerprint_is_of_the_headings_and_not_of_a_reports_columns() -> None:
    sheet = sheet_of("Emp No,Name\n1,Ravi\n")
    report = sheet_of("EMP NO,Name,Cop Connect: why refused\n1,Ravi,x\n")
    other = sheet_of("Emp No,Rank\n1,Ravi\n")
    assert mapping.fingerprint(sheet) == mapping.fingerprint(report)
    assert mapping.fingerprint(sheet) != mapping.fingerprint(other)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        *(("PC", "PC"), ("pc", "PC"), ("P.C.", "PC"), ("Constable", "PC"), ("Const.", "PC")),
        *(("Sub Inspector of Police", "SI"), ("సబ్ ఇన్‌స్పెక్టర్", "SI"), ("S.I.", "SI")),
        *(("ACP", "DSP"), ("Dy.SP", "DSP"), ("Deputy Supdt. of Police", "DSP"), ("Inspector", "")),
    ],
)
def test_ranks_by_what_people_type(typed: str, code: str) -> None:
    assert KNOWN.ranks.match(typed).code == code


def test_units_of_one_name_are_told_apart_or_refused() -> None:
    match = KNOWN.units.match
    assert match("Rural PS").code == ""
    assert match("Rural PS").suggestions == ("HYD-2", "WGL-2")
    assert match("Rural PS", ("Warangal Dist",)).code == "WGL-2"
    assert match("Rural", ("Hyderabad Commissionerate",), "station").code == "HYD-2"
    assert match("Charminar", (), "station").code == "HYD-1"


def test_a_close_name_is_suggested_and_never_taken() -> None:
    found = KNOWN.units.match("Charminaar PS")
    assert (found.code, found.suggestions) == ("", ("HYD-1",))
    by_hand = Vocabulary.of(KNOWN.units.entries.values(), {"Charminaar PS": "HYD-1", "X": "GONE"})
    assert by_hand.match("charminaar p.s.").code == "HYD-1"
    assert by_hand.match("X").code == ""


@pytest.mark.parametrize(
    ("column", "typed", "value"),
    [
        *(("number", "'9848012345", "9848012345"), ("number", '="9848012345"', "9848012345")),
        *(("number", "9848012345.0", "9848012345"), ("number", "9.848012345E+09", "9848012345")),
        *(("number", "9.848E+09", "9.848E+09"), ("number", "N/A", "")),
        *(("code", "1234.0", "1234"), ("code", "PC 1234 / HYD", "PC-1234-HYD")),
        *(("head", "Y", "yes"), ("head", "అవును", "yes"), ("head", "maybe", "maybe")),
        *(("status", "Under Suspension", "suspended"), ("status", "Retired", "removed")),
        *(("status", "Working", "active"), ("status", "gone", "gone")),
        *(("roles", "SHO, Crime Staff", "sho crime"), ("roles", "sho crime", "sho crime")),
        *(
            ("roles", "SHO / Spy Master", "sho Spy_Master"),
            ("name_en", " Ravi\n Kumar ", "Ravi Kumar"),
        ),
        *(("name_en", "=HYPERLINK(1)", "=HYPERLINK(1)"), ("post_en", "-", "")),
        *(("from", "31/01/2026", "2026-01-31"),),
    ],
)
def test_values_as_people_type_them(column: str, typed: str, value: str) -> None:
    assert values.typed(column, typed, KNOWN) == value
