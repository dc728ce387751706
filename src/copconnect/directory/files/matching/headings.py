"""Headings of columns as departments write them, in English, Telugu, Hindi and Urdu. Pure."""

import re
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

from copconnect.directory.files.matching.words import canonical, squeezed, words_of

WITHIN = "within"  # The names of larger units, which tell units of one name apart.
IGNORE = "ignore"  # Columns that the data bank has no use for.
OWN = "cop connect"  # Columns that a report of refused rows adds.

NAMED_LANGUAGES = {
    "en": {"english", "eng", "en", "ఇంగ్లీష్", "ఆంగ్లం", "ఆంగ్లంలో", "अंग्रेजी", "अंग्रेज़ी", "انگریزی"},
    "te": {"telugu", "tel", "te", "తెలుగు", "తెలుగులో", "तेलुगु", "تیلگو"},
    "ur": {"urdu", "ur", "ఉర్దూ", "उर्दू", "اردو"},
    "hi": {"hindi", "hi", "హిందీ", "हिंदी", "हिन्दी", "ہندی"},
}
# Columns that have one for each language are named here without it.
BY_LANGUAGE = ("name", "post")

PEOPLE: dict[str, tuple[str, ...]] = {
    "code": (
        "code", "employee no", "employee number", "employee id", "employee code", "emp no",
        "emp id", "emp code", "g no", "gno", "general no", "gl no", "hrms id", "hrms no",
        "hrms code", "treasury id", "treasury code", "cfms id", "pis no", "pis id", "belt no",
        "badge no", "buckle no", "pc no", "hc no", "pc hc no", "service no", "id no", "police id",
        "personnel no", "staff no", "userName",
        "ఉద్యోగి సంఖ్య", "ఉద్యోగి నంబర్", "ఉద్యోగి ఐడి", "ఉద్యోగి కోడ్", "జనరల్ నంబర్",
        "कर्मचारी संख्या", "कर्मचारी क्रमांक", "कर्मचारी आईडी", "कर्मचारी कोड", "बेल्ट नंबर",
        "ملازم نمبر", "ایمپلائی نمبر", "ملازم آئی ڈی", "بیلٹ نمبر",
    ),
    "name": (
        "name", "officer name", "name of the officer", "name of officer", "employee name",
        "emp name", "name of the employee", "name of the individual", "full name", "officer",
        "name of the police officer", "name of the pc", "name of the staff", "staff name",
        "first name", "last name", "surname", "display name",
        "పేరు", "అధికారి పేరు", "ఉద్యోగి పేరు", "పూర్తి పేరు",
        "नाम", "अधिकारी का नाम", "कर्मचारी का नाम", "पूरा नाम",
        "نام", "افسر کا نام", "ملازم کا نام", "پورا نام",
    ),
    "number": (
        "number", "mobile", "mobile no", "mobile number", "mob no", "cell", "cell no",
        "cell number", "phone", "phone no", "phone number", "contact", "contact no",
        "contact number", "cug", "cug no", "cug number", "cug mobile no",
        "official mobile no", "whatsapp no", "ph no",
        "మొబైల్", "మొబైల్ నంబర్", "మొబైల్ నెంబర్", "ఫోన్", "ఫోన్ నంబర్", "ఫోన్ నెంబర్", "సెల్ నంబర్", "సెల్ నెంబర్",
        "मोबाइल", "मोबाइल नंबर", "मोबाइल नम्बर", "मोबाइल संख्या", "फोन", "फोन नंबर", "दूरभाष", "संपर्क नंबर",
        "موبائل", "موبائل نمبر", "فون", "فون نمبر", "رابطہ نمبر",
    ),
    "rank": (
        "rank", "designation", "cadre", "category of post", "rank designation", "grade",
        "హోదా", "ర్యాంక్", "ర్యాంకు", "పదనామం",
        "रैंक", "पदनाम", "श्रेणी", "رینک", "عہدہ",
    ),
    "post": (
        "post", "post held", "posting", "present posting", "present post", "position", "title",
        "job title", "post title", "పోస్టు", "పోస్ట్", "పదవి", "पद", "पोस्ट", "पदस्थापना", "پوسٹ", "منصب",
    ),
    "unit": (
        "unit", "ps", "police station", "station", "name of the ps", "name of the police station",
        "place of working", "place of posting", "working at", "working place", "present place",
        "present place of working", "present working place", "office", "department", "unit code",
        "ps code", "ps unit", "place of duty", "unit office",
        "యూనిట్", "పోలీస్ స్టేషన్", "పీఎస్", "స్టేషన్", "ఠాణా", "పనిచేయు స్థలం", "పని చేయు స్థలం", "పని చేస్తున్న స్థలం",
        "इकाई", "यूनिट", "थाना", "पुलिस थाना", "पुलिस स्टेशन", "कार्यालय", "कार्यस्थल",
        "یونٹ", "تھانہ", "پولیس اسٹیشن", "دفتر",
    ),
    WITHIN: (
        "circle", "sub division", "division", "zone", "district", "commissionerate", "range",
        "district unit", "district commissionerate", "sdpo", "acp division",
        "సర్కిల్", "సబ్ డివిజన్", "డివిజన్", "జోన్", "జిల్లా", "కమిషనరేట్",
        "जिला", "ज़िला", "सर्किल", "उपखंड", "मंडल", "ضلع", "سرکل", "ڈویژن", "زون",
    ),
    "roles": (
        "roles", "role", "duty", "duties", "function", "functional vertical", "vertical",
        "nature of duty", "nature of work", "allotted duty", "duty allotted",
        "విధి", "విధులు", "పాత్ర", "भूमिका", "ड्यूटी", "कर्तव्य", "کردار", "ڈیوٹی",
    ),
    "head": (
        "head", "head of unit", "unit head", "in charge", "incharge", "is head", "unit admin",
        "యూనిట్ అధిపతి", "प्रभारी", "انچارج",
    ),
    "status": (
        "status", "service status", "present status", "working status", "employee status",
        "active", "స్థితి", "स्थिति", "حیثیت",
    ),
    "enrolment_code": ("enrolment code", "enrollment code", "registration code", "letter code"),
    IGNORE: (
        "s no", "sl no", "sno", "slno", "sr no", "srno", "serial no", "serial number", "si no",
        "date of birth", "dob", "date of joining", "doj", "date of appointment",
        "date of retirement", "father name", "fathers name", "name of the father",
        "husband name", "gender", "sex", "caste", "community", "religion", "blood group",
        "remarks", "remark", "address", "residential address", "email", "e mail", "mail id",
        "email id", "aadhaar no", "aadhar no", "pan no", "qualification", "native district",
        "native place", "batch", "age", "salary", "basic pay", "alternate mobile no",
        "alternate number", "emergency contact no", "residence phone no", "office phone no",
        "land line no", "landline", "signature", "photo",
        "క్రమ సంఖ్య", "క్ర సం", "వరుస సంఖ్య", "పుట్టిన తేదీ", "తండ్రి పేరు", "చిరునామా", "రిమార్కులు",
        "क्रम संख्या", "क्रमांक", "क्र सं", "जन्म तिथि", "पिता का नाम", "पता", "टिप्पणी",
        "نمبر شمار", "سیریل نمبر", "تاریخ پیدائش", "والد کا نام", "پتہ", "ریمارکس",
    ),
}  # fmt: skip
UNITS: dict[str, tuple[str, ...]] = {
    "code": ("code", "unit code", "unit id", "ps code", "office code", "కోడ్", "कोड", "کوڈ"),
    "parent": (
        "parent", "parent code", "parent unit", "parent unit code", "reports to", "under",
        "controlling unit", "controlling office", "higher office",
    ),
    "level": ("level", "type", "unit type", "kind", "category", "unit level", "type of unit"),
    "name": (
        "name", "unit name", "name of the unit", "unit", "name of the ps", "police station",
        "office name", "పేరు", "యూనిట్ పేరు", "नाम", "इकाई का नाम", "نام",
    ),
    IGNORE: PEOPLE[IGNORE],
}  # fmt: skip
POSTS = {column: PEOPLE[column] for column in ("post", "unit", WITHIN, "roles", "head", IGNORE)}
TERMS: dict[str, tuple[str, ...]] = {
    "code": ("code", "short name", "abbreviation", "short form", "కోడ్", "कोड", "کوڈ"),
    "name": ("name", "full name", "rank", "role", "level", "designation", "పేరు", "नाम", "نام"),
    IGNORE: PEOPLE[IGNORE],
}  # fmt: skip
HEADINGS = {
    "people": PEOPLE,
    "units": UNITS,
    "posts": POSTS,
    **dict.fromkeys(("levels", "ranks", "roles"), TERMS),
}
TABLES = tuple(HEADINGS)
_TRAILING = re.compile(r"^\W+|\W+$")


