"""Reading a data bank: every bad row is named, and no bytes crash the reader."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from copconnect import wire
from copconnect.directory import databank, rules

GOOD = {
    "levels": b"code,name_en,name_te\nstate,State,\nstation,Station,\n",
    "ranks": b"code,name_en,name_te\nPC,Constable,\nSI,Sub-Inspector,\n",
    "roles": b"code,name_en,name_te\nsho,SHO,\n",
    "units": (
        "code,parent,level,name_en,name_te\nTG,,state,Telangana,తెలంగాణ\nPS,TG,station,PS,\n"
    ).encode(),
    "people": b"code,name_en,number,rank,post_en,unit\n1,Ravi,70000 00000,PC,Constable,PS\n",
}
HEADER = "code,name_en,number,rank,post_en,roles,unit,head,status,enrolment_code\n"


def problems(rows: str, **other: bytes) -> list[tuple[str, int, str]]:
    bank = databank.read(GOOD | {"people": (HEADER + rows).encode()} | other)
    return [(p.file, p.line, p.code) for p in bank.problems]


def test_a_good_bank() -> None:
    bank = databank.read(GOOD)
    assert bank.problems == []
    person = bank.people[0]
    assert (person.number, person.unit, person.status, person.head) == (
        *("+917000000000", "PS"),
        *(None, False),
    )


def test_every_bad_row_is_named() -> None:
    rows = [
        ("1,Ravi,7000000000,PC,C,,PS,no,,", ["code_duplicate", "number_duplicate"]),
        ("1,Ravi,7000000001,PC,C,,PS,no,,", ["code_duplicate"]),
        ("2,Ravi,+91 70000-00000,PC,C,,PS,no,,", ["number_duplicate"]),
        ("3,Ravi,123,PC,C,,PS,no,,", ["number_invalid"]),
        ("4,,7000000004,PC,C,,PS,no,,", ["name_missing"]),
        ("5,Ravi,7000000005,XX,C,,PS,no,,", ["rank_unknown"]),
        ("6,Ravi,7000000006,PC,C,sho spy,PS,no,,", ["role_unknown"]),
        ("7,Ravi,7000000007,PC,C,,XX,no,,", ["unit_unknown"]),
        ("8,Ravi,7000000008,PC,C,,PS,maybe,,", ["head_invalid"]),
        ("9,Ravi,7000000009,PC,C,,PS,no,gone,", ["status_invalid"]),
        ("10,Ravi,7000000010,PC,C,,PS,no,,short", ["enrolment_code_short"]),
        ("a:b,Ravi,7000000011,PC,C,,PS,no,,", ["code_invalid"]),
        ("12,Ravi,7000000012,PC", ["columns_wrong"]),
        ("13,Ra\x07vi,7000000013,PC,C,,PS,no,,", ["value_malformed"]),
        (f"14,{'x' * 201},7000000014,PC,C,,PS,no,,", ["value_malformed"]),
        ("15,Ravi,7000000015,SI,C,sho,PS,YES,suspended,LONGENOUGH12", []),
        ("16,=HYPERLINK(1),7000000016,PC,C,,PS,no,,", ["value_formula"]),
        ("17,Ravi,7.0E+09,PC,C,,PS,no,,", ["number_rounded"]),
        ("18,Ravi,7000000018/7000000019,PC,C,,PS,no,,", ["number_several"]),
        ("19,Ravi,,PC,C,,PS,no,,", ["number_missing"]),
        (",Ravi,7000000020,PC,C,,PS,no,,", ["code_missing"]),
        (
            "21,,12,XX,C,spy,YY,perhaps,away,",
            [
                *("name_missing", "rank_unknown", "unit_unknown", "role_unknown"),
                *("head_invalid", "status_invalid", "number_invalid"),
            ],
        ),
    ]
    expected = [
        ("people.csv", line, code) for line, (_, codes) in enumerate(rows, 2) for code in codes
    ]
    assert problems("\n".join(row for row, _ in rows) + "\n") == expected


def test_people_with_one_number_are_both_refused_and_name_each_other() -> None:
    rows = "1,A,7000000000,PC,C,,PS,,,\n2,B,7000000001,PC,C,,PS,,,\n3,C,+917000000000,PC,C,,PS,,,\n"
    bank = databank.read(GOOD | {"people": (HEADER + rows).encode()})
    assert [person.code for person in bank.people] == ["2"]
    assert [(p.line, p.other, p.column) for p in bank.problems] == [
        (2, 4, "number"),
        (4, 2, "number"),
    ]


def test_a_row_that_is_repeated_word_for_word_counts_once() -> None:
    row = "1,A,7000000000,PC,C,,PS,,,\n"
    bank = databank.read(GOOD | {"people": (HEADER + row + row).encode()})
    assert (len(bank.people), bank.repeated, bank.problems) == (1, 1, [])


def test_somebody_who_left_needs_a_code_alone() -> None:
    bank = databank.read(GOOD | {"people": (HEADER + "1,,,,,,,,Retired,\n").encode()})
    assert (bank.people, bank.problems) == ([], [])
    assert bank.gone == {rules.person_id("1")}


def test_names_of_units_and_ranks_are_understood() -> None:
    rows = (
        "1,A,7000000000,Sub Inspector of Police,C,,తెలంగాణ,Y,,\n2,B,7000000001,Constabel,C,,PS,,,\n"
    )
    bank = databank.read(GOOD | {"people": (HEADER + rows).encode()})
    assert [(p.rank, p.unit, p.head) for p in bank.people] == [("SI", "TG", True)]
    assert [(p.code, p.value, p.suggestions) for p in bank.problems] == [
        ("rank_unknown", "Constabel", ("PC",))
    ]


def test_a_problem_never_shows_an_enrolment_code() -> None:
    bank = databank.read(
        GOOD | {"people": f"{HEADER}1,R,7000000000,PC,C,,PS,no,,SECRET1\n".encode()}
    )
    assert "SECRET1" not in str(bank.problems)


def test_bad_files() -> None:
    assert problems("", units=b"")[-1] == ("units.csv", 0, "file_empty")
    assert problems("", ranks=b"code,colour\n") == [("ranks.csv", 1, "header_wrong")]
    assert problems("", roles=b"") == [("roles.csv", 0, "file_empty")]
    assert problems('1,"Ravi\n')[0] == ("people.csv", 2, "csv_malformed")
    without = {name: content for name, content in GOOD.items() if name != "units"}
    assert [(p.file, p.code) for p in databank.read(without).problems] == [
        ("people.csv", "unit_unknown"),
        ("units.csv", "file_missing"),
    ]


def test_units_must_form_a_tree() -> None:
    units = (
        b"code,parent,level,name_en,name_te\n"
        b"TG,,state,T,\nA,B,station,A,\nB,A,station,B,\nC,X,station,C,\nD,C,station,D,\nE,TG,city,E,\n"
    )
    assert problems("", units=units) == [
        ("units.csv", 3, "parent_unusable"),
        ("units.csv", 4, "parent_unusable"),
        ("units.csv", 5, "parent_unknown"),
        ("units.csv", 6, "parent_unusable"),
        ("units.csv", 7, "level_unknown"),
    ]


def test_a_bom_and_other_line_ends_are_read() -> None:
    people = b"\xef\xbb\xbf" + GOOD["people"].replace(b"\n", b"\r\n")
    assert databank.read(GOOD | {"people": people}).problems == []


NAMES = st.sampled_from(["people", "units", "levels", "ranks", "roles"])
CELLS = st.text(max_size=12) | st.sampled_from(["PS", "PC", "1", "sho", "7000000000", "yes", '"'])


@given(NAMES, st.binary(max_size=300))
def test_no_bytes_crash_the_reader(name: str, content: bytes) -> None:
    for problem in databank.read(GOOD | {name: content}).problems:
        assert problem.code
        assert problem.line >= 0


@given(st.lists(st.lists(CELLS, min_size=9, max_size=11), max_size=8), st.sampled_from(["", "\0"]))
def test_no_rows_crash_the_reader(rows: list[list[str]], tail: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    content = (HEADER + out.getvalue() + tail).encode("utf-8", "replace")
    bank = databank.read(GOOD | {"people": content})
    numbers = [person.number for person in bank.people]
    assert len(numbers) == len(set(numbers))
    assert all(person.unit == "PS" or person.unit == "TG" for person in bank.people)


def test_names_in_all_languages_are_read_and_may_be_left_out() -> None:
    content = (
        "code,name_en,name_te,name_ur,name_hi,number,rank,post_en,post_hi,unit\n"
        "1,Ravi,రవి,روی,रवि,7000000000,PC,Constable,आरक्षी,PS\n"
    )
    bank = databank.read(GOOD | {"people": content.encode()})
    assert bank.problems == []
    (person,) = bank.people
    assert person.names == wire.Names(en="Ravi", te="రవి", ur="روی", hi="रवि")
    assert person.post == wire.Names(en="Constable", te="", ur="", hi="आरक्षी")
