"""Problems of rows and files in words: the problem, and the remedy. Pure.

The codes are stable; docs/operations.md lists them. The console has these sentences in every
language, by code.
"""

from typing import NamedTuple


class Words(NamedTuple):
    """A problem and its remedy. ``{value}`` and ``{column}`` are filled in."""

    wrong: str
    remedy: str


PROBLEMS: dict[str, Words] = {
    "file_missing": Words("The file is missing.", "Add it to the folder."),
    "header_wrong": Words(
        "The header lacks a column, or has one twice or one too many: {value}.",
        "Name the columns as docs/operations.md does, or choose them by hand.",
    ),
    "csv_malformed": Words(
        "A quotation mark is out of place ({value}).",
        'Remove the quotation mark (") or put it at both ends of the value.',
    ),
    "columns_wrong": Words(
        "The row has {value} values, and the header another number.",
        "Look for a missing or an extra separator, or a file that was cut off.",
    ),
    "value_malformed": Words(
        "The value under {column} has a character that cannot be stored, or more than 200.",
        "Type the value again.",
    ),
    "value_formula": Words(
        "The value under {column} begins like a formula of a spreadsheet.",
        "Begin it with a letter or a digit.",
    ),
    "code_missing": Words(
        "The row has no code.", "Give the employee number; it identifies a person for ever."
    ),
    "code_invalid": Words(
        "The code {value} has other characters than letters, digits, - _ and .",
        "Give the employee number.",
    ),
    "code_duplicate": Words(
        "Another row has the code {value}.", "Remove one of the two rows, or correct its code."
    ),
    "name_missing": Words("The row has no name in English.", "Give the name in Latin letters."),
    "post_duplicate": Words(
        "Another row names the post {value} otherwise in another language.",
        "Remove one of the two rows, or give both the same names.",
    ),
    "level_unknown": Words(
        "There is no level {value}.", "Choose one that levels.csv has, or add it there."
    ),
    "parent_unknown": Words(
        "There is no unit {value}, which is to be the parent.", "Correct it, or add that unit."
    ),
    "parent_unusable": Words(
        "The parent {value} is itself refused, or lies below this unit.", "Correct the parent."
    ),
    "rank_unknown": Words(
        "There is no rank {value}.", "Choose one that the data bank has, or add it to ranks.csv."
    ),
    "role_unknown": Words(
        "There is no role {value}.", "Choose one that the data bank has, or add it to roles.csv."
    ),
    "unit_unknown": Words(
        "There is no unit {value}, or several have this name.",
        "Give the unit's code, or add a column that names its district.",
    ),
    "number_missing": Words("The row has no number.", "Give the number that the person registers."),
    "number_invalid": Words(
        "{value} is not a phone number.", "Give ten digits, or + and the country code."
    ),
    "number_rounded": Words(
        "A spreadsheet rounded the number to {value}; its last digits are lost.",
        "Format the column as text or number in the spreadsheet, and save the file again.",
    ),
    "number_several": Words(
        "There are several numbers in {value}.", "Keep the one with which the person registers."
    ),
    "number_duplicate": Words(
        "Another row has the number {value}.", "Give each person a number of their own."
    ),
    "number_in_use": Words(
        "Somebody who is not in the file has the number {value}.",
        "Correct the number, or remove that person.",
    ),
    "head_invalid": Words("{value} is neither yes nor no.", "Write yes or no."),
    "status_invalid": Words(
        "{value} is no status.", "Write active, suspended, removed, or nothing."
    ),
    "enrolment_code_short": Words(
        "The enrolment code has fewer than 12 characters.", "Give a longer one, or none."
    ),
    "not_in_part": Words(
        "{value} or the unit in this row is outside your part.",
        "Leave out the row, or ask an admin of that unit.",
    ),
    "holds_grants": Words(
        "{value} is an admin, or holds a charge, in units beyond your part.",
        "Leave this person as stored, or ask an admin of those units.",
    ),
    "oneself": Words(
        "{value} is you, and nobody imports a change of themselves.",
        "Leave yourself as stored, or ask another admin.",
    ),
    "not_whole": Words(
        "The file changes units, posts, ranks, levels or roles, which belong to the whole "
        "department.",
        "Leave them out, or ask an admin of the department.",
    ),
}

FILES: dict[str, Words] = {
    "file_empty": Words("The file has no rows.", "Choose the file that has them."),
    "file_too_large": Words("The file has {value} bytes.", "Split it, or remove its pictures."),
    "file_expands": Words(
        "What is compressed in the file is too large: {value}.",
        "Save the sheet as CSV, or delete the empty rows below the table.",
    ),
    "file_encrypted": Words("The file has a password.", "Save it without one."),
    "file_damaged": Words("The file is damaged: {value}.", "Open it, and save it as XLSX again."),
    "file_kind_unknown": Words(
        "This is no table: {value}.", "Give a CSV, XLSX, XLSM, XLSB, XLS or ODS file."
    ),
    "encoding_unknown": Words(
        "The file is neither text nor a workbook.", "Save it as CSV in UTF-8, or as XLSX."
    ),
    "too_many_rows": Words("The file has too many rows: {value}.", "Split the file."),
    "too_many_columns": Words("The file has too many columns: {value}.", "Remove some."),
    "too_many_cells": Words(
        "The table reaches too far: {value}.",
        "Delete the empty rows and columns around it, and what lies far from it.",
    ),
    "took_too_long": Words("Reading the file took longer than {value}.", "Save it as CSV."),
}


def sentences(code: str, value: str = "", column: str = "") -> Words:
    """Return the words for a problem of a row or file, filled in."""
    words = PROBLEMS.get(code) or FILES.get(code) or Words(code, "")
    return Words(
        words.wrong.replace("{value}", value or "nothing").replace("{column}", column),
        words.remedy,
    )