class Heading(NamedTuple):
    """The column that a heading names, its language if it names one, and a certainty, 0 to 1."""

    column: str
    language: str
    score: float


@lru_cache(maxsize=64)
def _forms(table: str) -> dict[str, dict[str, str]]:
    """Return the columns of a table by each form of their headings."""
    forms: dict[str, dict[str, str]] = {"squeezed": {}, "canonical": {}}
    for column, headings in HEADINGS[table].items():
        for heading in (column, *headings):
            forms["squeezed"].setdefault(squeezed(heading), column)
            forms["canonical"].setdefault(canonical(heading), column)
    return forms


@lru_cache(maxsize=8192)
def read_heading(table: str, header: str) -> Heading:
    """Return what a heading of a table says; column "" for a heading that says nothing known."""
    if header.casefold().startswith(OWN):
        return Heading(IGNORE, "", 1.0)
    language, rest = _language(header)
    forms = _forms(table)
    squeezed_text, text = squeezed(rest), canonical(rest)
    if not squeezed_text:
        # "English" under a heading that spans columns says a language alone.
        return Heading("name" if language else "", language, 0.4 if language else 0.0)
    column, score = forms["squeezed"].get(squeezed_text, ""), 1.0
    if not column:
        column, score = forms["canonical"].get(text, ""), 0.95
    if not column:
        column, score = _partly(forms["canonical"], text)
    if not column:
        column, score = _closely(forms["squeezed"], squeezed_text)
    if column in BY_LANGUAGE and not language:
        # A heading in another script says nothing of the script below it.
        return Heading(column, "", score)
    return Heading(column, language, score)


