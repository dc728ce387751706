"""Problems of rows and files in words: the problem, and the remedy. Pure.

The codes are stable; docs/operations.md lists them. The console has these sentences in every
language, by code.
"""

from typing import NamedTuple


class ProblemText(NamedTuple):
    """A problem and its remedy. ``{value}`` and ``{column}`` are filled in."""

    wrong: str
    remedy: str


PROBLEMS: dict[str, ProblemText] = {
    "file_missing": ProblemText("The file is missing.", "Add it to the folder."),
    "header_wrong": ProblemText(
        "The header lacks a column, or has one twice or one too many: {value}.",
        "Name the columns as docs/operations.md does, or choose them by hand.",
    ),
    "csv_malformed": ProblemText(
        "A quotation mark is out of place ({value}).",
        'Remove the quotation mark (") or put it at both ends of the value.',
    ),
    "columns_wrong": ProblemText(
        "The row has {value} values, and the header another number.",
        "Look for a missing or an extra separator, or a file that was cut off.",
    ),
    "value_malformed": ProblemText(
        "The value under {column} has a character that cannot be stored, or more than 200.",
        "Type the value again.",
    ),
    "value_formula": ProblemText(
        "The value under {column} begins like a formula of a spreadsheet.",
        "Begin it with a letter or a digit.",
    ),
    "code_missing": ProblemText(
        "The row has no code.", "Give the employee number; it identifies a person for ever."
    ),
    "code_invalid": ProblemText(
        "The code {value} has other characters than letters, digits, - _ and .",
        "Give the employee number.",
    ),
    "code_duplicate": ProblemText(
        "Another row has the code {value}.", "Remove one of the two rows, or correct its code."
    ),
    "name_missing": ProblemText(
        "The row has no name in English.", "Give the name in Latin letters."
    ),
    "post_duplicate": ProblemText(
        "Another row names the post {value} otherwise in another language.",
        "Remove one of the two rows, or give both the same names.",
    ),
    "level_unknown": ProblemText(
        "There is no level {value}.", "Choose one that levels.csv has, or add it there."
    ),
    "parent_unknown": ProblemText(
        "There is no unit {value}, which is to be the parent.", "Correct it, or add that unit."
    ),
    "parent_unusable": ProblemText(
        "The parent {value} is itself refused, or lies below this unit.", "Correct the parent."
    ),
    "rank_unknown": ProblemText(
        "There is no rank {value}.", "Choose one that the data bank has, or add it to ranks.csv."
    ),
    "role_unknown": ProblemText(
        "There is no role {value}.", "Choose one that the data bank has, or add it to roles.csv."
    ),
    "unit_unknown": ProblemText(
        "There is no unit {value}, or several have this name.",
        "Give the unit's code, or add a column that names its district.",
    ),
    "number_missing": ProblemText(
        "The row has no number.", "Give the number that the person registers."
    ),
    "number_invalid": ProblemText(
        "{value} is not a phone number.", "Give ten digits, or + and the country code."
    ),
    "number_rounded": ProblemText(
        "A spreadsheet rounded the number to {value}; its last digits are lost.",
        "Format the column as text or number in the spreadsheet, and save the file again.",
    ),
    "number_several": ProblemText(
        "There are several numbers in {value}.", "Keep the one with which the person registers."
    ),
    "number_duplicate": ProblemText(
        "Another row has the number {value}.", "Give each person their own number."
    ),
    "number_in_use": ProblemText(
        "Somebody who is not in the file has the number {value}.",
        "Correct the number, or remove that person.",
    ),
    "head_invalid": ProblemText("{value} is neither yes nor no.", "Write yes or no."),
    "status_invalid": ProblemText(
        "{value} is no status.", "Write active, suspended, removed, or nothing."
    ),
    "enrolment_code_short": ProblemText(
        "The enrolment code has fewer than 12 characters.", "Give a longer one, or none."
    ),
    "not_in_part": ProblemText(
        "{value} or the unit in this row is outside your part.",
        "Leave out the row, or ask an admin of that unit.",
    ),
    "holds_grants": ProblemText(
        "{value} is an admin, or holds a charge, in units beyond your part.",
        "Leave this person as stored, or ask an admin of those units.",
    ),
    "oneself": ProblemText(
        "{value} is you, and nobody imports a change of themselves.",
        "Leave yourself as stored, or ask another admin.",
    ),
    "not_whole": ProblemText(
        "The file changes units, posts, ranks, levels or roles, which belong to the whole "
        "department.",
        "Leave them out, or ask an admin of the department.",
    ),
}

FILES: dict[str, ProblemText] = {
    "file_empty": ProblemText("The file has no rows.", "Choose the file that has them."),
    "file_too_large": ProblemText(
        "The file has {value} bytes.", "Split it, or remove its pictures."
    ),
    "file_expands": ProblemText(
        "What is compressed in the file is too large: {value}.",
        "Save the sheet as CSV, or delete the empty rows below the table.",
    ),
    "file_encrypted": ProblemText("The file has a password.", "Save it without one."),
    "file_damaged": ProblemText(
        "The file is damaged: {value}.", "Open it, and save it as XLSX again."
    ),
    "file_kind_unknown": ProblemText(
        "This is no table: {value}.", "Give a CSV, XLSX, XLSM, XLSB, XLS or ODS file."
    ),
    "encoding_unknown": ProblemText(
        "The file is neither text nor a workbook.", "Save it as CSV in UTF-8, or as XLSX."
    ),
    "too_many_rows": ProblemText("The file has too many rows: {value}.", "Split the file."),
    "too_many_columns": ProblemText("The file has too many columns: {value}.", "Remove some."),
    "too_many_cells": ProblemText(
        "The table reaches too far: {value}.",
        "Delete the empty rows and columns around it, and what lies far from it.",
    ),
    "took_too_long": ProblemText("Reading the file took longer than {value}.", "Save it as CSV."),
}


def sentences(code: str, value: str = "", column: str = "") -> ProblemText:
    """Return the words for a problem of a row or file, filled in."""
    words = PROBLEMS.get(code) or FILES.get(code) or ProblemText(code, "")
    return ProblemText(
        words.wrong.replace("{value}", value or "nothing").replace("{column}", column),
        words.remedy,
    )
