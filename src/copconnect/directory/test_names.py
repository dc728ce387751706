"""Names in the department's languages: every language has its field, its column and its script."""

import msgspec

from copconnect import wire
from copconnect.directory import names, store

KHAN = wire.Names(en="Imran Khan", te="ఇమ్రాన్ ఖాన్", ur="عمران خان", hi="इमरान ख़ान")


def test_every_language_has_a_field_a_column_and_a_script() -> None:
    fields = [field.name for field in msgspec.structs.fields(wire.Names)]
    assert fields == list(wire.LANGUAGES)
    assert set(names.SCRIPTS) == set(wire.LANGUAGES)
    for table in (store.units, store.people, *store.VOCABULARIES.values()):
        assert set(names.columns("name")) <= set(table.c.keys())
    assert set(names.columns("post")) <= set(store.posts.c.keys())


def test_columns_give_the_name_back() -> None:
    row = names.row(KHAN, "post")
    assert row["post_ur"] == "عمران خان"
    assert names.read(row, "post") == KHAN


def test_a_card_lists_scripts_ascending_and_leaves_out_what_is_missing() -> None:
    assert names.by_script(names.spellings(KHAN)) == (
        ("Arab", KHAN.ur),
        ("Deva", KHAN.hi),
        ("Latn", KHAN.en),
        ("Telu", KHAN.te),
    )
    assert names.by_script(names.spellings(msgspec.structs.replace(KHAN, ur="", te=""))) == (
        ("Deva", KHAN.hi),
        ("Latn", KHAN.en),
    )