def _language(header: str) -> tuple[str, str]:
    """Return the language that a heading names, and the rest of the heading."""
    words = words_of(header)
    for language, names in NAMED_LANGUAGES.items():
        if len(words) > 1 or len(words[0] if words else "") > 2:
            rest = [word for word in words if word not in names]
            if len(rest) < len(words):
                return language, " ".join(word for word in rest if word != "in")
    return "", header


def _partly(forms: dict[str, str], text: str) -> tuple[str, float]:
    """Return the column whose heading's words are all in the text, the most words first."""
    words = set(text.split())
    best, best_score = "", 0.0
    for heading, column in forms.items():
        wanted = set(heading.split())
        if not wanted <= words:
            continue
        score = 0.5 + 0.35 * len(wanted) / len(words)
        if score > best_score:
            best, best_score = column, score
    return best, best_score


def _closely(forms: dict[str, str], text: str) -> tuple[str, float]:
    """Return the column whose heading is spelt almost like the text."""
    if len(text) < 5:
        return "", 0.0
    best, best_score = "", 0.0
    for heading, column in forms.items():
        if len(heading) >= 5 and (ratio := fuzz.ratio(text, heading)) > max(best_score, 84):
            best, best_score = column, ratio
    return best, best_score / 100 * 0.7


def known_headings(cells: list[str]) -> tuple[str, int]:
    """Return for which table a row could be the header, and how many of its cells say so. Cells
    that are numbers say that a row is none."""
    best, most = "", 0
    texts = [cell.strip() for cell in cells if cell.strip()]
    if any(_TRAILING.sub("", text).isdecimal() and len(text) > 5 for text in texts):
        return best, most
    for table in TABLES:
        found = [read_heading(table, text) for text in texts if len(text) <= 60]
        columns = {heading.column for heading in found if heading.score >= 0.6 and heading.column}
        surely = len(columns - {IGNORE}) * 2 + len(columns & {IGNORE})
        if surely > most:
            best, most = table, surely
    return best, most


def is_heading(cell: str) -> bool:
    """Return whether a cell is a known heading, or names a language under one."""
    return any(read_heading(table, cell).score >= 0.4 for table in TABLES)


def column_of(base: str, language: str) -> str:
    """Return the column of a name or post in a language."""
    return f"{base}_{language}" if base in BY_LANGUAGE else base
