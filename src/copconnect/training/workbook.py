"""A workbook of the people who have not finished a course. Every cell is text."""

import asyncio
import io
from collections.abc import Sequence

import xlsxwriter

from copconnect import wire

_COLUMNS: dict[wire.Language, tuple[str, str, str, str]] = {
    "en": ("Name", "Rank", "Post", "Lessons done"),
    "te": ("పేరు", "హోదా", "పోస్టు", "పూర్తయిన పాఠాలు"),
    "ur": ("نام", "رینک", "عہدہ", "مکمل اسباق"),
    "hi": ("नाम", "पद", "पोस्ट", "पूरे किए पाठ"),
}
_WIDTHS = (32, 14, 48, 14)


async def workbook(
    people: Sequence[wire.UntrainedPerson], lessons: int, language: wire.Language
) -> bytes:
    """Return an XLSX file. ``lessons``: of the course. The whole force takes seconds."""
    return await asyncio.to_thread(_write, people, lessons, language)


def _write(people: Sequence[wire.UntrainedPerson], lessons: int, language: wire.Language) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    sheet = book.add_worksheet()
    if language == "ur":
        sheet.right_to_left()
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True, "bottom": 1})
    for column, (title, width) in enumerate(zip(_COLUMNS[language], _WIDTHS, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, bold)
    for row, one in enumerate(people, 1):
        person = one.person
        cells = (
            spelled(person.names, language),
            person.rank,
            spelled(person.post, language),
            f"{one.done} / {lessons}",
        )
        for column, cell in enumerate(cells):
            sheet.write_string(row, column, cell)
    book.close()
    return out.getvalue()


def spelled(names: wire.Names, language: wire.Language) -> str:
    """Return a name in a language, in English where it has none in it."""
    own: str = getattr(names, language)
    return own or names.en
