"""The tables of the data bank and their columns, as files and exports have them."""

from copconnect.directory import names

VOCABULARIES = ("levels", "ranks", "roles")
VOCABULARY_COLUMNS = ("code", *names.columns("name"))
UNIT_COLUMNS = ("code", "parent", "level", *names.columns("name"))
POST_COLUMNS = ("unit", *names.columns("post"), "roles", "head")
PEOPLE_COLUMNS = (
    "code",
    *names.columns("name"),
    "number",
    "rank",
    *names.columns("post"),
    "roles",
    "unit",
    "head",
    "status",
    "enrolment_code",
)
COLUMNS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(VOCABULARIES, VOCABULARY_COLUMNS),
    "units": UNIT_COLUMNS,
    "posts": POST_COLUMNS,
    "people": PEOPLE_COLUMNS,
}
OPTIONAL = {
    *names.optional_columns("name"),
    *names.optional_columns("post"),
    *("roles", "head", "status", "enrolment_code"),
}
OPTIONAL_TABLES = ("posts",)  # People name their posts; this table has vacant ones.
